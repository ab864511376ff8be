package schemas

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // so that a zone is valid on every machine or on none
)

// formats are the formats of our own. The validator lets formats pass that it
// does not know, so every format of the files is either here or its own.
func formats() map[string]func(any) bool {
	var zones sync.Map // a roster names few zones many times
	return map[string]func(any) bool{
		"time-zone": func(v any) bool {
			name, isText := v.(string)
			if !isText {
				return true
			}
			if valid, seen := zones.Load(name); seen {
				return valid.(bool)
			}
			valid := isTimeZone(name)
			zones.Store(name, valid)
			return valid
		},
	}
}

// isTimeZone tells whether the name is one of the IANA database. Local is none:
// it means another zone on another machine.
func isTimeZone(name string) bool {
	if name == "" || strings.EqualFold(name, "local") {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
