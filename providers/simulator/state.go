package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stateFormat is the version of the state's form; a seed may leave it out.
const stateFormat = "rollcall.simulator/1"

// maxState bounds what is read as state, in bytes: some hundred thousand users.
const maxState = 64 << 20

// maxDepth bounds how deep a state nests; its own form needs eight.
const maxDepth = 32

// Seed replaces the state of every vendor by what the data says, in the form
// of simulator.yaml, decoded: see the README. It is strict: an unknown key or a
// wrong type is a [*SeedError] that names its path, and then nothing has changed.
// Vendors that the data does not name are emptied; those whose chaos it does
// not name keep theirs.
func (w *World) Seed(data any) error {
	top, err := readTop(data, w.Kinds())
	if err != nil {
		return err
	}
	chaos, err := readChaosOf(top, w.Kinds())
	if err != nil {
		return err
	}
	if err := w.fill(top); err != nil {
		return err
	}
	for kind, c := range chaos {
		w.SetChaos(c, kind)
	}
	return nil
}

// ReadChaos reads the chaos alone of data in the form of simulator.yaml: for each
// kind of vendor that has some, its own or that of the top level. What is wrong
// with it is a [*SeedError].
func ReadChaos(data any) (map[string]Chaos, error) {
	kinds := New(Options{}).Kinds()
	top, err := readTop(data, kinds)
	if err != nil {
		return nil, err
	}
	return readChaosOf(top, kinds)
}

// readTop reads the top level, and each vendor's keys.
func readTop(data any, kinds []string) (map[string]node, error) {
	data, err := plain(data, 0)
	if err != nil {
		return nil, &SeedError{text: "state: " + err.Error()}
	}
	top, err := node{v: data}.object(append(slices.Clone(kinds), "format", "chaos")...)
	if err != nil {
		return nil, err
	}
	if format, ok := top["format"]; ok {
		if text, err := format.text(); err != nil {
			return nil, err
		} else if text != stateFormat {
			return nil, format.errorf("expected %q, got %q", stateFormat, text)
		}
	}
	return top, nil
}

