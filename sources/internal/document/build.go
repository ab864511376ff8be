package document

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A builder makes nodes of the library's tree and the audit's marks.
type builder struct {
	*audit
	budget  int // nodes that aliases and merges may still add
	anchors map[string]*anchor
	slab    []Node
}

// A built value knows how many nodes it has with every alias expanded, and how
// deep it is.
type built struct {
	node   *Node
	size   int
	height int
}

// An anchor is a name that aliases refer to. It is not done while the value it
// stands before is being built.
type anchor struct {
	built
	done bool
}

// new returns a node of the kind at the place of a mark.
func (b *builder) new(kind Kind, m mark) *Node {
	if len(b.slab) == 0 {
		b.slab = make([]Node, 256)
	}
	node := &b.slab[0]
	b.slab = b.slab[1:]
	*node = Node{Kind: kind, Line: m.line, Column: m.column}
	return node
}

// mark returns what the audit knows about a token.
func (b *builder) mark(tk *token.Token) mark { return b.marks[tk.Position.Offset] }

// node builds a value that stands at the given depth.
func (b *builder) node(n ast.Node, depth int) built {
	if b.fatal != nil {
		return b.nothing()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n, depth)
	case *ast.SequenceNode:
		return b.list(n, depth)
	case *ast.AnchorNode:
		pending := &anchor{}
		b.anchors[b.mark(n.Name.GetToken()).text] = pending
		pending.built = b.node(n.Value, depth)
		pending.done = true
		return pending.built
	case *ast.AliasNode:
		return b.alias(n, depth)
	case *ast.LiteralNode:
		m := b.mark(n.Start)
		node := b.new(String, m)
		if n.Value != nil && n.Value.Token.Position.Offset > n.Start.Position.Offset {
			node.text = b.mark(n.Value.Token).text
		}
		return built{node, 1, 0}
	case *ast.StringNode:
		return built{b.scalar(n.Token), 1, 0}
	case *ast.NullNode:
		return built{b.new(Null, b.mark(n.Token)), 1, 0}
	}
	m := b.mark(n.GetToken())
	b.fatalAt(int(m.line), int(m.column), inOurWords(""))
	return b.nothing()
}

// nothing stands for what is not built because of a fatal problem.
func (b *builder) nothing() built { return built{&Node{}, 1, 0} }

func (b *builder) scalar(tk *token.Token) *Node {
	m := b.mark(tk)
	kind := String
	if tk.Type == token.StringType {
		var refusal string
		if kind, refusal = resolve(m.text); refusal != "" {
			b.refuse(int(m.line), int(m.column), refusal)
		}
	}
	node := b.new(kind, m)
	if kind != Null {
		node.text = m.text
	}
	return node
}

func (b *builder) list(n *ast.SequenceNode, depth int) built {
	node := b.new(List, b.mark(n.Start))
	whole := built{node: node, size: 1, height: 1}
	node.Items = make([]*Node, len(n.Values))
	for i, value := range n.Values {
		item := b.node(value, depth+1)
		node.Items[i] = item.node
		whole.add(item)
	}
	return whole
}

// add counts a child.
func (v *built) add(child built) {
	v.size += child.size
	v.height = max(v.height, child.height+1)
}

func (b *builder) mapping(n *ast.MappingNode, depth int) built {
	start := b.mark(n.Start)
	if !n.IsFlowStyle && len(n.Values) > 0 {
		start = b.mark(n.Values[0].Key.GetToken())
	}
	node := b.new(Map, start)
	whole := built{node: node, size: 1, height: 1}
	keys := keySet{entries: make([]Entry, 0, len(n.Values))}
	var merged []*Node
	mergeLine := int32(0)
	for _, pair := range n.Values {
		tk := pair.Key.GetToken()
		m := b.mark(tk)
		first := mergeLine
		if tk.Type == token.MergeKeyType {
			mergeLine = m.line
		} else if entry := keys.find(m.text); entry != nil {
			first = entry.Line
		} else {
			first = 0
		}
		switch {
		case first > 0:
			b.refuse(int(m.line), int(m.column), fmt.Sprintf("this key was given before, at line %d: remove one of them", first))
			b.node(pair.Value, depth+1) // for the anchors and problems in it
		case tk.Type == token.MergeKeyType:
			for _, source := range b.mergeSources(pair.Value, depth) {
				merged = append(merged, source.node)
				whole.size += source.size - 1
				whole.height = max(whole.height, source.height)
			}
		default:
			value := b.node(pair.Value, depth+1)
			whole.add(value)
			keys.add(Entry{Key: m.text, Line: m.line, Column: m.column, Value: value.node})
		}
	}
	for _, source := range merged {
		for _, entry := range source.Entries {
			if keys.find(entry.Key) == nil {
				keys.add(entry)
			}
		}
	}
	node.Entries = keys.entries
	return whole
}

// mergeSources builds what stands behind "<<": a map, an alias of one, or a list
// of these.
func (b *builder) mergeSources(n ast.Node, depth int) []built {
	values := []ast.Node{n}
	if list, ok := n.(*ast.SequenceNode); ok {
		values = list.Values
	}
	var sources []built
	for _, value := range values {
		known := b.refused
		source := b.node(value, depth)
		if source.node.Kind != Map {
			if b.fatal != nil || b.refused > known {
				continue // said already
			}
			b.refuse(int(source.node.Line), int(source.node.Column), "behind << stands a map, an alias of a map, or a list of these in brackets")
			continue
		}
		sources = append(sources, source)
	}
	return sources
}

// alias gives the value of an anchor the place of the alias; what is below it is
// shared. The number of nodes that the alias stands for is charged.
func (b *builder) alias(n *ast.AliasNode, depth int) built {
	m := b.mark(n.Start)
	line, column := int(m.line), int(m.column)
	target := b.anchors[b.mark(n.Value.GetToken()).text]
	switch {
	case target == nil:
		b.refuse(line, column, "no anchor of this name stands above: correct the name, or write text that begins with * in quotes")
		return built{b.new(Null, m), 1, 0}
	case !target.done:
		b.refuse(line, column, "this alias stands inside the value that it refers to: write the value out")
		return built{b.new(Null, m), 1, 0}
	case depth-1+target.height > b.limits.Depth:
		b.fatalAt(line, column, fmt.Sprintf("lists and maps stand in one another more than %d deep where this alias is expanded: make it flatter", b.limits.Depth))
		return b.nothing()
	case target.size > b.budget:
		b.fatalAt(line, column, fmt.Sprintf("aliases and merges make more than %d values of this file: write fewer of them", b.limits.Expanded))
		return b.nothing()
	}
	b.budget -= target.size
	node := b.new(target.node.Kind, m)
	*node = *target.node
	node.Line, node.Column = m.line, m.column
	return built{node, target.size, target.height}
}

// A keySet is the pairs of a map, with an index once they are many.
type keySet struct {
	entries []Entry
	index   map[string]int
}

// find returns the pair of a key, or nil.
func (s *keySet) find(key string) *Entry {
	if s.index == nil {
		for i := range s.entries {
			if s.entries[i].Key == key {
				return &s.entries[i]
			}
		}
		return nil
	}
	if i, ok := s.index[key]; ok {
		return &s.entries[i]
	}
	return nil
}

// add appends a pair whose key is new.
func (s *keySet) add(entry Entry) {
	s.entries = append(s.entries, entry)
	switch {
	case s.index != nil:
		s.index[entry.Key] = len(s.entries) - 1
	case len(s.entries) > 16:
		s.index = make(map[string]int, 2*len(s.entries))
		for i := range s.entries {
			s.index[s.entries[i].Key] = i
		}
	}
}
