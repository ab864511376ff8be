package rest

import (
	"context"
	"errors"
	"fmt"
)

// A Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Next is what the following page is asked for with, such as a link, a cursor
	// or a number; empty when there is none.
	Next string
	// Total is how many items the vendor says that there are on all pages together,
	// or nil when it does not say.
	Total *int
	// Last says that the vendor names no further page. Next is followed nevertheless
	// while fewer items were seen than Total says.
	Last bool
}

// Errors of a list that does not add up: it can not be taken for complete.
var (
	ErrSamePage = errors.New("the list answers the same page again and again")
	ErrShifting = errors.New("the list changed while it was read")
	ErrTooLong  = errors.New("the list has too many pages")
	ErrShort    = errors.New("the list ends before it is complete")
)

// ReadPages reads a list whole, as Collect does: call says how the page of a cursor
// is asked for, and page reads it. A list that does not add up is an error of its
// last answer; items never come with an error.
func ReadPages[T any](ctx context.Context, r Reader, budget int, key func(T) string, call func(cursor string) Call, page func(cursor string, answer *Response) (Page[T], error)) ([]T, error) {
	var last *Response
	items, err := Collect(budget, key, func(cursor string) (Page[T], error) {
		response, err := r.Read(ctx, call(cursor))
		if err != nil {
			return Page[T]{}, err
		}
		last = response
		return page(cursor, response)
	})
	switch {
	case err == nil:
		return items, nil
	case KindOf(err) == 0 && last != nil:
		return nil, last.Unusable(err)
	default:
		return nil, err
	}
}

// Collect reads a list whole, page after page, each item once although pages
// overlap. An answer without an error is complete as far as can be told: every
// page was there, no page came twice, and as many items were seen as the vendor
// says that there are. It reads at most budget pages and ends, whatever a vendor
// answers. key tells items apart; fetch reads the page of a cursor, "" being the
// first. The items that were read come with an error too, for it to be said.
func Collect[T any](budget int, key func(T) string, fetch func(cursor string) (Page[T], error)) ([]T, error) {
	var items []T
	seen, asked := make(map[string]bool), map[string]bool{"": true}
	var total *int
	for pages, cursor := 1, ""; ; pages++ {
		page, err := fetch(cursor)
		if err != nil {
			return items, err
		}
		fresh := 0
		for _, item := range page.Items {
			if id := key(item); !seen[id] {
				seen[id] = true
				fresh++
				items = append(items, item)
			}
		}
		switch {
		case page.Total != nil && total != nil && *page.Total != *total:
			return items, ErrShifting
		case page.Total != nil:
			total = page.Total
		}
		complete := total == nil || len(items) >= *total
		switch {
		case page.Next == "" && !complete:
			return items, fmt.Errorf("%w: %d of %d", ErrShort, len(items), *total)
		case page.Next == "", page.Last && complete:
			return items, nil
		case asked[page.Next], fresh == 0 && len(page.Items) > 0:
			return items, ErrSamePage
		case pages == budget:
			return items, fmt.Errorf("%w: more than %d pages are not read", ErrTooLong, budget)
		}
		cursor = page.Next
		asked[cursor] = true
	}
}
