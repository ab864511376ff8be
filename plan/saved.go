package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"rollcall/schemas"
)

// Bounds of a saved plan: what is beyond them was not written by rollcall, and
// reading it could take all the memory there is.
const (
	// MaxSaved is how large a saved plan may be, in bytes: some 50,000 changes.
	MaxSaved = 64 << 20

	// Of a plan that is larger than this, and not as it was written, no more is told.
	maxCheckedValues = 100_000

	maxSavedValues = 4 << 20 // texts, numbers, lists and mappings in it
	maxSavedDepth  = 64      // of lists and mappings in each other
	maxSavedTold   = 20      // mistakes that are told
	maxPlace       = 100     // characters of the name of a place
)

// ReadSaved reads a plan as Save wrote it, from a file of its own. It is strict:
// one JSON document of at most MaxSaved bytes in valid UTF-8, every key known and
// there once, and nothing changed since it was written but white space and the
// order of keys. The error has a line for each mistake, in words, and ends lines
// with what to do; it is safe to print.
//
// That a plan could be read says that nobody edited it by hand, not that it may be
// applied: Resume does.
func ReadSaved(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSaved+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("can not be read: %w", err)
	case len(data) > MaxSaved:
		return nil, notAPlan("it is larger than %d MiB", MaxSaved>>20)
	}
	document, err := parse(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if err != nil {
		return nil, err
	}
	if err := checkFormat(document.value); err != nil {
		return nil, err
	}
	if document.values > maxCheckedValues && !document.sealed() {
		return nil, errEdited // checking it against the schema could take long, and more memory
	}
	if err := document.check(); err != nil {
		return nil, err
	}
	return document.plan()
}

// Save is the plan's JSON, once it is proven that ReadSaved reads it.
func (p *Plan) Save() ([]byte, error) {
	data := p.JSON()
	if len(data) > MaxSaved {
		return nil, fmt.Errorf("the plan is larger than the %d MiB that can be read again: make it smaller with --provider or --person", MaxSaved>>20)
	}
	if _, err := ReadSaved(bytes.NewReader(data)); err != nil {
		return nil, errors.New("the plan could not be read again: report this, and apply without saving it")
	}
	return data, nil
}

// JSON is the plan as a file: indented, with one line feed at the end, and with a
// checksum that tells an edited file from one that is as it was written. When it
// was created does not count in that, so that the same files and answers give the
// same checksum.
func (p *Plan) JSON() []byte {
	return indented(struct {
		*Plan
		Checksum string `json:"checksum"`
	}{p, checksum(p)})
}

// notAPlan says why a file is none of the plans that rollcall writes.
func notAPlan(why string, args ...any) error {
	return fmt.Errorf("is no plan of rollcall: "+why+"; give the file that rollcall plan --out wrote", args...)
}

// A saved document is the JSON of a plan, as far as it can be read.
type savedDocument struct {
	value    any // of nil, bool, int64, float64, string, []any and map[string]any
	mistakes []string
	values   int
}

// parse reads one JSON document and notes what a plan's never has.
func parse(data []byte) (*savedDocument, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if !errors.As(err, &syntax) {
			return nil, notAPlan("it is not JSON")
		}
		before := data[:min(max(int(syntax.Offset)-1, 0), len(data))]
		return nil, notAPlan("it is not JSON, by line %d", 1+bytes.Count(before, []byte("\n")))
	}
	if !utf8.Valid(data) || loneSurrogate(data) {
		return nil, notAPlan("it has text that is not Unicode")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	d := &savedDocument{}
	value, err := d.read(decoder, nil)
	if err != nil {
		return nil, err
	}
	d.value = value
	return d, nil
}