// readChaosOf reads each vendor's own chaos, or that of the top level, which
// holds for the vendors that have none.
func readChaosOf(top map[string]node, kinds []string) (map[string]Chaos, error) {
	all := map[string]Chaos{}
	if shared, ok := top["chaos"]; ok {
		chaos, err := readChaos(shared)
		if err != nil {
			return nil, err
		}
		for _, kind := range kinds {
			all[kind] = chaos
		}
	}
	for _, kind := range kinds {
		n, ok := top[kind]
		if !ok {
			continue
		}
		members, err := n.object("chaos", "made", "users")
		if err != nil {
			return nil, err
		}
		if own, ok := members["chaos"]; ok {
			if all[kind], err = readChaos(own); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// fill puts the users of each vendor in place, whatever chaos stands beside
// them. All of it is read before any of it is put in place, so that an error
// leaves everything as it was.
func (w *World) fill(top map[string]node) error {
	now := w.options.Clock()
	var commits []func()
	for _, kind := range w.Kinds() {
		n, ok := top[kind]
		if !ok {
			n = node{path: kind, v: map[string]any{}}
		}
		commit, err := w.hosts[kind].vendor.read(n, now)
		if err != nil {
			return err
		}
		commits = append(commits, commit)
	}
	for _, commit := range commits {
		commit()
	}
	w.changed()
	return nil
}

// Load replaces the state of every vendor by one that [World.Save] wrote, as
// strictly as [World.Seed]. Data that is cut short, too large or no JSON is an
// error. Chaos is no state: what older versions wrote of it is ignored.
func (w *World) Load(r io.Reader) error { return w.load(r, maxState) }

func (w *World) load(r io.Reader, most int64) error {
	limited := &io.LimitedReader{R: r, N: most + 1}
	dec := json.NewDecoder(limited)
	dec.UseNumber()
	var data any
	err := dec.Decode(&data)
	if err == nil {
		if _, extra := dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("there is something after the end of the state")
		}
	}
	switch {
	case limited.N <= 0:
		return fmt.Errorf("state is larger than %d bytes", most)
	case errors.Is(err, io.EOF):
		return errors.New("state is empty")
	case err != nil:
		return fmt.Errorf("reading state: %w", err)
	}
	top, err := readTop(data, w.Kinds())
	if err != nil {
		return err
	}
	return w.fill(top)
}

// Save writes the state of every vendor as JSON. What it writes is consistent
// for each vendor. Chaos and counters are no state.
func (w *World) Save(out io.Writer) error {
	data := map[string]any{"format": stateFormat}
	for kind, h := range w.hosts {
		data[kind] = h.vendor.dump()
	}
	body, err := json.MarshalIndent(data, "", " ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(body, '\n'))
	return err
}

// node is a value of a seed or a state, and where it stands.
type node struct {
	path string
	v    any
}

// A SeedError is what is wrong with a seed, a state or a chaos, and where.
type SeedError struct {
	// Path leads there from the top: names, and the indexes of lists in decimal.
	Path []string
	text string
}

// Error names the place as people write it: vendasta.chaos.fail[0].
func (e *SeedError) Error() string { return e.text }

func (n node) errorf(format string, args ...any) *SeedError {
	path := n.path
	if path == "" {
		path = "state"
	}
	return &SeedError{Path: n.steps(), text: path + ": " + fmt.Sprintf(format, args...)}
}

// steps takes the path apart again. No name that is walked by has a dot or a
// bracket in it.
func (n node) steps() []string {
	return strings.FieldsFunc(n.path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
}

// wrong is the error for a value of another type. It shows the type alone:
// values may be personal.
func (n node) wrong(expected string) error {
	got := "something else"
	switch n.v.(type) {
	case nil:
		got = "nothing"
	case string:
		got = "text"
	case bool:
		got = "true or false"
	case []any:
		got = "a list"
	case map[string]any:
		got = "an object"
	case json.Number, int, int64, uint64, float64:
		got = "a number"
	}
	return n.errorf("expected %s, got %s", expected, got)
}

func (n node) at(key string) node {
	path := key
	if n.path != "" {
		path = n.path + "." + key
	}
	return node{path: path, v: n.v.(map[string]any)[key]}
}

// object returns the members; one that is not among the keys is an error.
func (n node) object(keys ...string) (map[string]node, error) {
	m, ok := n.v.(map[string]any)
	if !ok {
		return nil, n.wrong("an object")
	}
	members := make(map[string]node, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(keys, key) {
			known := strings.Join(slices.Sorted(slices.Values(keys)), ", ")
			wrong := n.errorf("unknown key %q; known are %s", key, known)
			wrong.Path = append(wrong.Path, key)
			return nil, wrong
		}
		members[key] = n.at(key)
	}
	return members, nil
}

func (n node) list() ([]node, error) {
	l, ok := n.v.([]any)
	if !ok {
		return nil, n.wrong("a list")
	}
	items := make([]node, len(l))
	for i, v := range l {
		items[i] = node{path: n.path + "[" + strconv.Itoa(i) + "]", v: v}
	}
	return items, nil
}

func (n node) text() (string, error) {
	s, ok := n.v.(string)
	if !ok {
		return "", n.wrong("text")
	}
	return s, nil
}

// filled is text that is not empty.
func (n node) filled() (string, error) {
	s, err := n.text()
	if err == nil && strings.TrimSpace(s) == "" {
		err = n.errorf("must not be empty")
	}
	return s, err
}

func (n node) texts() ([]string, error) {
	items, err := n.list()
	if err != nil {
		return nil, err
	}
	all := make([]string, len(items))
	for i, item := range items {
		if all[i], err = item.filled(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (n node) boolean() (bool, error) {
	b, ok := n.v.(bool)
	if !ok {
		return false, n.wrong("true or false")
	}
	return b, nil
}

func (n node) time() (time.Time, error) {
	s, err := n.text()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, n.errorf("expected a time such as 2026-01-31T09:30:00Z")
	}
	return t, nil
}

// unix is a time in Unix seconds.
func (n node) unix() (time.Time, error) {
	i, err := n.integer()
	if err == nil && (i < 0 || i > lastUnix) {
		err = n.errorf("expected Unix seconds")
	}
	return time.Unix(i, 0), err
}

// lastUnix is the last second of the year 9999.
const lastUnix = 253402300799

// each reads the items of a list.
func (n node) each(read func(node) (any, error)) (any, error) {
	items, err := n.list()
	if err != nil {
		return nil, err
	}
	all := make([]any, len(items))
	for i, item := range items {
		if all[i], err = read(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// integer is a whole number, in any of the forms in which the decoders of JSON
// and YAML give one.
func (n node) integer() (int64, error) {
	switch v := n.v.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v), nil
		}
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
	}
	return 0, n.wrong("a whole number")
}

// count is a whole number that is not negative.
func (n node) count() (int, error) {
	i, err := n.integer()
	if err == nil && (i < 0 || i > math.MaxInt32) {
		err = n.errorf("must be between 0 and %d", math.MaxInt32)
	}
	return int(i), err
}

// plain copies data, as decoded or as made in Go, into the types that JSON has,
// so that nobody else holds a reference into the state.
func plain(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("is nested too deep")
	}
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			c, err := plain(item, depth+1)
			if err != nil {
				return nil, err
			}
			m[key] = c
		}
		return m, nil
	case []any:
		l := make([]any, len(v))
		for i, item := range v {
			c, err := plain(item, depth+1)
			if err != nil {
				return nil, err
			}
			l[i] = c
		}
		return l, nil
	case []string:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = item
		}
		return l, nil
	case []map[string]any:
		l := make([]any, len(v))
		for i, item := range v {
			l[i] = item
		}
		return plain(l, depth)
	default:
		return v, nil
	}
}

// readFields is an object of texts.
func readFields(n node, names ...string) (map[string]any, error) {
	m, err := n.object(names...)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, err := m[name].text()
		if err != nil {
			return nil, err
		}
		fields[name] = s
	}
	return fields, nil
}

// readPut reads the user of a test's hook, in the form of the state file.
func readPut[U any](data map[string]any, now time.Time, read func(node, time.Time) (U, error)) (u U, err error) {
	copied, err := plain(data, 0)
	if err != nil {
		return u, err
	}
	return read(node{path: "user", v: copied}, now)
}
