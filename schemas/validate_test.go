package schemas

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func accepts(t *testing.T, s *Schema, documents map[string]string) {
	t.Helper()
	for name, document := range documents {
		if violations := s.Validate(value(t, document)); len(violations) > 0 {
			t.Errorf("%s: %v", name, violations)
		}
	}
}

const fullRoster = `{
	"version": 1, "x-anchors": {"a": null},
	"teams": {
		"seller": {"access": {"vendasta": {"platformAccess": ["tm:access"], "until": "2027-01-01"}}},
		"empty": {}, "no access": {"access": {}}, "x-note": "free"
	},
	"people": [{
		"email": "bill@example.com", "id": "E-1042", "givenName": "William", "familyName": "Smith", "nickname": "Billy",
		"displayName": "William Smith", "legalName": "William A. Smith", "title": "Account executive",
		"phones": [{"number": "+1 306 555 1234 ext. 5", "type": "mobile", "x-checked": true}],
		"locale": "en-US", "timeZone": "America/Regina",
		"address": {"line1": "190 11th Street E.", "line2": "Unit 342", "city": "Saskatoon", "region": "CA-SK", "postalCode": "H0H 0H0", "country": "CA", "x-a": 1},
		"labels": {"manager": "cara@example.com", "": [null, {"a": 1.5}]}, "x-note": [1],
		"teams": ["seller"], "from": "2026-12-01", "until": "2027-06-30",
		"access": {
			"vendasta": {
				"givenName": "", "familyName": "S", "greetingName": "B", "languageLocaleCode": "it",
				"phoneNumbers": [{"number": "1", "typeCode": "work"}], "phoneNumbersSet": true,
				"address": {"line1": "", "line2": "", "city": "", "postalCode": "", "regionCode": "AG-08", "countryCode": "AG"},
				"timeZone": "UTC", "platformAccess": ["pc:access", "some:new:id"], "businessLocations": ["AG-123"],
				"welcomeEmail": true, "from": "2026-12-01", "until": "2027-06-30", "userID": "U-1", "email": "b@example.org", "x-why": "HR-77"
			},
			"agency": {}, "x-slack": {"later": true}
		}
	}, {"email": "ana@example.com", "previousEmails": ["ana.souza@example.com"], "status": "departed"}]
}`

func TestRosterAccepts(t *testing.T) {
	s := must(t)(CompileRoster(twoVendastas))
	documents := map[string]string{
		"everything": fullRoster,
		"least":      `{"version":1}`,
		"nobody":     `{"version":1.0,"people":[],"teams":{}}`,
		"cleared": person(`"givenName":null,"familyName":null,"nickname":null,"displayName":null,"legalName":null,"title":null,
			"phones":null,"locale":null,"timeZone":null,"address":null`),
		"address cleared": person(`"address":{"line1":null,"line2":null,"city":null,"region":null,"postalCode":null,"country":null}`),
		"block cleared": access(`{"givenName":null,"familyName":null,"greetingName":null,"languageLocaleCode":null,"phoneNumbers":null,
			"address":null,"timeZone":null,"platformAccess":null,"businessLocations":null}`),
		"block's address cleared": access(`{"address":{"line1":null,"line2":null,"city":null,"postalCode":null,"regionCode":null,"countryCode":null}}`),
		"empty lists":             access(`{"platformAccess":[],"businessLocations":[],"phoneNumbers":[]}`),
	}
	for _, email := range []string{
		"jörg@bücher.example", "o'brien+tag@a-b.example.co.uk", "用户@例子.中国", "BILL@EXAMPLE.COM", "a@b.c", "a..b.@docomo.example", "bill@xn--bcher-kva.example", "d'arc_x/y=z!#$%&*?^`{|}~-@example.com",
	} {
		documents[email] = `{"version":1,"people":[{"email":"` + email + `"}]}`
	}
	for _, locale := range []string{"de", "pt-BR", "zh-Hant-TW", "es-419", "fil"} {
		documents[locale] = person(`"locale":"` + locale + `"`)
	}
	accepts(t, s, documents)

	odd := must(t)(CompileRoster(map[string]string{"odd": "no-such-kind"}))
	accepts(t, odd, map[string]string{"unknown kind": person(`"access":{"odd":{"anything":[1]}}`)})
}

