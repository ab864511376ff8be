package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is a step in one line.
func told(s Step) string {
	line := string(s.By) + " " + s.Value + ":"
	for _, u := range s.Users {
		line += " " + u.ID
	}
	if s.Others > 0 {
		line += fmt.Sprintf(" +%d", s.Others)
	}
	if len(s.Unshown) > 0 {
		line += " for " + strings.Join(s.Unshown, ",")
	}
	switch {
	case errors.Is(s.Err, ErrAbsent):
		line += " absent"
	case s.Err != nil:
		line += " error"
	}
	return line
}

// TestSteps: an observation has each look at the vendor, in their order, with what
// it was answered; what failed is the last of them.
func TestSteps(t *testing.T) {
	broken := errors.New("GET /users: 503")
	ana, old, other := user("U-1", now), user("U-2", before), user("U-9", "else@example.com")
	whole := user("U-1", now, "lists=a")
	for name, test := range map[string]struct {
		vendor vendor
		query  Query
		want   []string
	}{
		"pinned":             {vendor{byID: map[string]any{"U-1": ana}}, Query{UserID: "U-1", Emails: []string{now}}, []string{"userID U-1: U-1"}},
		"pin unknown, found": {vendor{byEmail: map[string][]any{now: {ana}}}, Query{UserID: "U-0", Emails: []string{now}}, []string{"userID U-0: absent", "address ana@example.com: U-1"}},
		"pin broken":         {vendor{byID: map[string]any{"U-1": broken}}, Query{UserID: "U-1", Emails: []string{now}}, []string{"userID U-1: error"}},
		"absent":             {vendor{}, Query{Emails: []string{"Ana@example.com", before}}, []string{"address Ana@example.com:", "address ana@example.com:", "address ana.souza@example.com:"}},
		"by the old address": {vendor{byEmail: map[string][]any{before: {old}}}, Query{Emails: []string{now, before}}, []string{"address ana@example.com:", "address ana.souza@example.com: U-2"}},
		"two":                {vendor{byEmail: map[string][]any{now: {ana}, before: {old}}}, Query{Emails: []string{now, before}}, []string{"address ana@example.com: U-1", "address ana.souza@example.com: U-2"}},
		"broken":             {vendor{byEmail: map[string][]any{now: {broken}}}, Query{Emails: []string{now, before}}, []string{"address ana@example.com: error"}},
		"others only":        {vendor{anywhere: []*User{other}}, Query{Emails: []string{now, before}}, []string{"address ana@example.com: +1 error"}},
		"and others":         {vendor{byEmail: map[string][]any{now: {ana}}, anywhere: []*User{other}}, Query{Emails: []string{now}}, []string{"address ana@example.com: U-1 +1"}},
		"once more":          {vendor{byEmail: map[string][]any{now: {ana}}, byID: map[string]any{"U-1": whole}}, Query{Emails: []string{now}, Stated: []string{"lists"}}, []string{"address ana@example.com: U-1", "id U-1: U-1 for lists"}},
		"once more, doubted": {vendor{byEmail: map[string][]any{now: {ana}}, byID: map[string]any{"U-1": whole}}, Query{Emails: []string{now}, Doubtful: func(*User) bool { return true }}, []string{"address ana@example.com: U-1", "id U-1: U-1"}},
		"once more, broken":  {vendor{byEmail: map[string][]any{now: {ana}}, byID: map[string]any{"U-1": broken}}, Query{Emails: []string{now}, Stated: []string{"lists"}}, []string{"address ana@example.com: U-1", "id U-1: for lists error"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Lookup(context.Background(), &test.vendor, test.query)
			var steps []string
			for _, step := range o.Steps {
				steps = append(steps, told(step))
			}
			if diff := cmp.Diff(test.want, steps); diff != "" {
				t.Error(diff)
			}
			if len(o.Steps) != len(test.vendor.asked) {
				t.Errorf("there are %d steps, and the vendor was asked %v", len(o.Steps), test.vendor.asked)
			}
		})
	}
}
