package simulator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// vendastaFields is a parameter that the guides urge to send ([G-VER]) and that
// was never implemented for users ([GIT]): accepted, without effect.
const vendastaFields = "fields[users]"

// Limits of page[limit] ([P]).
const (
	vendastaPage    = 10
	vendastaMaxPage = 100
)

// vendastaFilter is a search; a cursor carries it together with the position
// ([G-INTRO], [P]).
type vendastaFilter struct {
	Partner    string   `json:"partner,omitempty"`
	Email      string   `json:"email,omitempty"`
	IDs        []string `json:"ids,omitempty"`
	Term       string   `json:"term,omitempty"`
	Categories []string `json:"categories,omitempty"`
	After      int64    `json:"after"` // the last user of the page before
}

// cursor is base64 of JSON, as a sample has it ([G-SYNC]).
func (f vendastaFilter) cursor() string {
	data, err := json.Marshal(f)
	if err != nil {
		panic("simulator: " + err.Error()) // texts and a number
	}
	return base64.URLEncoding.EncodeToString(data)
}

// query decodes the parameters; none but filter[category] may be repeated.
func (v *vendasta) query(c *call) (url.Values, *response) {
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, v.badQuery(c, "", "", "the query can not be decoded")
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if len(q[name]) > 1 && name != "filter[category]" {
			return nil, v.badQuery(c, name, q.Get(name), "this parameter may be given once")
		}
	}
	return q, nil
}

// filter reads the parameters of GET /users ([P]).
func (v *vendasta) filter(c *call) (f vendastaFilter, limit int, refusal *response) {
	q, refusal := v.query(c)
	if refusal != nil {
		return f, 0, refusal
	}
	limit = vendastaPage
	for _, name := range slices.Sorted(maps.Keys(q)) {
		value := q.Get(name)
		switch name {
		case "filter[partner.id]":
			f.Partner = value
		case "filter[email]":
			f.Email = value
		case "filter[searchTerm]":
			f.Term = value
		case "filter[id]": // comma-separated ([P])
			f.IDs = strings.Split(value, ",")
		case "filter[category]":
			// Repeated by OpenAPI's default, or comma-separated as filter[id]:
			// not stated, so both are taken (assumed).
			for _, values := range q[name] {
				f.Categories = append(f.Categories, strings.Split(values, ",")...)
			}
		case "page[limit]":
			var err error
			if limit, err = strconv.Atoi(value); err != nil || limit < 1 || limit > vendastaMaxPage {
				return f, 0, v.badQuery(c, name, value, "must be between 1 and 100")
			}
		case "page[cursor]", vendastaFields:
			continue
		default:
			return f, 0, v.badQuery(c, name, value, "this parameter is not known here")
		}
		// That an empty value is refused is assumed; the one in [SEED] is a
		// placeholder.
		if value == "" {
			return f, 0, v.badQuery(c, name, value, "must not be empty")
		}
	}
	for _, category := range f.Categories {
		if category != "business" && category != "partner" && category != "bot" {
			return f, 0, v.badQuery(c, "filter[category]", category, "must be business, partner or bot")
		}
	}
	if q.Has("page[cursor]") {
		f, refusal = v.resume(c, q.Get("page[cursor]"), f)
		return f, limit, refusal
	}
	if f.Partner == "" && len(f.IDs) == 0 { // [P]
		return f, 0, v.badQuery(c, "filter[partner.id]", "", "must be given unless filter[id] is")
	}
	return f, limit, nil
}

// resume takes the filters out of a cursor. They need not be sent again ([P]);
// that other ones than the cursor's are refused is assumed.
func (v *vendasta) resume(c *call, cursor string, sent vendastaFilter) (vendastaFilter, *response) {
	const name = "page[cursor]"
	var f vendastaFilter
	data, err := base64.URLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil || f.After < 0 || f.Partner == "" && len(f.IDs) == 0 {
		return f, v.badQuery(c, name, cursor, "is not a cursor of this list")
	}
	same := func(sent, carried string) bool { return sent == "" || sent == carried }
	if !same(sent.Partner, f.Partner) || !same(sent.Email, f.Email) || !same(sent.Term, f.Term) ||
		sent.IDs != nil && !slices.Equal(sent.IDs, f.IDs) ||
		sent.Categories != nil && !slices.Equal(sent.Categories, f.Categories) {
		return f, v.badQuery(c, name, cursor, "belongs to other filters")
	}
	return f, nil
}

