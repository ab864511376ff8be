// Package document reads one YAML document and keeps the place of everything in
// it, so that whatever is found wrong later can be shown by line and column.
//
// YAML is read by many programs in many ways, and a roster decides who has
// access to what. The package therefore reads less than YAML allows, and what it
// does not read it refuses with the place and the remedy; it never guesses.
//
// # How a document is read
//
//  1. The bytes: size, UTF-8, no control characters, line ends made one kind.
//  2. The tokens: the library cuts the text into tokens, and each of them is
//     then found again in the text by a reading of our own. So every character
//     of the file is accounted for, places are exact, and nothing that the
//     library dropped or joined goes unseen. Quoted and block text is decoded
//     here, brackets and indentation are checked, and every limit that keeps a
//     hostile file cheap is applied, before the parser runs.
//  3. The tree: the library parses the tokens, and its tree becomes [Node]s.
//     Aliases and merges are resolved here under a budget.
//
// A text that is mostly one long list is read in parts, side by side, and put
// together: a large roster needs neither the memory nor the time of its whole
// token tree. Whatever is unusual about it, a problem or an alias, has it read as
// a whole.
//
// # What a plain value is
//
// A plain value (one without quotes) is
//
//   - null: null, Null, NULL, ~ or nothing;
//   - a bool: true, True, TRUE, false, False, FALSE;
//   - a number when it is written as JSON writes it, without an exponent: 0,
//     -12, 3.50; whole numbers must fit 64 bits;
//   - refused when it is not one of these, but some reader of YAML 1.1 or 1.2
//     takes it for a number: 0123, 0o17, 0x1F, 0b11, 1_000, 1,000, 08, 00, +1,
//     .5, 5., 1e3, 1.5e+3, .inf, .nan;
//   - text in every other case. So dates (2026-12-01), times (12:30), telephone
//     numbers with blanks or dashes (+1 306 555 1234), versions (1.2.3) and the
//     words yes, no, on, off, y, n are text.
//
// Keys are text: a plain key that reads as null, bool or number is refused, and
// so are an empty key, a key of more than 1024 characters and a key given twice.
//
// # What is not read
//
// Refused although YAML allows it: a second document, directives (%YAML), tags
// (!!str and all others), "? " keys, keys that are lists, maps or aliases, an
// anchor before a key, a key without a colon in braces ({a}), a pair in brackets
// ([a: b]), a colon in braces without a blank after it ({a:b}), a plain value
// that goes on with a line beginning with "- ", tabs in plain values, and the
// invisible characters that end lines or turn the direction of text.
//
// # Aliases and merges
//
// An alias shares the children of what it refers to. In a map the keys that are
// written there win over those that come by "<<", wherever it stands, and of a
// list of merged maps the first that has a key wins. Every expansion is charged
// to [Limits].Expanded, so that walking a tree is never much more work than
// reading the file was.
package document
