package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parse returns the value of a document as JSON and its problems as
// "line:column message".
func parse(t *testing.T, text string, limits Limits) (value string, problems []string) {
	t.Helper()
	root, found := Parse([]byte(text), limits)
	for _, p := range found {
		problems = append(problems, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
	}
	if root == nil {
		return "", problems
	}
	return encode(t, root.Any()), problems
}

func encode(t *testing.T, value any) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestParseReads(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"scalars", "a: 1\nb: -0\nc: 1.50\nd: true\ne: False\nf: ~\ng:\nh: NULL\ni: x y # z", `{"a":1,"b":0,"c":1.5,"d":true,"e":false,"f":null,"g":null,"h":null,"i":"x y"}`},
		{"text that looks like more", "[2026-12-01, 2001-12-14T21:59:43Z, 12:30, 190:20:30, no, yes, on, Off, y, +1 306 555 1234, 306-555-1234, 1.2.3, 0x, 0xZZ, 0o8, 1e, _1, 10%, nUll, =, .inf.]", `["2026-12-01","2001-12-14T21:59:43Z","12:30","190:20:30","no","yes","on","Off","y","+1 306 555 1234","306-555-1234","1.2.3","0x","0xZZ","0o8","1e","_1","10%","nUll","=",".inf."]`},
		{"quoted numbers are text", "['0123', \"1e3\", '.nan', \"null\", '12']", `["0123","1e3",".nan","null","12"]`},
		{"bounds of int64", "[9223372036854775807, -9223372036854775808]", `[9223372036854775807,-9223372036854775808]`},
		{"root scalar", "plain text", `"plain text"`},
		{"root list", "- a\n- b", `["a","b"]`},
		{"header and end", "# c\n--- # c\na: 1\n... # c\n# c\n", `{"a":1}`},
		{"byte order mark", "\ufeffversion: 1", `{"version":1}`},
		{"JSON", `{"a":[1,2.5,true,null,"\ud83d\ude00\u00e9\/"],"b":{"c":"d"}}`, `{"a":[1,2.5,true,null,"😀é/"],"b":{"c":"d"}}`},
		{"commas at the end", "[a, b, ]", `["a","b"]`},
		{"flow over lines", "a: [\n  b, # c\n  {d: e,\n  f: }\n]\ng: h", `{"a":["b",{"d":"e","f":null}],"g":"h"}`},
		{"URL in flow", "{a: [http://x.y/z?a#b], b: http://x}", `{"a":["http://x.y/z?a#b"],"b":"http://x"}`},
		{"colon without blank in brackets", "[a:b]", `["a:b"]`},
		{"list at the column of its key", "a:\n- 1\n- 2\nb: 3", `{"a":[1,2],"b":3}`},
		{"lists in lists", "- - a\n  - b\n-\n  - c\n-\n- d: e\n  f:", `[["a","b"],["c"],null,{"d":"e","f":null}]`},
		{"blanks before the colon and at line ends", "a  : 1   \n\"b\" : 2\nc: x   \nd: 'y'  ", `{"a":1,"b":2,"c":"x","d":"y"}`},
		{"plain over lines", "a: b\n  c\n\n  d\ne: f", `{"a":"b c\nd","e":"f"}`},
		{"single quotes", "a: 'it''s  \n   two\n\n   lines '\n", `{"a":"it's two\nlines "}`},
		{"double quotes", "a: \"x  \n  y\\\n   z \\  \n  é\\t\\x41\\U0001F600\\\n\n  b\"", `{"a":"x yz   é\tA😀\nb"}`},
		{"literal", "a: |\n  x\n   y\n\n  z \n\n\nb: 1", `{"a":"x\n y\n\nz \n","b":1}`},
		{"literal, stripped and kept", "a: |-\n x\n\nb: |+\n x\n\nc: |2-\n    x\n   y", `{"a":"x","b":"x\n\n","c":"  x\n y"}`},
		{"literal without lines", "a: |\nb: >\n\nc: |", `{"a":"","b":"","c":""}`},
		{"literal with tabs, hashes and colons", "a: |\n  # no\n  b: c\n  \td\n", `{"a":"# no\nb: c\n\td\n"}`},
		{"literal at the end without a line end", "a: |\n  x", `{"a":"x"}`},
		{"folded", "a: >\n  x\n  y\n\n  z\n   deep\n  w\n", `{"a":"x y\nz\n deep\nw\n"}`},
		{"blocks in a list", "- |\n x\n- >-\n y\n z\n- end", `["x\n","y z","end"]`},
		{"CRLF", "a:\r\n  b: \"x\r\n   y\"\r\nc: |\r\n z\r\n # no\r\n# c\r\nd: e # f\r\ng: h\r\n", `{"a":{"b":"x y"},"c":"z\n# no\n","d":"e","g":"h"}`},
		{"aliases", "a: &x [1, &y {b: c}]\nd: *x\ne: *y\nf: &z\ng: *z", `{"a":[1,{"b":"c"}],"d":[1,{"b":"c"}],"e":{"b":"c"},"f":null,"g":null}`},
		{"anchor defined again", "- &a 1\n- *a\n- &a 2\n- *a", `[1,1,2,2]`},
		{"anchor defined again inside", "- &a [&a 1, *a]\n- *a", `[[1,1],1]`},
		{"written keys win over merged, before", "b: &b {r: 1, s: 2}\nm:\n  r: 9\n  <<: *b", `{"b":{"r":1,"s":2},"m":{"r":9,"s":2}}`},
		{"written keys win over merged, after", "b: &b {r: 1, s: 2}\nm:\n  <<: *b\n  r: 9", `{"b":{"r":1,"s":2},"m":{"r":9,"s":2}}`},
		{"the first merged wins", "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nm: {<<: [*a, *b, {y: 4, z: 5}]}", `{"a":{"x":1},"b":{"x":2,"y":3},"m":{"x":1,"y":3,"z":5}}`},
		{"merge of a merge", "a: &a {x: 1}\nb: &b\n  <<: *a\n  y: 2\nc:\n  <<: *b", `{"a":{"x":1},"b":{"x":1,"y":2},"c":{"x":1,"y":2}}`},
		{"quoted << is a key", "\"<<\": 1", `{"<<":1}`},
		{"null before a sibling and at the end", "a:\n  b:\nc:\n  -\n  -", `{"a":{"b":null},"c":[null,null]}`},
		{"blank lines with blanks", "a: 1\n   \n  \n\nb: 2\n  ", `{"a":1,"b":2}`},
		{"tab before a comment and a value", "a:\t1\t# c\nb: 'x\ty'\n", `{"a":1,"b":"x\ty"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, problems := parse(t, test.text, Limits{})
			if problems != nil {
				t.Fatalf("problems: %q", problems)
			}
			if got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// Each of these is refused with exactly these problems.
func TestParseRefuses(t *testing.T) {
	const (
		number    = " is a different number, or text, to different programs: write it in quotes if it is text, else as a plain decimal number"
		tag       = "tags (words that begin with !) are not read: remove it, and write the value in quotes if it is text"
		begins    = "text that begins with this character must stand in quotes"
		keyText   = "a key must be text: write it in quotes"
		misplaced = "the indentation of this line fits nothing above it: align it with the line it belongs to"
		tabIndent = "a tab is used as indentation: indent with spaces"
	)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"1:1 is empty"}},
		{"comments alone", "# a\n\n  # b\n", []string{"1:1 is empty"}},
		{"header alone", "---\n", []string{"1:1 is empty"}},
		{"not UTF-8", "a: 1\nb: é\xffx", []string{"2:5 this byte is not UTF-8: save the file as UTF-8"}},
		{"UTF-16, little end", "\xff\xfea\x00", []string{"1:1 is not UTF-8 but looks like UTF-16: save it as UTF-8"}},
		{"UTF-16, big end, no mark", "\x00a\x00:", []string{"1:1 is not UTF-8 but looks like UTF-16: save it as UTF-8"}},
		{"NUL", "a: 1\nb: x\x00", []string{"2:5 the control character U+0000 can not stand here: remove it, or write it as an escape in double quotes"}},
		{"escape character", "a: \x1b[31m", []string{"1:4 the control character U+001B can not stand here: remove it, or write it as an escape in double quotes"}},
		{"delete", "a: \x7f", []string{"1:4 the control character U+007F can not stand here: remove it, or write it as an escape in double quotes"}},
		{"next line", "a: \u0085", []string{"1:4 the invisible character U+0085 can not stand here: remove it, or write it as an escape in double quotes"}},
		{"line separator", "a: x\u2028b: y", []string{"1:5 the invisible character U+2028 can not stand here: remove it, or write it as an escape in double quotes"}},
		{"second byte order mark", "a: \ufeffb", []string{"1:4 the invisible character U+FEFF can not stand here: remove it, or write it as an escape in double quotes"}},
		{"direction override", "a: x\u202ey", []string{"1:5 the character U+202E turns the direction of the text and hides what it says: remove it, or write it as an escape in double quotes"}},
		{"carriage return alone", "a: 1\rb: 2", []string{"1:5 a carriage return without a line feed: save the file with LF line ends"}},
		{"merge conflict", "a: 1\n<<<<<<< HEAD\nb: 2\n=======\n", []string{"2:1 an unresolved merge conflict: keep one of the two versions and remove the <<<<<<<, ======= and >>>>>>> lines"}},

		{"second document", "a: 1\n---\nb: 2\n", []string{"2:1 a second document begins at line 2: a file holds one, so move it into its own file"}},
		{"second document after empty ones", "a: 1\n---\n---\nb: 2\n", []string{"2:1 a second document begins at line 2: a file holds one, so move it into its own file"}},
		{"second document after an empty first", "---\n---\nb: 2\n", []string{"2:1 a second document begins at line 2: a file holds one, so move it into its own file"}},
		{"content behind the end", "a: 1\n...\nb: 2\n", []string{"3:1 a second document begins at line 3: a file holds one, so move it into its own file"}},
		{"directive", "%YAML 1.2\n---\na: 1", []string{"1:1 lines that begin with % are not read: remove this line, or write the text in quotes"}},

		{"numbers", "- 0123\n- 0o17\n- 0x1F\n- 0b11\n- 1_000\n- 08\n- 1e3\n- 1E3\n- 1e400\n- 00\n- 0_7\n- +1\n- .5\n- 5.\n- 1.5e+3\n- 1,000\n- 0X1f\n- -0x1\n- -.5\n- 01.5\n- 1__0\n- +1.5\n", []string{
			"1:3 0123" + number, "2:3 0o17" + number, "3:3 0x1F" + number, "4:3 0b11" + number, "5:3 1_000" + number, "6:3 08" + number,
			"7:3 1e3" + number, "8:3 1E3" + number, "9:3 1e400" + number, "10:3 00" + number, "11:3 0_7" + number, "12:3 +1" + number,
			"13:3 .5" + number, "14:3 5." + number, "15:3 1.5e+3" + number, "16:3 1,000" + number, "17:3 0X1f" + number, "18:3 -0x1" + number,
			"19:3 -.5" + number, "20:3 01.5" + number, "21:3 1__0" + number, "22:3 +1.5" + number,
		}},
		{"not a number, infinite", "[.nan, .NaN, .inf, -.inf, +.INF]", []string{
			"1:2 .nan is not a number that can be used here: write it in quotes if it is text", "1:8 .NaN is not a number that can be used here: write it in quotes if it is text",
			"1:14 .inf is not a number that can be used here: write it in quotes if it is text", "1:20 -.inf is not a number that can be used here: write it in quotes if it is text",
			"1:27 +.INF is not a number that can be used here: write it in quotes if it is text",
		}},
		{"too large", "[9223372036854775808, -9223372036854775809, " + strings.Repeat("9", 60) + ", " + strings.Repeat("9", 400) + ".0]", []string{
			"1:2 9223372036854775808 does not fit 64 bits: write it in quotes if it is text", "1:23 -9223372036854775809 does not fit 64 bits: write it in quotes if it is text",
			"1:45 this number does not fit 64 bits: write it in quotes if it is text", "1:107 this number is too large: write it in quotes if it is text",
		}},
		{"keys that are no text", "1: a\ntrue: b\n~: c\n1e3: d\n? e\n", []string{"1:1 " + keyText}},
		{"keys that are no text, all", "1: a\ntrue: b\n~: c\n1e3: d\n1.5: e\n", []string{"1:1 " + keyText, "2:1 " + keyText, "3:1 " + keyText, "4:1 " + keyText, "5:1 " + keyText}},
		{"empty key", "\"\": a\n", []string{"1:1 this key is empty: give it a name"}},
		{"long key", "{" + strings.Repeat("é", 1025) + ": a}", []string{"1:2 this key has more than 1024 characters: shorten it"}},
		{"key given twice", "a: 1\nb:\n  c: 1\n  \"c\": 2\na: 3\n'a': 4\n", []string{"4:3 this key was given before, at line 3: remove one of them", "5:1 this key was given before, at line 1: remove one of them", "6:1 this key was given before, at line 1: remove one of them"}},
		{"key given twice in braces", "{a: 1, a: 2}", []string{"1:8 this key was given before, at line 1: remove one of them"}},
		{"merge given twice", "a: &a {}\nb:\n  <<: *a\n  <<: *a\n", []string{"4:3 this key was given before, at line 3: remove one of them"}},
		{"question mark keys", "? |\n  a\n: 1\n? |\n  b\n: 2\n", []string{"1:1 keys written with a question mark are not read: write key: value"}},
		{"list as key", "[a]: b", []string{"1:4 a key must be text: write it in quotes, and lists and maps as values only"}},
		{"alias as key", "- &x a\n- *x : b", []string{"2:6 a key must be text: write it in quotes, and lists and maps as values only"}},
		{"anchor before a key", "&x a: b", []string{"1:4 an anchor can not stand before a key: put it behind the colon"}},
		{"no key", ": a", []string{"1:1 there is no key before this colon: write one, or put the text in quotes"}},

		{"tags", "a: !!str 12\nb: !foo\nc: !!binary aGk=\nd: !!int 0123\ne: [!x y, !z ]\n", []string{"1:4 " + tag, "2:4 " + tag, "3:4 " + tag, "4:4 " + tag, "5:5 " + tag, "5:11 " + tag}},
		{"tag at the end", "a: !!str", []string{"1:4 " + tag}},
		{"tag before a map", "!!map\na: 0123", []string{"1:1 " + tag, "2:4 0123" + number}},

		{"tab in plain text", "name: Ada\tL\nb: c\td e\tf\n", []string{"1:10 a tab stands in this text: write a blank, or put the text in double quotes with \\t", "2:5 a tab stands in this text: write a blank, or put the text in double quotes with \\t"}},
		{"tab as indentation", "a:\n\tb: 1", []string{"2:1 " + tabIndent}},
		{"tab after blanks as indentation", "a:\n  b: 1\n \t c: 1", []string{"3:2 " + tabIndent}},
		{"tab as indentation of a block", "a: |\n\tb", []string{"2:1 " + tabIndent}},
		{"tab between dash and key", "-  \ta: 1\n  b: 2", []string{"1:5 a tab stands before this: write blanks, since columns count here"}},

		{"closing brace as text", "k: }", []string{"1:4 " + begins}},
		{"comma as text", "k: ,a", []string{"1:4 " + begins}},
		{"closing bracket", "k: ]", []string{"1:4 nothing is open that this bracket could close: remove it, or write the text in quotes"}},
		{"reserved characters", "k: @x", []string{"1:4 " + begins}},
		{"backquote", "k: `x", []string{"1:4 " + begins}},
		{"percent", "a: 1\nk: %x", []string{"2:4 lines that begin with % are not read: remove this line, or write the text in quotes"}},
		{"dash in brackets", "[-]", []string{"1:2 " + begins}},
		{"colon without blank in braces", "{a:b, \"c\":d}", []string{"1:3 a blank is missing behind this colon: write one, or put the text in quotes"}},
		{"key without colon in braces", "{a, b: c}", []string{"1:2 a key in braces needs a colon and a value: write {key: value}"}},
		{"pair in brackets", "[a: b]", []string{"1:2 a key can not stand in brackets: write {key: value}, or put the text in quotes"}},
		{"brackets closed in the wrong order", "[{a: b]}", []string{"1:7 this bracket closes another kind than the one that is open: pair [ with ] and { with }"}},
		{"open bracket", "a: 1\nb: [c", []string{"2:4 this bracket is never closed: close it"}},
		{"open bracket, more lines", "a: [c\nb: d", []string{"2:1 a key can not stand in brackets, and the bracket of line 1 is open here: close it"}},
		{"comma missing", "{a: [\"x\" \"y\"]}", []string{"1:10 a comma is missing before this value"}},
		{"comma twice", "[a,, b]", []string{"1:4 there is nothing before this comma: remove it"}},
		{"comma first", "{, a: b}", []string{"1:2 there is nothing before this comma: remove it"}},

		{"quote not closed", "a: 1\nb: \"x\nc: 2", []string{"2:4 " + notClosed}},
		{"single quote not closed", "b: 'x", []string{"1:4 " + notClosed}},
		{"text behind a quote", "a: \"x\" y", []string{"1:8 something stands behind the value: remove it, or write all of it in quotes"}},
		{"text directly behind a quote", "a: 'x'y'", []string{"1:7 something stands directly behind the closing quote: double a quote in '…' and escape it in \"…\", or write a blank"}},
		{"comment directly behind a quote", "a: \"x\"#y", []string{"1:7 something stands directly behind the closing quote: double a quote in '…' and escape it in \"…\", or write a blank"}},
		{"comment directly behind a comma", "[a,#b\n]", []string{"1:4 a comment needs a blank before the #: write one, or put the text in quotes"}},
		{"unknown escape", "a: \"é\\q\"", []string{"1:6 " + badEscape}},
		{"escape without digits", "a: \"\\xzz\"", []string{"1:5 this escape needs 2 hexadecimal digits: write them, or use single quotes"}},
		{"half a surrogate pair", "a: \"\\ud83d\"", []string{"1:5 this escape is no character: correct its digits"}},
		{"no such character", "a: \"\\U00110000\"", []string{"1:5 this escape is no character: correct its digits"}},
		{"block header", "a: |x\n  y", []string{"1:4 text that begins with | or > must stand in quotes; a block of text begins on the line behind it"}},
		{"dash below a block without lines", "\n  b: >\n\n\n  - b: \"x\"", []string{"5:3 " + begins}},
		{"dash before an entry in brackets", "[- a]", []string{"1:2 a dash can not begin an entry in brackets: remove it"}},
		{"line of dashes in quotes", "a: \"x\n---\n\"", []string{"2:1 a line of --- or ... stands inside a value: indent it"}},

		{"indentation between", "a:\n    b: 1\n  c: 2", []string{"3:3 " + misplaced}},
		{"indentation too deep", "a: 1\n  b: 2", []string{"2:3 this line would go on with the text above, and be no key: mend the indentation, or write the text above in quotes"}},
		{"indentation too deep below quotes", "a: \"1\"\n  b: 2", []string{"2:3 " + misplaced}},
		{"list after a value", "a: x\n- y", []string{"2:1 " + misplaced}},
		{"key after a list", "- a\nb: c", []string{"2:1 " + misplaced}},
		{"dash on a line that goes on", "a: x\n  - y", []string{"2:3 this line would go on with the text above, and be no list entry: mend the indentation, or write the text in quotes"}},
		{"dash behind a colon", "a: - b", []string{"1:4 a list can not begin on this line: begin it on the next line, or write it in brackets"}},
		{"colon at the end of a line that goes on", "a: x\n  -:", []string{"2:4 this character can not stand in text without quotes: write the text in quotes, or mend the indentation"}},
		{"two keys on a line", "a: b: c", []string{"1:4 a second key on this line: begin a new line, or write text with a colon in quotes"}},
		{"value not indented", "a:\n\"b\"", []string{"2:1 this value must be indented more than the line it belongs to"}},
		{"word between keys", "a: 1\nword\nb: 2", []string{"2:1 this line is neither a key nor a list entry: mend the indentation, or write the text above in quotes"}},
		{"blank missing behind a colon", "a: 1\nb:2\nc: 3", []string{"2:1 this line is neither a key nor a list entry: mend the indentation, or write the text above in quotes"}},
		{"merge key in a word", "a<<: b", []string{"1:1 this can not be read: write the text in quotes, or mend the indentation"}},

		{"alias of nothing", "a: *b\nb: &b 1\n", []string{"1:4 no anchor of this name stands above: correct the name, or write text that begins with * in quotes"}},
		{"alias of itself", "a: &a [1, *a]\nb: &b {<<: *b}\n", []string{"1:11 this alias stands inside the value that it refers to: write the value out", "2:12 this alias stands inside the value that it refers to: write the value out"}},
		{"merge of no map", "a: &a [1]\nb: {<<: *a}\nc: {<<: 1}", []string{"2:9 behind << stands a map, an alias of a map, or a list of these in brackets", "3:9 behind << stands a map, an alias of a map, or a list of these in brackets"}},
		{"anchor without name", "a: & b", []string{"1:5 the name behind & or * is made of letters, digits, - and _ and stands directly behind it; write text that begins with one of them in quotes"}},
		{"bold text", "a: **b**", []string{"1:5 the name behind & or * is made of letters, digits, - and _ and stands directly behind it; write text that begins with one of them in quotes"}},
		{"two anchors", "a: &x &y b", []string{"1:7 an anchor can not stand here: put it before a value"}},

		{"sorted", "b: 0123\na: !!str x\nb: 08\n", []string{"1:4 0123" + number, "2:4 " + tag, "3:1 this key was given before, at line 1: remove one of them", "3:4 08" + number}},
		{"what stands before the end explains it", "a: !!str\n  b: @", []string{"1:4 " + tag}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, problems := parse(t, test.text, Limits{})
			if diff := cmp.Diff(test.want, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemsAreCapped(t *testing.T) {
	_, problems := Parse([]byte(strings.Repeat("- 08\n", 5000)), Limits{})
	if len(problems) != maxProblems || problems[maxProblems-1].Line != maxProblems {
		t.Errorf("got %d problems, the last %+v", len(problems), problems[len(problems)-1])
	}
}

func TestLimits(t *testing.T) {
	var bomb, merges strings.Builder
	bomb.WriteString("a0: &a0 [x]\n")
	merges.WriteString("m0: &m0 {x0: 1}\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
		fmt.Fprintf(&merges, "m%d: &m%d {<<: [*m%d, *m%d, *m%d, *m%d], x%d: 1}\n", i+1, i+1, i, i, i, i, i+1)
	}
	var chain strings.Builder
	chain.WriteString("- &a0 [x]\n")
	for i := range 120 {
		fmt.Fprintf(&chain, "- &a%d [*a%d]\n", i+1, i)
	}
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "k%d: 1\n", i)
		}
		return b.String()
	}
	long := strings.Repeat("k", 1000)
	var paths strings.Builder
	for i := range 90 {
		paths.WriteString(strings.Repeat(" ", i) + long + ":\n")
	}
	for range 100_000 {
		paths.WriteString(strings.Repeat(" ", 90) + "- a: 1\n")
	}
	for _, test := range []struct {
		name, text string
		limits     Limits
		want       string // "" when it is read
		within     time.Duration
	}{
		{"size", strings.Repeat("#", 17<<20), Limits{}, "1:1 is larger than 16 MiB: split it into several files", 50 * time.Millisecond},
		{"size, stated", "a: bcd", Limits{Bytes: 5}, "1:1 is larger than 5 bytes: split it into several files", 0},
		{"size, met", "a: bc", Limits{Bytes: 5}, "", 0},
		{"brackets", strings.Repeat("[", 40_000), Limits{}, "1:101 lists and maps stand in one another more than 100 deep: make it flatter", 500 * time.Millisecond},
		{"braces", strings.Repeat("{a: ", 40_000), Limits{}, "1:401 lists and maps stand in one another more than 100 deep: make it flatter", 500 * time.Millisecond},
		{"dashes", strings.Repeat("- ", 40_000), Limits{}, "1:201 lists and maps stand in one another more than 100 deep: make it flatter", 500 * time.Millisecond},
		{"depth, met", "a: [{b: c}]", Limits{Depth: 3}, "", 0},
		{"depth, not met", "a:\n  - {b: []}", Limits{Depth: 3}, "2:9 lists and maps stand in one another more than 3 deep: make it flatter", 0},
		{"depth by aliases", chain.String(), Limits{}, "100:9 lists and maps stand in one another more than 100 deep where this alias is expanded: make it flatter", 0},
		{"width, met", wide(5000), Limits{}, "", 0},
		{"width", "a:\n" + strings.ReplaceAll("\n"+wide(5001), "\n", "\n  "), Limits{}, "3:3 this map has more than 5000 keys: write a list", time.Second},
		{"width, hostile", wide(40_000), Limits{}, "1:1 this map has more than 5000 keys: write a list", time.Second},
		{"aliases", "- &a 1\n" + strings.Repeat("- *a\n", 4), Limits{Aliases: 3}, "5:3 more than 3 aliases: write the values out", 0},
		{"alias bomb", bomb.String(), Limits{}, "19:12 aliases and merges make more than 1000000 values of this file: write fewer of them", 100 * time.Millisecond},
		{"merge bomb", merges.String(), Limits{}, "11:22 aliases and merges make more than 1000000 values of this file: write fewer of them", 100 * time.Millisecond},
		{"expanded, met", "- &a [1, 2]\n- *a\n- *a", Limits{Expanded: 6}, "", 0},
		{"expanded, not met", "- &a [1, 2]\n- *a\n- *a", Limits{Expanded: 5}, "3:3 aliases and merges make more than 5 values of this file: write fewer of them", 0},
		{"many documents", strings.Repeat("---\na: 1\n", 40_000), Limits{}, "3:1 a second document begins at line 3: a file holds one, so move it into its own file", 2 * time.Second},
		{"many empty values", strings.Repeat("-\n", 100_000), Limits{}, "", 4 * time.Second},
		{"many empty values in braces", "[" + strings.Repeat("{a: , b: },", 50_000) + "]", Limits{}, "", 5 * time.Second},
		{"long paths", paths.String(), Limits{}, "", 8 * time.Second},
		{"one long line that is wrong at its end", "[" + strings.Repeat(`{"a": "b"},`, 40_000) + "]]", Limits{}, "1:440003 nothing is open that this bracket could close: remove it, or write the text in quotes", 5 * time.Second},
		{"tabs in quotes", "a: \"" + strings.Repeat("\t", 1<<20) + "\"", Limits{}, "1:1 this line is too long for the number of tabs in it: break it", 100 * time.Millisecond},
		{"angles", "a: " + strings.Repeat("<", 1<<20), Limits{}, "1:68 too many < in a row: shorten this text", 100 * time.Millisecond},
		{"lines in quotes", "a: \"" + strings.Repeat("x\n ", 1<<19) + "\"", Limits{}, "", 2 * time.Second},
		{"marks", strings.Repeat("[],", 3<<20), Limits{}, "1:1 holds too many values: split it into several files", 300 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			begun := time.Now()
			_, problems := Parse([]byte(test.text), test.limits)
			took := time.Since(begun)
			got := ""
			if len(problems) > 0 {
				got = fmt.Sprintf("%d:%d %s", problems[0].Line, problems[0].Column, problems[0].Message)
			}
			if got != test.want || len(problems) > 1 {
				t.Errorf("got %q (%d problems), want %q", got, len(problems), test.want)
			}
			// The bounds are wide: they tell linear from quadratic.
			if test.within > 0 && took > 10*test.within {
				t.Errorf("took %v", took)
			}
			t.Logf("took %v", took.Round(time.Millisecond))
		})
	}
}