// matches tells whether a user belongs to the answer.
func (v *vendasta) matches(f *vendastaFilter, u *vendastaUser) bool {
	if f.Partner != "" && f.Partner != u.partner || len(f.IDs) > 0 && !slices.Contains(f.IDs, u.id) {
		return false
	}
	if f.Email != "" && f.Email != u.email() {
		if v.options.Vendasta.CaseSensitiveSearch || !strings.EqualFold(f.Email, u.email()) {
			return false
		}
	}
	if f.Term != "" && !strings.Contains(strings.ToLower(u.email()+"\n"+u.displayName()), strings.ToLower(f.Term)) {
		return false
	}
	if len(f.Categories) == 0 {
		return true
	}
	// A user may be in several ([P]); bots are none of those kept here.
	return slices.Contains(f.Categories, "partner") && len(u.platformAccess) > 0 ||
		slices.Contains(f.Categories, "business") && len(u.businessLocations) > 0
}

// search answers GET /users: 200 whatever it finds, with links.first even when
// that is nobody ([G-SYNC]), and links.next unless the page is the last one
// ([G-INTRO]).
func (v *vendasta) search(c *call) *response {
	f, limit, refusal := v.filter(c)
	if refusal != nil {
		return refusal
	}
	searches := v.records.searches.Add(1)
	var page []*vendastaUser
	more := false
	lagged, wrong := 0, 0
	take := func(u *vendastaUser) bool {
		matches := v.matches(&f, u)
		if !matches && !c.ch.IgnoreFilter {
			return true
		}
		if u.lagging(c, searches) {
			lagged++
			return true
		}
		if len(page) == limit {
			more = true
			return false
		}
		if !matches {
			wrong++
		}
		page = append(page, u)
		return true
	}
	v.candidates(c, &f, take)
	for range lagged {
		c.fired("index-lag")
	}
	if wrong > 0 {
		c.fired("ignored-filter")
	}

	data := make([]any, len(page))
	for i, u := range page {
		data[i] = v.resource(c, u, true)
	}
	return vendastaJSON(http.StatusOK, map[string]any{"data": data, "links": v.links(c, f, limit, page, more)})
}

// candidates calls take with all users after the cursor that can match.
func (v *vendasta) candidates(c *call, f *vendastaFilter, take func(*vendastaUser) bool) {
	if c.ch.IgnoreFilter || f.Email == "" || f.Partner == "" {
		v.records.after(f.After, take)
		return
	}
	for _, u := range v.records.byKey(vendastaKey(f.Partner, f.Email)) {
		if u.seq > f.After && !take(u) {
			return
		}
	}
}

// links are strings in lists ([P]), with brackets as they are ([G-SYNC]).
func (v *vendasta) links(c *call, f vendastaFilter, limit int, page []*vendastaUser, more bool) map[string]any {
	base := c.root() + vendastaBase + "/users"
	at := func(f vendastaFilter) string {
		return base + "?page[limit]=" + strconv.Itoa(limit) + "&page[cursor]=" + f.cursor()
	}
	first, next := f, f
	first.After = 0
	links := map[string]any{"self": at(f), "first": at(first)}
	if len(page) > 0 {
		next.After = page[len(page)-1].seq
	}
	switch {
	case c.ch.RepeatedCursor:
		if f.After > 0 || len(page) == 0 {
			next = f // the page names itself
			c.fired("repeated-cursor")
		}
	case !more:
		return links
	case c.ch.OverlappingPages && len(page) > 1:
		next.After = page[len(page)-2].seq
		c.fired("overlapping-pages")
	}
	links["next"] = at(next)
	return links
}
