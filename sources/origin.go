package sources

import "fmt"

// An Origin is a place in a file that gave a value. Line and Column count from
// 1, columns in characters. Team is set when the value came through a team.
type Origin struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Team   string `json:"team,omitempty"`
}

// String renders the place as editors and terminals expect it.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
}
