package document

import (
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	partBytes = 64 << 10 // of the text that is read at once, about
	// partDepth is how deep the list that is read in parts may stand; what is in
	// it may be as much less deep than the limit.
	partDepth = 8
)

// A run is the lines of a text that look like the entries of one list: each of
// starts is the place of a line that begins with a dash at the same indentation,
// and no line from the first to the last of them is indented less.
type run struct {
	indent int
	starts []int
}

// readInParts reads a text most of which is one long list, such as the people of
// a roster, without ever holding the tokens of all of it, and on all processors.
// The first and the last entry and what stands around the list are read as one
// document, the entries between them as lists of their own.
//
// It returns nil unless every part is free of problems and of anchors and
// aliases; then the text is read as a whole, and whatever is wrong is reported
// from there. A part that is free of problems leaves nothing open, no quote, no
// bracket and no block of text; so the line that follows it, which begins with a
// dash at the column of the list, means the same with and without what stands
// above, and the parts together are the whole. That nothing is open where the
// parts are cut out is seen from the dash that follows there.
func readInParts(text string, limits Limits) *Node {
	if len(text) < 2*partBytes || limits.Depth < 2*partDepth {
		return nil
	}
	return readRun(text, limits, longestRun(text), partBytes)
}

// readRun reads the text with the entries of a run, but the first and the last,
// in parts of at least size bytes.
func readRun(text string, limits Limits, r run, size int) *Node {
	if len(r.starts) < 3 {
		return nil
	}
	from, to := r.starts[1], r.starts[len(r.starts)-1]
	if to-from < size {
		return nil
	}
	around := newAudit(text[:from]+text[to:], limits)
	around.cut = cut{at: from, lines: strings.Count(text[from:to], "\n")}
	root, problems := around.read()
	if root == nil || len(problems) > 0 || !around.cut.clean {
		return nil
	}
	list := listAt(root, 1+strings.Count(text[:r.starts[0]], "\n"), r.indent+1, partDepth)
	if list == nil || len(list.Items) != 2 {
		return nil
	}
	limits.Depth -= partDepth
	parts := cutParts(text, r.starts[1:], size)
	if !readParts(parts, limits, r.indent+1) {
		return nil
	}
	items := make([]*Node, 0, len(r.starts))
	items = append(items, list.Items[0])
	for _, p := range parts {
		items = append(items, p.items...)
	}
	if len(items) != len(r.starts)-1 {
		return nil
	}
	list.Items = append(items, list.Items[1])
	return root
}

// beginsBlock is a line that ends with what begins a block of text.
var beginsBlock = regexp.MustCompile(`[|>][-+0-9]*[ \t]*(#.*)?$`)

// endsInBlock reports whether the last line of a text that is neither blank nor a
// comment begins a block of text, which then has none.
func endsInBlock(text string) bool {
	for text != "" {
		end := strings.LastIndexByte(text, '\n')
		line := strings.TrimSpace(text[end+1:])
		if line != "" && line[0] != '#' {
			return beginsBlock.MatchString(line)
		}
		text = text[:max(end, 0)]
	}
	return false
}

// A part is some entries of the list and the line they begin at.
type part struct {
	text  string
	line  int
	items []*Node
}

// cutParts cuts the text between the first and the last of starts.
func cutParts(text string, starts []int, size int) []part {
	var parts []part
	from := starts[0]
	line := 1 + strings.Count(text[:from], "\n")
	for i, start := range starts {
		if start-from < size && i < len(starts)-1 {
			continue
		}
		parts = append(parts, part{text: text[from:start], line: line})
		line += strings.Count(text[from:start], "\n")
		from = start
	}
	return parts
}

// readParts reads all parts, and says whether each is a list at the column and
// free of problems, anchors and aliases.
func readParts(parts []part, limits Limits, column int) bool {
	var (
		next   atomic.Int64
		failed atomic.Bool
		group  sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		group.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				if !parts[i].read(limits, column) {
					failed.Store(true)
				}
			}
		})
	}
	group.Wait()
	return !failed.Load()
}

func (p *part) read(limits Limits, column int) bool {
	if endsInBlock(p.text) {
		return false // whether a block without text is one depends on what follows
	}
	a := newAudit(p.text, limits)
	a.line = p.line
	root, problems := a.read()
	if root == nil || len(problems) > 0 || a.anchors > 0 || a.aliases > 0 || root.Kind != List || int(root.Column) != column {
		return false
	}
	p.items = root.Items
	return true
}

// listAt finds the list whose first dash stands at a place.
func listAt(n *Node, line, column, depth int) *Node {
	if depth == 0 {
		return nil
	}
	if n.Kind == List && int(n.Line) == line && int(n.Column) == column {
		return n
	}
	for _, item := range n.Items {
		if found := listAt(item, line, column, depth-1); found != nil {
			return found
		}
	}
	for _, e := range n.Entries {
		if found := listAt(e.Value, line, column, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// longestRun finds the run that spans most of the text.
func longestRun(text string) run {
	var best, current run
	span := func(r run) int {
		if len(r.starts) == 0 {
			return 0
		}
		return r.starts[len(r.starts)-1] - r.starts[0]
	}
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		line := text[at : at+end]
		indent := countBlanks(line)
		dash := indent < len(line) && line[indent] == '-' && (indent+1 == len(line) || line[indent+1] == ' ')
		switch {
		case indent == len(line) || line[indent] == '#':
		case len(current.starts) > 0 && indent > current.indent:
		case len(current.starts) > 0 && indent == current.indent && dash:
			current.starts = append(current.starts, at)
		default:
			if span(current) > span(best) {
				best = current
			}
			current = run{}
			if dash {
				current = run{indent: indent, starts: []int{at}}
			}
		}
		at += end + 1
	}
	if span(current) > span(best) {
		best = current
	}
	return best
}

func countBlanks(line string) int {
	return len(line) - len(strings.TrimLeft(line, " "))
}
