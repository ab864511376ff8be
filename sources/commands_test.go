package sources_test

import (
	"encoding/json"
	"testing"

	"rollcall/sources"
)

// TestSecurityCommands: what is a command to a CI service is none afterwards, and every
// other text stays as it is.
func TestSecurityCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"::set-output name=a::b":        `\u003a:set-output name=a::b`,
		" \t\u00a0\u3000::error::x":     " \t\u00a0\u3000" + `\u003a:error::x`,
		"a\n::error::x\n\n  ::debug::y": "a\n" + `\u003a:error::x` + "\n\n  " + `\u003a:debug::y`,
		"a ::error::x":                  "a ::error::x",
		"::1":                           `\u003a:1`,
		"a ##[add-mask]x":               `a #\u0023[add-mask]x`,
		"##vso[task.setvariable]x":      `#\u0023vso[task.setvariable]x`,
		"##teamcity[x] ##[y]":           `#\u0023teamcity[x] #\u0023[y]`,
		"###[x]":                        `##\u0023[x]`,
		"## heading [x] # [y] #[z]":     "## heading [x] # [y] #[z]",
	} {
		if got := sources.WithoutCommands(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
		if again := sources.WithoutCommands(want); again != want {
			t.Errorf("%q is %q the second time", want, again)
		}
		raw, _ := json.Marshal(text)
		var read string
		if err := json.Unmarshal([]byte(sources.WithoutCommands(string(raw))), &read); err != nil || read != text {
			t.Errorf("%s reads as %q, %v", raw, read, err)
		}
	}
}
