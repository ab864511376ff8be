package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of per_page (DOC P-SEARCH); the default is DOC-OLD.
const (
	partooPage    = 30
	partooMaxPage = 100
)

// partooOrders are the fields to order by (DOC P-SEARCH). The old groups are not
// simulated: by group_id all users are equal.
var partooOrders = []string{"email", "first_name", "last_name", "role", "org_id", "group_id", "status"}

// partooFilter is a search.
type partooFilter struct {
	email, text, status string
	org                 *int64
	disabled            *bool
	roles               []string
	businesses          bool // show the list of them
	page, perPage       int
	order               string
}

// filter reads the parameters of a search, among the known ones. The newer
// filters whose names were not recovered are unknown here.
func (p *partoo) filter(c *call, known ...string) (partooFilter, []problem) {
	f := partooFilter{businesses: true, page: 1, perPage: partooPage}
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return f, []problem{{"", "the query can not be decoded"}}
	}
	k := &checker{}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		at, value := "/"+name, q.Get(name)
		switch {
		case !slices.Contains(known, name):
			k.wrong(at, "this parameter is not known here")
		case len(q[name]) > 1:
			k.wrong(at, "this parameter may be given once")
		case value == "": // assumed
			k.wrong(at, "must not be empty")
		default:
			f.take(k, name, at, value)
		}
	}
	return f, k.problems
}

func (f *partooFilter) take(k *checker, name, at, value string) {
	rule := func(rule func(any) string, v any) {
		if wrong := rule(v); wrong != "" {
			k.wrong(at, "%s", wrong)
		}
	}
	number := func() int {
		n, err := strconv.Atoi(value)
		if err != nil {
			k.wrong(at, "must be an integer")
		}
		return n
	}
	flag := func() bool { // as in the documentation, and as older pages have it
		b := strings.EqualFold(value, "true")
		if !b && !strings.EqualFold(value, "false") {
			k.wrong(at, "must be true or false")
		}
		return b
	}
	switch name {
	case "email":
		f.email = value
		rule(partooEmailRule, value)
	case "query":
		f.text = value
	case "status":
		f.status = value
		rule(partooEnum(partooStatuses), value)
	case "role":
		f.roles = strings.Split(value, ",")
		rule(partooEnum(partooReadRoles), texts(f.roles))
	case "org_id":
		n := int64(number())
		f.org = &n
	case "disabled":
		b := flag()
		f.disabled = &b
	case "display_business_ids":
		f.businesses = flag()
	case "page": // lower values behave as 1 (DOC P-SEARCH)
		f.page = max(1, number())
	case "per_page":
		f.perPage = number()
		if f.perPage < 1 || f.perPage > partooMaxPage { // 400 is assumed
			k.wrong(at, "must be between 1 and %d", partooMaxPage)
		}
	case "order_by":
		f.order = value
		rule(partooEnum(partooOrders), strings.TrimPrefix(value, "-"))
	}
}

// matches tells whether a user belongs to the answer.
func (p *partoo) matches(f *partooFilter, u *partooUser) bool {
	switch {
	case !p.reaches(u):
		return false
	case f.org != nil && p.options.Partoo.Role == partooProvider && u.attributes["org_id"] != *f.org: // (DOC P-SEARCH)
		return false
	case f.disabled != nil && u.attributes["disabled"] != *f.disabled:
		return false
	case f.disabled == nil && u.attributes["disabled"] == true && !p.options.Partoo.SearchShowsDisabled:
		return false
	case f.status != "" && u.text("status") != f.status:
		return false
	case f.roles != nil && !slices.Contains(f.roles, u.text("role")):
		return false
	}
	name := u.text("first_name") + " " + u.text("last_name") + "\n" + u.email()
	return f.text == "" || strings.Contains(strings.ToLower(name), strings.ToLower(f.text))
}