func TestConfigAccepts(t *testing.T) {
	provider := `"partner":"ABC","auth":{"serviceAccount":{"file":"k.json"},"x-from":"vault"}`
	documents := map[string]string{
		"least": `{"version":1,"providers":{"vendasta":{` + provider + `}}}`,
		"everything": `{"version":1,"roster":["roster.yaml","people/"],"guardrails":{"maxRemovals":"10%","protect":["owner@example.com","*@breakglass.example.com"]},
			"schedule":{"timeZone":"America/Regina"},"x-note":1,"providers":{"x-later":null,
			"vendasta":{"kind":"vendasta",` + provider + `,"onLeave":"suspend","mode":"full","lookup":"search","concurrency":8,"rate":["8/s","10000/h"],"timeout":"30s","retries":4,"x-a":1},
			"agency":{"kind":"vendasta","baseURL":"http://127.0.0.1:8080/platform","tokenURL":"https://sso.example/oauth2/token",` + provider + `,"onLeave":"keep","mode":"report","rate":"unlimited","timeout":"1d2h","retries":0}}}`,
		"limit":        top(`"guardrails":{"maxRemovals":0}`),
		"fine limit":   top(`"guardrails":{"maxRemovals":"2.5%"}`),
		"whole float":  settings(`"concurrency":8.0`),
		"rate":         settings(`"rate":"1000000/h"`),
		"short":        settings(`"timeout":"1.5s"`),
		"command":      auth(`{"token":{"command":["pass","show","x"],"x-a":1}}`),
		"idn protect":  top(`"guardrails":{"protect":["*@bücher.example"]}`),
		"ipv6":         settings(`"baseURL":"http://[::1]:8080"`),
		"trailing":     settings(`"baseURL":"https://x.example/v2/"`),
		"ignored name": `{"version":1,"providers":{"x-Odd Name":5,"vendasta":{` + provider + `}}}`,
	}
	for _, kinds := range []map[string]string{nil, twoVendastas} {
		accepts(t, must(t)(CompileConfig(kinds)), documents)
	}
}

func TestOneKindUnderSeveralNames(t *testing.T) {
	s := must(t)(CompileRoster(map[string]string{"one": "vendasta", "two": "vendasta", "x-three": "vendasta"}))
	for _, name := range []string{"one", "two", "x-three"} {
		violations := s.Validate(value(t, person(`"access":{"`+name+`":{"platformAcess":[]}}`)))
		if len(violations) != 1 || !strings.Contains(violations[0].Message, "platformAccess") {
			t.Errorf("%s: %v", name, violations)
		}
	}
	if vs := s.Validate(value(t, access(`{}`))); len(vs) != 1 {
		t.Errorf("a kind is no provider: %v", vs)
	}
	none := must(t)(CompileRoster(nil))
	vs := none.Validate(value(t, access(`{}`)))
	if want := `no provider "vendasta" is configured in rollcall.yaml; configured: none`; len(vs) != 1 || vs[0].Message != want {
		t.Errorf("got %v", vs)
	}
}

// muddle has many mistakes, several in one mapping.
const muddle = `{"version":2,"b":1,"a":1,"people":[
	{"emial":"x","givenname":"B","status":"gone","teams":["t","t","t"]},
	{"zip":1,"phones":[{"typ":"work"},{}],"access":{"slack":1,"vendasta":{"platformAccess":[1,null,"a","a"],"address":{"x":1,"y":2}}}},
	{},{},{},{},{},{},{},{"email":5},{"email":"bill"}]}`

func TestTheSameViolationsEveryTime(t *testing.T) {
	s := must(t)(CompileRoster(twoVendastas))
	want := s.Validate(value(t, muddle))
	if len(want) != 29 {
		t.Errorf("%d violations", len(want))
		for _, v := range want {
			t.Log(v)
		}
	}
	for range 200 {
		if diff := cmp.Diff(want, s.Validate(value(t, muddle))); diff != "" {
			t.Fatalf("-first +later\n%s", diff)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s := must(t)(CompileRoster(twoVendastas))
	v := value(t, muddle)
	want := s.Validate(v)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if diff := cmp.Diff(want, s.Validate(v)); diff != "" {
				t.Errorf("-alone +together\n%s", diff)
			}
		})
	}
	group.Wait()
}

func TestValuesThatNoFileHas(t *testing.T) {
	s := must(t)(CompileConfig(nil))
	type odd struct{}
	for name, v := range map[string]any{
		"not a number": math.NaN(), "infinite": math.Inf(-1), "struct": odd{}, "strings": []string{"a"}, "pointer": new(int), "function": func() {},
	} {
		document, _ := value(t, settings(`"x-":0`)).(map[string]any)
		object(document, "providers", "vendasta")["retries"] = v
		violations := s.Validate(document)
		if len(violations) != 1 || strings.Join(violations[0].Path, "/") != "providers/vendasta/retries" {
			t.Errorf("%s: %v", name, violations)
		}
		if vs := s.Validate(v); len(vs) != 1 {
			t.Errorf("%s alone: %v", name, vs)
		}
	}
	if vs := (&Schema{}).Validate(nil); len(vs) != 1 {
		t.Errorf("a schema that panics: %v", vs)
	}
}

