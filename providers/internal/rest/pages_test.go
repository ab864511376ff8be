package rest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// book answers pages of items by their number; each fetch is noted.
type book struct {
	pages []Page[string]
	asked []string
}

func (b *book) fetch(cursor string) (Page[string], error) {
	b.asked = append(b.asked, cursor)
	n := 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "p%d", &n); err != nil {
			return Page[string]{}, err
		}
	}
	if n >= len(b.pages) {
		return Page[string]{}, errors.New("there is no such page")
	}
	return b.pages[n], nil
}

func total(n int) *int { return &n }

func TestCollect(t *testing.T) {
	key := func(s string) string { return s }
	for _, test := range []struct {
		name   string
		budget int
		pages  []Page[string]
		want   string // the items
		asked  string
		err    error
	}{
		{"one page", 5, []Page[string]{{Items: []string{"a", "b"}}}, "a b", "", nil},
		{"nothing", 5, []Page[string]{{}}, "", "", nil},
		{"nothing, as counted", 5, []Page[string]{{Total: total(0), Last: true}}, "", "", nil},
		{"two pages", 5, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Items: []string{"b"}}}, "a b", " p1", nil},
		{"an empty page in between", 5, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Next: "p2"}, {Items: []string{"b"}}}, "a b", " p1 p2", nil},
		{"overlapping pages", 5, []Page[string]{{Items: []string{"a", "b"}, Next: "p1"}, {Items: []string{"b", "c"}}}, "a b c", " p1", nil},
		{"the last page of a complete list", 5, []Page[string]{{Items: []string{"a"}, Next: "p1", Last: true, Total: total(1)}}, "a", "", nil},
		{"called the last although more is there", 5, []Page[string]{
			{Items: []string{"a"}, Next: "p1", Last: true, Total: total(2)}, {Items: []string{"b"}, Next: "p2", Last: true, Total: total(2)},
		}, "a b", " p1", nil},
		{"called the last, and no more comes", 5, []Page[string]{
			{Items: []string{"a"}, Next: "p1", Last: true, Total: total(2)}, {Last: true, Total: total(2)},
		}, "a", " p1", ErrShort},
		{"fewer than counted", 5, []Page[string]{{Items: []string{"a"}, Total: total(3)}}, "a", "", ErrShort},
		{"an overlap hides that one is missing", 5, []Page[string]{
			{Items: []string{"a", "b"}, Next: "p1", Total: total(4)}, {Items: []string{"b", "c"}, Total: total(4)},
		}, "a b c", " p1", ErrShort},
		{"counted otherwise meanwhile", 5, []Page[string]{
			{Items: []string{"a"}, Next: "p1", Total: total(2)}, {Items: []string{"b"}, Total: total(3)},
		}, "a b", " p1", ErrShifting},
		{"counted once", 5, []Page[string]{{Items: []string{"a"}, Next: "p1", Total: total(2)}, {Items: []string{"b"}}}, "a b", " p1", nil},
		{"a page that leads to itself", 5, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Items: []string{"b"}, Next: "p1"}}, "a b", " p1", ErrSamePage},
		{"the same items under other names", 5, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Items: []string{"a"}, Next: "p2"}}, "a", " p1", ErrSamePage},
		{"as many pages as are read", 2, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Items: []string{"b"}}}, "a b", " p1", nil},
		{"a page too many", 2, []Page[string]{{Items: []string{"a"}, Next: "p1"}, {Items: []string{"b"}, Next: "p2"}, {}}, "a b", " p1", ErrTooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := &book{pages: test.pages}
			items, err := Collect(test.budget, key, b.fetch)
			if !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if got := strings.Join(items, " "); got != test.want {
				t.Errorf("items %q, want %q", got, test.want)
			}
			if got := strings.Join(b.asked, " "); got != test.asked {
				t.Errorf("asked for %q, want %q", got, test.asked)
			}
		})
	}
}

// An error in the middle is the error of the whole.
func TestCollectPageFails(t *testing.T) {
	b := &book{pages: []Page[string]{{Items: []string{"a"}, Next: "p1"}}}
	items, err := Collect(5, func(s string) string { return s }, b.fetch)
	if err == nil || err.Error() != "there is no such page" || !slices.Equal(items, []string{"a"}) {
		t.Errorf("%v %v", items, err)
	}
}
