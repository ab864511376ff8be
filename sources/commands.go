package sources

import "regexp"

// What a CI service takes for a command in what a job prints, so that whoever chose a
// name would run it: GitHub's ::name:: at the start of a line, blanks aside, and anywhere
// in one GitHub's ##[name], Azure's ##vso[name] and TeamCity's ##teamcity[name].
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
var (
	lineCommand   = regexp.MustCompile(`(?m)^([\pZ\t\v\f\r]*):(:)`)
	inlineCommand = regexp.MustCompile(`##(\w*\[)`)
)

// WithoutCommands is a text in which no CI service finds a command to it: one character
// of each is written as its escape, which is the same text to readers of JSON and of YAML
// in double quotes.
func WithoutCommands(text string) string {
	return inlineCommand.ReplaceAllString(lineCommand.ReplaceAllString(text, `$1\u003a$2`), `#\u0023$1`)
}