// loneSurrogate reports whether JSON text has half of an escaped character, which
// would be read as another character.
func loneSurrogate(data []byte) bool {
	escaped := func(at int) (rune, bool) {
		if at+6 > len(data) || data[at] != '\\' || data[at+1] != 'u' {
			return 0, false
		}
		code, err := strconv.ParseUint(string(data[at+2:at+6]), 16, 16)
		return rune(code), err == nil
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		first, is := escaped(i)
		switch {
		case !is:
			i++ // the escaped character
		case !utf16.IsSurrogate(first):
			i += 5
		default:
			second, is := escaped(i + 6)
			if !is || utf16.DecodeRune(first, second) == utf8.RuneError {
				return true
			}
			i += 11
		}
	}
	return false
}

// read reads one value; what holds it is named by path. The text is known to be
// JSON.
func (d *savedDocument) read(decoder *json.Decoder, path []string) (any, error) {
	if d.values++; d.values > maxSavedValues || len(path) > maxSavedDepth {
		return nil, notAPlan("it holds too much")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, notAPlan("it is not JSON")
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return d.list(decoder, path)
		}
		return d.object(decoder, path)
	case json.Number:
		number, exact := exactly(token)
		if !exact {
			d.mistake(path, "is a number that can not be read exactly")
		}
		return number, nil
	default:
		return token, nil
	}
}

func (d *savedDocument) list(decoder *json.Decoder, path []string) (any, error) {
	list := []any{}
	for decoder.More() {
		item, err := d.read(decoder, append(path, strconv.Itoa(len(list))))
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := decoder.Token()
	return list, err
}

func (d *savedDocument) object(decoder *json.Decoder, path []string) (any, error) {
	object := make(map[string]any)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		below := append(path, key)
		if _, twice := object[key]; twice {
			d.mistake(below, "stands there twice")
		}
		if object[key], err = d.read(decoder, below); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return object, err
}

// exactly is a number as the rest of rollcall has it: whole ones as int64. Those
// that would lose digits are not exact.
func exactly(number json.Number) (value any, exact bool) {
	text := number.String()
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		return whole, true
	}
	float, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return float64(0), false
	}
	const integers = 1 << 53
	if float == math.Trunc(float) && math.Abs(float) < integers {
		return int64(float), true
	}
	if !strings.ContainsAny(text, ".eE") {
		return float, strconv.FormatFloat(float, 'f', -1, 64) == text
	}
	return float, true
}

func (d *savedDocument) mistake(path []string, what string) {
	if len(path) > 0 && len(d.mistakes) <= maxSavedTold {
		what = place(path) + ": " + what
	}
	d.mistakes = append(d.mistakes, what)
}

// place names a place in a document, a long one by its end.
func place(path []string) string {
	name := []rune(strings.Join(path, "."))
	if len(name) > maxPlace {
		name = append([]rune("…"), name[len(name)-maxPlace:]...)
	}
	return inert(string(name))
}

// Formats of documents of rollcall, by their version.
var (
	planFormat   = regexp.MustCompile(`^rollcall\.plan/(0|[1-9][0-9]{0,8})$`)
	resultFormat = regexp.MustCompile(`^rollcall\.result/[0-9]{1,9}$`)
)

// checkFormat refuses what is no plan, and plans of other versions than this
// rollcall reads.
func checkFormat(document any) error {
	members, _ := document.(map[string]any)
	format, _ := members["format"].(string)
	found := planFormat.FindStringSubmatch(format)
	switch {
	case format == Format:
		return nil
	case resultFormat.MatchString(format):
		return notAPlan("it is the result of an apply")
	case found == nil:
		return notAPlan("its format is not %s", Format)
	}
	age := "a newer"
	if version, _ := strconv.Atoi(found[1]); version < formatVersion {
		age = "an older"
	}
	return fmt.Errorf("has the format %s, which %s rollcall wrote, and this one reads %s: apply it with the rollcall that wrote it, or make a new plan with this one", format, age, Format)
}

// formatVersion is the version in Format.
const formatVersion = 1

// schema is the schema of a plan.
var schema = sync.OnceValues(schemas.CompilePlan)

