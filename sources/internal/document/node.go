package document

import (
	"math"
	"strconv"
)

// Kind says what a Node holds.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String names the kind as messages do.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "bool"
	case Int:
		return "whole number"
	case Float:
		return "number"
	case String:
		return "text"
	case List:
		return "list"
	case Map:
		return "map"
	default:
		return "unknown"
	}
}

// A Node is a value with its place. The place of a scalar is its first
// character (the quote, or the | or > of a block); of a block map its first key;
// of a block list its first dash; of a value in brackets the bracket; of a value
// that is not there the colon or dash that it is missing after. An alias stands
// where it is written; what is below it stands where that is written.
//
// A tree is never changed after it was read, and is safe for concurrent use.
// Nodes below an alias are shared.
type Node struct {
	Kind Kind
	// Line and Column count from 1, columns in characters. A tab is one.
	Line, Column int32
	// Items are the elements of a List.
	Items []*Node
	// Entries are the pairs of a Map in the order of the file; pairs that came
	// by a merge follow those written in the map itself.
	Entries []Entry

	text string // of a String its text, of a Bool, Int or Float its source
}

// An Entry is one pair of a map, with the place of its key.
type Entry struct {
	Key          string
	Line, Column int32
	Value        *Node
}

// Text returns the text of a String node, and "" for any other.
func (n *Node) Text() string {
	if n == nil || n.Kind != String {
		return ""
	}
	return n.text
}

// Bool returns the value of a Bool node, and false for any other.
func (n *Node) Bool() bool {
	return n != nil && n.Kind == Bool && (n.text[0] == 't' || n.text[0] == 'T')
}

// Int returns the value of an Int node, and 0 for any other.
func (n *Node) Int() int64 {
	if n == nil || n.Kind != Int {
		return 0
	}
	value, _ := strconv.ParseInt(n.text, 10, 64)
	return value
}

// Float returns the value of a Float or Int node, and 0 for any other. It is
// never infinite and never NaN.
func (n *Node) Float() float64 {
	if n == nil || (n.Kind != Float && n.Kind != Int) {
		return 0
	}
	value, _ := strconv.ParseFloat(n.text, 64)
	if math.IsInf(value, 0) {
		return 0
	}
	return value
}

// Get returns the value of a key, and nil when n is not a map or has no such
// key.
func (n *Node) Get(key string) *Node {
	entry, _ := n.Entry(key)
	return entry.Value
}

// Entry returns the pair of a key, and false when n is not a map or has no such
// key.
func (n *Node) Entry(key string) (Entry, bool) {
	if n == nil {
		return Entry{}, false
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return n.Entries[i], true
		}
	}
	return Entry{}, false
}

// Any returns the value as nil, bool, int64, float64, string, []any or
// map[string]any: what JSON Schema validation and encoding/json take. Each call
// builds the value anew, also below aliases; it shares nothing with the tree.
func (n *Node) Any() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Bool:
		return n.Bool()
	case Int:
		return n.Int()
	case Float:
		return n.Float()
	case String:
		return n.text
	case List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = item.Any()
		}
		return list
	case Map:
		values := make(map[string]any, len(n.Entries))
		for i := range n.Entries {
			values[n.Entries[i].Key] = n.Entries[i].Value.Any()
		}
		return values
	default:
		return nil
	}
}

// Find walks down from n by map keys and list indexes and returns the node that
// stands there with its place; for the value of a map that is the place of its
// key. When a step does not exist, ok is false and the rest describes the last
// node that does.
func (n *Node) Find(path []string) (node *Node, line, column int, ok bool) {
	if n == nil {
		return nil, 0, 0, false
	}
	node, line, column = n, int(n.Line), int(n.Column)
	for _, step := range path {
		switch node.Kind {
		case Map:
			entry, found := node.Entry(step)
			if !found {
				return node, line, column, false
			}
			node, line, column = entry.Value, int(entry.Line), int(entry.Column)
		case List:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(node.Items) || strconv.Itoa(index) != step {
				return node, line, column, false
			}
			node = node.Items[index]
			line, column = int(node.Line), int(node.Column)
		default:
			return node, line, column, false
		}
	}
	return node, line, column, true
}