// found is all users that a search finds, in their order: by default that of
// their creation (assumed).
func (p *partoo) found(c *call, f *partooFilter) []*partooUser {
	searches := p.records.searches.Add(1)
	var users []*partooUser
	wrong := 0
	take := func(u *partooUser) bool {
		switch {
		case !p.matches(f, u):
			return true
		case u.lagging(c, searches):
			c.fired("index-lag")
			return true
		case f.email != "" && !strings.EqualFold(f.email, u.email()):
			wrong++
		}
		users = append(users, u)
		return true
	}
	if f.email == "" || c.ch.IgnoreFilter {
		p.records.after(0, take)
	} else {
		for _, u := range p.records.byKey(strings.ToLower(f.email)) {
			take(u)
		}
	}
	if wrong > 0 {
		c.fired("ignored-filter")
	}
	if field := strings.TrimPrefix(f.order, "-"); field != "" {
		slices.SortStableFunc(users, func(a, b *partooUser) int {
			if strings.HasPrefix(f.order, "-") {
				a, b = b, a
			}
			return partooCompare(a.attributes[field], b.attributes[field])
		})
	}
	return users
}

// partooCompare orders texts by their bytes, assumed.
func partooCompare(a, b any) int {
	if x, ok := a.(int64); ok {
		y, _ := b.(int64)
		return cmp.Compare(x, y)
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// search answers GET /user/search: page, max_page, count and users (DOC-OLD; the
// same envelope is DOC for organisations and custom roles).
func (p *partoo) search(c *call) *response {
	f, problems := p.filter(c, "email", "org_id", "query", "status", "disabled", "role",
		"display_business_ids", "page", "per_page", "order_by")
	if len(problems) > 0 {
		return p.refuse(c, problems...)
	}
	users := p.found(c, &f)
	page := p.page(c, &f, len(users))
	shown := make([]any, 0, f.perPage)
	for _, u := range users[page.from:page.to] {
		one := u.shown(c, f.businesses)
		hide(c, c.ch.HiddenInSearch, one, nil)
		shown = append(shown, one)
	}
	return jsonAnswer(http.StatusOK, partooJSON, map[string]any{
		"page": f.page, "max_page": page.last, "count": len(users), "users": shown,
	})
}

// count answers GET /user/search/count (DOC-OLD).
func (p *partoo) count(c *call) *response {
	f, problems := p.filter(c, "email", "org_id", "query", "status", "disabled", "role")
	if len(problems) > 0 {
		return p.refuse(c, problems...)
	}
	return jsonAnswer(http.StatusOK, partooJSON, map[string]any{"count": len(p.found(c, &f))})
}

// businesses answers GET /user/{id}/businesses (DOC-OLD). Of a business the id is
// all there is here: businesses are not simulated.
func (p *partoo) businesses(c *call, u *partooUser) *response {
	f, problems := p.filter(c, "page", "per_page")
	if len(problems) > 0 {
		return p.refuse(c, problems...)
	}
	ids, _ := u.attributes["business_ids"].([]any)
	page := p.page(c, &f, len(ids))
	list := make([]any, 0, f.perPage)
	for _, id := range ids[page.from:page.to] {
		list = append(list, map[string]any{"id": id})
	}
	return jsonAnswer(http.StatusOK, partooJSON, map[string]any{
		"page": f.page, "max_page": page.last, "count": len(ids), "businesses": list,
	})
}

// partooSlice is where a page begins and ends, and what is said to be the last.
type partooSlice struct{ from, to, last int }

// page finds the page among n items, as chaos has it.
func (p *partoo) page(c *call, f *partooFilter, n int) partooSlice {
	step, number := f.perPage, f.page
	overlaps := c.ch.OverlappingPages && f.perPage > 1 && n > f.perPage
	s := partooSlice{last: (n + step - 1) / step}
	if overlaps {
		// Each page after the first has one user of the page before.
		step--
		s.last = 1 + (n-f.perPage+step-1)/step
	}
	if n == 0 {
		s.last = p.options.Partoo.EmptyMaxPage
	}
	if c.ch.RepeatedCursor {
		// There is always one page more, and from the second on it is the same.
		s.last = max(s.last, f.page+1)
		number = min(number, 2)
		if f.page > 1 {
			c.fired("repeated-cursor")
		}
	}
	if number-1 <= n/step {
		s.from = min((number-1)*step, n)
	} else {
		s.from = n
	}
	s.to = min(s.from+f.perPage, n)
	if overlaps && number > 1 && s.to-s.from == 1 && s.from > 0 {
		s.from = n // only the user of the page before is left: there is no such page
	}
	if overlaps && number > 1 && s.from < s.to {
		c.fired("overlapping-pages")
	}
	if c.ch.PhantomPages > 0 {
		s.last += c.ch.PhantomPages
		c.fired("phantom-pages")
	}
	return s
}
