package plan

// Progress is told how far a run has come: lookups first, changes later. It is
// safe for concurrent use, and its methods return at once.
type Progress interface {
	// Begin says how many steps there are at a provider.
	Begin(provider string, total int)
	// Done says that one of them has ended, well or not. Those that are skipped never
	// end.
	Done(provider string)
}

// told is where progress is told: nowhere when nobody asked.
func told(p Progress) Progress {
	if p == nil {
		return untold{}
	}
	return p
}

type untold struct{}

func (untold) Begin(string, int) {}
func (untold) Done(string)       {}
