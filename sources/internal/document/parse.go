package document

import (
	"cmp"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A Problem is one thing wrong with a document. Line and Column count from 1,
// columns in characters, and stand in the document or directly behind its end.
// Message is a sentence in lower case that says what is wrong and what to do. It
// never holds a value of the document, save a short number.
type Problem struct {
	Line, Column int
	Message      string
}

// Limits bound what reading a document may cost. A zero field is its default.
type Limits struct {
	Bytes    int // size of the file; 16 MiB, at most 1 GiB
	Depth    int // lists and maps in one another, aliases resolved; 100
	Width    int // keys of one map outside braces; 5000
	Aliases  int // 10,000
	Expanded int // nodes that aliases and merges add; 1,000,000
}

const (
	maxProblems = 1000 // of one document that are reported
	maxBytes    = 1 << 30
)

func (l Limits) withDefaults() Limits {
	for _, field := range []struct {
		value   *int
		initial int
	}{{&l.Bytes, 16 << 20}, {&l.Depth, 100}, {&l.Width, 5000}, {&l.Aliases, 10_000}, {&l.Expanded, 1_000_000}} {
		if *field.value <= 0 {
			*field.value = field.initial
		}
	}
	l.Bytes = min(l.Bytes, maxBytes)
	return l
}

// Parse reads one document. Without problems it returns the tree. A file that
// can not be parsed gives no tree and exactly one problem. What parses but is
// refused (an ambiguous number, a duplicate key) gives one problem each, sorted
// by place, the first 1000 of them, together with a tree for further checks, in
// which each refused scalar stands as text.
//
// Parse does not keep data, is safe for concurrent use and never panics.
func Parse(data []byte, limits Limits) (*Node, []Problem) {
	limits = limits.withDefaults()
	text, problem := prepare(data, limits.Bytes)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	if root := readInParts(text, limits); root != nil {
		return root, nil
	}
	return newAudit(text, limits).read()
}

// read parses the text.
func (a *audit) read() (root *Node, problems []Problem) {
	defer func() {
		if recover() != nil {
			root = nil
			problems = []Problem{a.here("can not be read from here on: look for something unusual and write text in quotes")}
		}
	}()
	a.run(lexer.Tokenize(a.text))
	if a.fatal != nil {
		return nil, []Problem{a.first(*a.fatal)}
	}
	if a.empty() {
		if len(a.problems) > 0 {
			return nil, a.problems[:1]
		}
		return nil, []Problem{{1, 1, "is empty"}}
	}
	file, err := parser.Parse(a.out, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []Problem{a.first(a.syntax(err))}
	}
	body := soleBody(file)
	if body == nil {
		return nil, []Problem{{1, 1, "is empty"}}
	}
	b := builder{audit: a, budget: a.limits.Expanded, anchors: map[string]*anchor{}}
	root = b.node(body, 1).node
	if a.fatal != nil {
		return nil, []Problem{*a.fatal}
	}
	return root, sortProblems(a.problems)
}

// soleBody returns the body of the one document in the file.
func soleBody(file *ast.File) ast.Node {
	for _, doc := range file.Docs {
		if doc.Body != nil {
			return doc.Body
		}
	}
	return nil
}

func sortProblems(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(x, y Problem) int {
		return cmp.Or(x.Line-y.Line, x.Column-y.Column, cmp.Compare(x.Message, y.Message))
	})
	problems = slices.Compact(problems)
	return problems[:min(len(problems), maxProblems)]
}

// isPlain says whether the lexer read the token as a scalar without quotes. What
// it took the text for is resolved again here.
func isPlain(t token.Type) bool {
	switch t {
	case token.StringType, token.NullType, token.BoolType, token.IntegerType, token.BinaryIntegerType,
		token.OctetIntegerType, token.HexIntegerType, token.FloatType, token.InfinityType, token.NanType:
		return true
	default:
		return false
	}
}