func TestTimeZones(t *testing.T) {
	for zone, want := range map[string]bool{
		"America/Regina": true, "UTC": true, "Etc/GMT+5": true, "America/Argentina/Buenos_Aires": true,
		"": false, "Local": false, "local": false, "Regina": false, "../etc/passwd": false, "/etc/localtime": false, "America/": false, "CET ": false,
	} {
		if got := formats()["time-zone"](zone); got != want {
			t.Errorf("%q: %v", zone, got)
		}
	}
	if !formats()["time-zone"](int64(5)) {
		t.Error("a format speaks of text only")
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"emial", "email"},
		{"Email", "email"},
		{"e-mail", "email"},
		{"given_name", "givenName"},
		{"phone", "phones"},
		{"stauts", "status"},
		{"name", ""},
		{"", ""},
		{"x", ""},
		{"inphones", ""},
		{strings.Repeat("email", 50), ""},
		{"ids", "id"},
	} {
		if got := near(c.word, []string{"email", "givenName", "phones", "status", "id"}); got != c.want {
			t.Errorf("%q: %q, want %q", c.word, got, c.want)
		}
	}
}

// bigRoster has people of about a dozen lines each.
func bigRoster(t testing.TB, people int) any {
	list := make([]any, people)
	for i := range list {
		list[i] = value(t, fmt.Sprintf(`{"email":"person%d@example.com","givenName":"Given","familyName":"Family","title":"Account executive",
			"phones":[{"number":"+1 306 555 1234","type":"mobile"}],"locale":"en-US","timeZone":"America/Regina",
			"address":{"city":"Saskatoon","region":"CA-SK","country":"CA"},"teams":["seller"],"from":"2026-12-01",
			"access":{"vendasta":{"platformAccess":["tm:access"],"businessLocations":["AG-123"]}}}`, i))
	}
	return map[string]any{"version": int64(1), "people": list}
}

func BenchmarkValidate(b *testing.B) {
	s := must(b)(CompileRoster(twoVendastas))
	v := bigRoster(b, 10_000)
	for b.Loop() {
		if vs := s.Validate(v); len(vs) > 0 {
			b.Fatal(vs[0])
		}
	}
}

func BenchmarkValidateWrong(b *testing.B) {
	s := must(b)(CompileRoster(twoVendastas))
	v := bigRoster(b, 10_000)
	people, _ := v.(map[string]any)["people"].([]any)
	for _, p := range people {
		person, _ := p.(map[string]any)
		person["status"], person["titel"] = "gone", "x"
	}
	for b.Loop() {
		if vs := s.Validate(v); len(vs) != 20_000 {
			b.Fatal(len(vs))
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		must(b)(CompileConfig(twoVendastas))
		must(b)(CompileRoster(twoVendastas))
	}
}

func FuzzValidate(f *testing.F) {
	for _, seed := range []string{fullRoster, muddle, settings(`"rate":8`), auth(`{"token":"x"}`)} {
		f.Add(seed)
	}
	rosters := must(f)(CompileRoster(twoVendastas))
	configs := must(f)(CompileConfig(twoVendastas))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 || !json.Valid([]byte(text)) {
			return
		}
		v := value(t, text)
		for _, s := range []*Schema{rosters, configs} {
			for _, violation := range s.Validate(v) {
				if violation.Message == "" || violation.Message == "holds something that can not be checked" {
					t.Errorf("%v", violation)
				}
				if parent, _ := at(v, violation.Path); violation.Key && parent == nil {
					t.Errorf("no such place: %v", violation)
				}
			}
		}
	})
}

// TestManyMistakes: a document in which everything is wrong is told in bounds, each
// at its own place, also beyond the first part of a long roster.
func TestManyMistakes(t *testing.T) {
	schema, err := CompileRoster(map[string]string{"vendasta": "vendasta"})
	if err != nil {
		t.Fatal(err)
	}
	people := make([]any, 2500)
	for i := range people {
		people[i] = map[string]any{"email": fmt.Sprintf("p%d@example.com", i)}
	}
	document := map[string]any{"version": int64(1), "people": people}
	if violations := schema.Validate(document); len(violations) != 0 {
		t.Fatalf("%v", violations)
	}
	people[999], people[1000], people[2499] = int64(1), map[string]any{"email": "a@example.com", "titel": "x"}, map[string]any{}
	document["versionn"] = int64(1)
	var got []string
	for _, v := range schema.Validate(document) {
		got = append(got, strings.Join(v.Path, "/"))
	}
	if want := []string{"people/999", "people/1000/titel", "people/2499", "versionn"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	many := make([]any, 200_000)
	for i := range many {
		many[i] = int64(1)
	}
	violations := schema.Validate(map[string]any{"version": int64(1), "people": many})
	if len(violations) != maxViolations+1 || !strings.Contains(violations[maxViolations].Message, "more mistakes") {
		t.Errorf("%d violations", len(violations))
	}
}