// check holds the document against the schema of a plan and tells every mistake.
func (d *savedDocument) check() error {
	schema, err := schema()
	if err != nil {
		return err
	}
	for _, v := range schema.Validate(d.value) {
		d.mistake(v.Path, v.Message)
	}
	members, _ := d.value.(map[string]any)
	for _, name := range []string{"guardrails", "checksum"} {
		if _, there := members[name]; !there {
			d.mistakes = append(d.mistakes, name+" is missing")
		}
	}
	if len(d.mistakes) == 0 {
		return nil
	}
	told := []error{errors.New("is no plan of rollcall, or was edited: give the file as rollcall plan --out wrote it")}
	for _, mistake := range d.mistakes[:min(len(d.mistakes), maxSavedTold)] {
		told = append(told, errors.New(mistake))
	}
	if more := len(d.mistakes) - maxSavedTold; more > 0 {
		told = append(told, fmt.Errorf("and %d more mistakes", more))
	}
	return errors.Join(told...)
}

// errEdited refuses a plan that is not as it was written.
var errEdited = errors.New("was changed after rollcall wrote it, and a plan is not edited by hand: change the roster, and make a new plan")

// sealed reports whether the document has the checksum of what it says.
func (d *savedDocument) sealed() bool {
	all, _ := d.value.(map[string]any)
	members := maps.Clone(all)
	delete(members, "checksum")
	delete(members, "created")
	return all["checksum"] == hashJSON(members)
}

// plan is the plan that the document holds, unless somebody edited it.
func (d *savedDocument) plan() (*Plan, error) {
	if !d.sealed() {
		return nil, errEdited
	}
	members, _ := d.value.(map[string]any)
	sum := members["checksum"]
	delete(members, "checksum")
	p, err := decode(members)
	if err != nil {
		return nil, notAPlan("it can not be taken apart")
	}
	// A plan that says more or less than was read from it, or that is not what its
	// digest stands for, was not written by rollcall, whatever its checksum.
	if sum != checksum(p) || digest(p) != p.Digest || !p.consistent() {
		return nil, errEdited
	}
	return p, nil
}

// decode makes a plan of its members. Numbers in attributes come as the rest of
// rollcall has them.
func decode(members map[string]any) (*Plan, error) {
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	p := &Plan{}
	if err := decoder.Decode(p); err != nil {
		return nil, err
	}
	for i := range p.Changes {
		exact(p.Changes[i].Attributes)
	}
	for i := range p.Held {
		exact(p.Held[i].Attributes)
	}
	return p, nil
}

func exact(attributes []AttributeChange) {
	for i := range attributes {
		a := &attributes[i]
		a.Before, a.After = numbers(a.Before), numbers(a.After)
	}
}

// numbers turns the numbers of a decoded value, which are known to be exact, into
// those of the rest of rollcall.
func numbers(data any) any {
	switch v := data.(type) {
	case json.Number:
		number, _ := exactly(v)
		return number
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return data
}

// checksum covers everything that a plan says but when it was created, whatever its
// white space and the order of its keys.
func checksum(p *Plan) string {
	text, err := json.Marshal(p)
	var members map[string]any
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&members)
	}
	if err != nil {
		panic(err) // unreachable: every value is of encoding/json's own types
	}
	delete(members, "created")
	return hashJSON(numbers(members))
}

// consistent reports whether each change stands for one person at one provider of
// the plan, as rollcall makes them.
func (p *Plan) consistent() bool {
	names := make(map[string]bool)
	for _, provider := range p.Providers {
		if names[provider.Name] {
			return false
		}
		names[provider.Name] = true
	}
	ids := make(map[string]bool)
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.ID != c.Provider+"/"+c.Email || ids[c.ID] || !names[c.Provider] {
			return false
		}
		ids[c.ID] = true
	}
	return !slices.ContainsFunc(p.Held, func(h Held) bool { return !names[h.Provider] }) &&
		!slices.ContainsFunc(p.Manual, func(m Manual) bool { return !names[m.Provider] })
}
