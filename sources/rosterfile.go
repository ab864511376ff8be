package sources

import (
	"strconv"
	"strings"
	"time"

	"rollcall/sources/internal/document"
)

// A rosterFile is one file of the roster, decoded. What its schema refused is
// reported and left out.
type rosterFile struct {
	src    *sourceFile
	teams  []*team
	people []*Person
	// partial is set when what is wrong with the file may have hidden its teams.
	partial bool
}

// personValues are the keys of a person that say who he is at the vendors.
var personValues = []string{
	"address", "displayName", "familyName", "givenName", "id", "legalName", "locale", "nickname", "phones", "timeZone", "title",
}

// rosterReader decodes a file whose schema violations are known: nothing that
// one of them touches is decoded, so that one mistake is reported once.
type rosterReader struct {
	src        *sourceFile
	violations map[string]bool // the paths with a violation at or below them
	zones      map[string]*time.Location
}

func decodeRoster(src *sourceFile, violations [][]string) *rosterFile {
	r := rosterReader{src: src, violations: make(map[string]bool), zones: make(map[string]*time.Location)}
	file := &rosterFile{src: src}
	for _, path := range violations {
		for end := range len(path) + 1 {
			r.violations[joined(path[:end])] = true
		}
		if len(path) == 0 || len(path) == 1 && path[0] != "version" && path[0] != "people" {
			file.partial = true
		}
	}
	for _, entry := range entries(src.root.Get("teams")) {
		file.teams = append(file.teams, r.team(entry))
	}
	for i, node := range items(src.root.Get("people")) {
		index := strconv.Itoa(i)
		if node.Kind == document.Map && node.Get("email") != nil && !r.violated("people", index, "email") {
			file.people = append(file.people, r.person(node, index))
		}
	}
	return file
}

// violated reports whether a violation lies at the path or below it.
func (r rosterReader) violated(path ...string) bool { return r.violations[joined(path)] }

// joined is a path as one text. Steps are keys, which hold no NUL.
func joined(path []string) string { return strings.Join(path, "\x00") }

func (r rosterReader) team(entry document.Entry) *team {
	t := &team{
		name: entry.Key, origin: r.place(entry), blocks: make(map[string]*Block),
		broken: r.violated("teams", entry.Key),
	}
	if !t.broken {
		for _, access := range entries(entry.Value.Get("access")) {
			t.blocks[access.Key] = r.block(access, entry.Key)
		}
	}
	return t
}

func (r rosterReader) place(entry document.Entry) Origin {
	return Origin{File: r.src.name, Line: int(entry.Line), Column: int(entry.Column)}
}

func (r rosterReader) person(node *document.Node, index string) *Person {
	email := node.Get("email")
	p := &Person{
		Email: strings.TrimSpace(email.Text()), Status: StatusActive, Origin: r.src.origin(email),
		Own: make(map[string]*Block), window: always(), broken: r.violated("people", index),
	}
	key, err := CanonicalEmail(email.Text())
	if err != nil {
		r.src.reportAt(email, quote(email.Text())+" "+err.Error())
		p.broken = true
	}
	p.Key = key
	if !r.violated("people", index, "previousEmails") {
		for _, item := range items(node.Get("previousEmails")) {
			if _, err := CanonicalEmail(item.Text()); err != nil {
				r.src.reportAt(item, quote(item.Text())+" "+err.Error())
				p.broken = true
				continue
			}
			p.PreviousEmails = append(p.PreviousEmails, strings.TrimSpace(item.Text()))
			p.previousOrigins = append(p.previousOrigins, r.src.origin(item))
		}
	}
	if p.broken {
		// What is wrong is reported; the rest only has to be known well enough to
		// find the same address or team twice.
		r.nameTeams(p, node)
		return p
	}
	if status, ok := node.Entry("status"); ok {
		p.Status, p.StatusOrigin = Status(status.Value.Text()), r.place(status)
	}
	for _, name := range personValues {
		if entry, ok := node.Entry(name); ok {
			p.Values = append(p.Values, Value{Name: name, Data: plainValue(entry.Value), Origins: []Origin{r.place(entry)}})
		}
	}
	if id := node.Get("id"); id != nil {
		p.ID = id.Text()
	}
	r.zone(p, node.Get("timeZone"))
	p.window = r.window(node)
	r.nameTeams(p, node)
	for _, access := range entries(node.Get("access")) {
		p.Own[access.Key] = r.block(access, "")
	}
	return p
}

func (r rosterReader) nameTeams(p *Person, node *document.Node) {
	for _, item := range items(node.Get("teams")) {
		if item.Kind == document.String {
			p.Teams = append(p.Teams, item.Text())
			p.teamOrigins = append(p.teamOrigins, r.src.origin(item))
		}
	}
}

// zone reads the person's time zone; each name is looked up once a file.
func (r rosterReader) zone(p *Person, node *document.Node) {
	if node == nil || node.Kind != document.String {
		return
	}
	location, known := r.zones[node.Text()]
	if !known {
		location, _ = LoadZone(node.Text())
		r.zones[node.Text()] = location
	}
	if location == nil {
		r.src.reportAt(node, quote(node.Text())+" "+errZone.Error())
		p.broken = true
		return
	}
	p.zone = location
}

// window reads from and until of a person or a block.
func (r rosterReader) window(node *document.Node) Window {
	w := always()
	if entry, ok := node.Entry("from"); ok {
		w.fromOrigin = r.place(entry)
		w.From, _ = parseDay(entry.Value.Text())
	}
	if entry, ok := node.Entry("until"); ok {
		w.untilOrigin = r.place(entry)
		w.Until, _ = parseDay(entry.Value.Text())
		if w.Until < w.From {
			r.src.reportAt(entry.Value, "until is before from: the window is never open")
		}
	}
	return w
}

// block reads an access block that its schema accepted.
func (r rosterReader) block(entry document.Entry, team string) *Block {
	origin := r.place(entry)
	origin.Team = team
	b := &Block{provider: entry.Key, team: team, origin: origin, window: r.window(entry.Value)}
	for _, e := range entries(entry.Value) {
		place := r.place(e)
		place.Team = team
		switch e.Key {
		case "from", "until":
		case "userID":
			b.UserID, b.idOrigin = e.Value.Text(), place
		case "email":
			b.Email, b.emailOrigin = strings.TrimSpace(e.Value.Text()), place
		default:
			value := Value{Name: e.Key, Data: plainValue(e.Value), Origins: []Origin{place}}
			if r.src.fetched && value.relative() {
				r.src.reportAt(e.Value, e.Key+" names a file by a path that is relative to this one, which is read from a repository and stands in no folder: write an absolute path or {env: NAME}")
			}
			b.Values = b.Values.set(value)
		}
	}
	return b
}
