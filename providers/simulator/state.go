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
// wrong type is an error that names its path, and then nothing has changed.
// Vendors that the data does not name are emptied; those whose chaos it does
// not name keep theirs.
func (w *World) Seed(data any) error {
	data, err := plain(data, 0)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	top, err := node{v: data}.object(append(w.Kinds(), "format")...)
	if err != nil {
		return err
	}
	if format, ok := top["format"]; ok {
		if text, err := format.text(); err != nil {
			return err
		} else if text != stateFormat {
			return format.errorf("expected %q, got %q", stateFormat, text)
		}
	}
	// All of it is read before any of it is put in place, so that an error
	// leaves everything as it was.
	now := w.options.Clock()
	var commits []func()
	for kind, h := range w.hosts {
		n, ok := top[kind]
		if !ok {
			n = node{path: kind, v: map[string]any{}}
		}
		commit, err := h.read(n, now)
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

// read reads one vendor's part: its chaos, which is for every vendor the same,
// and what the vendor itself knows.
func (h *host) read(n node, now time.Time) (commit func(), err error) {
	m, ok := n.v.(map[string]any)
	if !ok {
		return nil, n.wrong("an object")
	}
	raw, given := m["chaos"]
	own := maps.Clone(m)
	delete(own, "chaos")
	var chaos Chaos
	if given {
		if chaos, err = readChaos(n.at("chaos")); err != nil {
			return nil, err
		}
	}
	replace, err := h.vendor.read(node{path: n.path, v: own}, now)
	if err != nil {
		return nil, err
	}
	return func() {
		replace()
		h.seeded.Store(&raw)
		if given {
			h.chaos.Store(newChaosState(chaos, h.world.options.Seed))
		}
	}, nil
}

// Load is [World.Seed] for a state that [World.Save] wrote. Data that is cut
// short, too large or no JSON is an error.
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
	return w.Seed(data)
}

// Save writes the state of every vendor as JSON. What it writes is consistent
// for each vendor. Chaos is written as the seed gave it; what [World.SetChaos]
// made of it, and the counters, are not.
func (w *World) Save(out io.Writer) error {
	data := map[string]any{"format": stateFormat}
	for kind, h := range w.hosts {
		state := h.vendor.dump()
		if chaos := h.seeded.Load(); chaos != nil && *chaos != nil {
			state["chaos"] = *chaos
		}
		data[kind] = state
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

func (n node) errorf(format string, args ...any) error {
	path := n.path
	if path == "" {
		path = "state"
	}
	return fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
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
			slices.Sort(keys)
			return nil, n.errorf("unknown key %q; known are %s", key, strings.Join(keys, ", "))
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

// count is a whole number that is not negative, in any of the forms in which
// the decoders of JSON and YAML give one.
func (n node) count() (int, error) {
	var i int64
	switch v := n.v.(type) {
	case int:
		i = int64(v)
	case int64:
		i = v
	case uint64:
		if v > math.MaxInt32 {
			return 0, n.errorf("is too large")
		}
		i = int64(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return 0, n.wrong("a whole number")
		}
		i = int64(v)
	case json.Number:
		parsed, err := v.Int64()
		if err != nil {
			return 0, n.wrong("a whole number")
		}
		i = parsed
	default:
		return 0, n.wrong("a whole number")
	}
	if i < 0 || i > math.MaxInt32 {
		return 0, n.errorf("must be between 0 and %d", math.MaxInt32)
	}
	return int(i), nil
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
