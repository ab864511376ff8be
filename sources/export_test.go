package sources

import "time"

// SetCommandTime limits how long a command may take, for tests.
func (s *Secrets) SetCommandTime(limit time.Duration) { s.commandTime = limit }
