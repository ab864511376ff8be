package schemas

import "strings"

// unbuilt are the places and values of rollcall.yaml that are promised but not
// built yet. They are refused as everything is that is not in the schema, with a
// word that says why. What gets built is added to the schema and deleted here.
//
// A * stands for any key. The value is a text; empty
// means the key itself.
var unbuilt = []struct{ place, value string }{
	{"providers.*.kind", "scim"},
}

// isUnbuilt tells whether the key at the path, or the value there, is promised
// but not built.
func isUnbuilt(path []string, value string) bool {
	for _, entry := range unbuilt {
		if entry.value == value && matches(entry.place, path) {
			return true
		}
	}
	return false
}

func matches(place string, path []string) bool {
	steps := strings.Split(place, ".")
	if len(steps) != len(path) {
		return false
	}
	for i, step := range steps {
		if step != "*" && step != path[i] {
			return false
		}
	}
	return true
}

// personal are rollcall's own words in an access block that speak of one user,
// and so have no place in a team.
var personal = map[string]string{
	"userID": "userID pins one user: it belongs in a person's own block, not in a team's",
	"email":  "email is the address of one person: it belongs in a person's own block, not in a team's",
}
