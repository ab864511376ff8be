package simulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// myreportsMostItems is the longest page, and the default (DOC M-ACC, for accounts;
// for users assumed).
const myreportsMostItems = 1000

// myreportsPage is which page of a list is asked for.
type myreportsPage struct{ index, size int }

// pageOf reads the parameters of a list. pageIndex counts from 0 (DOC M-ACC, for
// accounts). A filter is documented for customers only, so that it is unknown here.
func (m *myreports) pageOf(c *call) (myreportsPage, []problem) {
	page := myreportsPage{size: myreportsMostItems}
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return page, []problem{{"", "the query can not be decoded"}}
	}
	k := &checker{}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		at := "/" + name
		n, err := strconv.Atoi(q.Get(name))
		switch {
		case name != "pageIndex" && name != "pageSize":
			k.wrong(at, "this parameter is not known here")
		case m.options.MyReports.IgnorePaging:
		case len(q[name]) > 1:
			k.wrong(at, "this parameter may be given once")
		case err != nil:
			k.wrong(at, "must be an integer")
		case name == "pageIndex" && n < 0: // 400 is assumed, as below
			k.wrong(at, "must not be negative")
		case name == "pageSize" && (n < 1 || n > myreportsMostItems):
			k.wrong(at, "must be between 1 and %d", myreportsMostItems)
		case name == "pageIndex":
			page.index = n
		default:
			page.size = n
		}
	}
	return page, k.problems
}

// search answers GET …/users: page_size is how many items come, and page_index
// stands on lists with pages (DOC M-LIST, M-REF).
func (m *myreports) search(c *call, account string) *response {
	page, problems := m.pageOf(c)
	if len(problems) > 0 {
		return m.refuse(c, problems...)
	}
	users := m.members(c, account)
	body := map[string]any{}
	if !m.options.MyReports.IgnorePaging {
		from, to := page.slice(c, len(users))
		users, body["page_index"] = users[from:to], page.index
	}
	data := make([]any, len(users))
	for i, u := range users {
		one := u.shown(c, m.options.MyReports.ListShowsRoles)
		hide(c, c.ch.HiddenInSearch, one, nil)
		data[i] = one
	}
	body["data"], body["page_size"] = data, len(data)
	return m.answer(c, http.StatusOK, body)
}

// members is the users of an account, in the order of their creation (assumed).
func (m *myreports) members(c *call, account string) (users []*myreportsUser) {
	searches := m.records.searches.Add(1)
	m.records.after(0, func(u *myreportsUser) bool {
		switch {
		case !u.belongs(account):
		case u.lagging(c, searches):
			c.fired("index-lag")
		default:
			users = append(users, u)
		}
		return true
	})
	return users
}

// slice is where a page of n users begins and ends, as chaos has it. No answer says
// how many pages there are: who reads a list goes on until a page is not full.
func (p myreportsPage) slice(c *call, n int) (from, to int) {
	step, index := p.size, p.index
	overlaps := c.ch.OverlappingPages && p.size > 1 && n > p.size
	if overlaps {
		step-- // each page after the first has one user of the page before
	}
	if c.ch.RepeatedCursor {
		index = min(index, 1)
	}
	if index > n/step {
		return n, n
	}
	from = min(index*step, n)
	to = min(from+p.size, n)
	if overlaps && index > 0 && to-from == 1 {
		from = n // only the user of the page before is left: there is no such page
	}
	if from < to && index < p.index {
		c.fired("repeated-cursor")
	}
	if from < to && overlaps && index > 0 {
		c.fired("overlapping-pages")
	}
	return from, to
}
