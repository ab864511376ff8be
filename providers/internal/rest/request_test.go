package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rollcall/sources"
)

func TestPath(t *testing.T) {
	for _, test := range []struct {
		template string
		ids      []string
		want     string
	}{
		{"/users", nil, "/users"},
		{"/users/{id}", []string{"U-1"}, "/users/U-1"},
		{"/a/{x}/b/{y}/c", []string{"1/2", "ä?#&"}, "/a/1%2F2/b/%C3%A4%3F%23&/c"},
		{"/users/{id}", []string{"../partners"}, "/users/..%2Fpartners"},
		{"/users/{id}", []string{"{id}"}, "/users/%7Bid%7D"},
	} {
		if got := Path(test.template, test.ids...); got != test.want {
			t.Errorf("%s: %s, want %s", test.template, got, test.want)
		}
	}
}

// TestImproperPaths: what could reach another resource than the one meant is not
// sent; DELETE /users/ is not DELETE /users/{id}.
func TestImproperPaths(t *testing.T) {
	for _, path := range []string{
		"", "users", "/", "/users/", "//users", "/users//x", "/users/.", "/users/..", "/users/%2e%2e", "/users/%2E",
		"/users?x=1", "/users#x", "/users/{id}", "/users/%zz", "/users/a b", "/users/a%0d%0ab", `/users/a\b`,
		Path("/users/{id}", ""), Path("/users/{id}", ".."), Path("/users/{id}"), Path("/users/{id}", "a", "b"),
	} {
		v := answers(ok)
		_, err := client(t, v).Write(t.Context(), Call{Method: "DELETE", Path: path})
		if e := failure(t, err); e.Kind != KindUnsent || len(v.asked) != 0 || e.Attempts != 0 || e.OutcomeUnknown {
			t.Errorf("%q: %d requests, %v", path, len(v.asked), err)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for raw, fine := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com/": true, "https://api.example.com/a/b//": true,
		"http://localhost:8080/x": true, "http://127.0.0.1:1": true, "http://[::1]:1/": true, "https://h:8443/%41": true,
		"": false, "api.example.com": false, "http://api.example.com": false, "ftp://localhost": false, "https://": false,
		"https://robot:hidden@api.example.com": false, "https://h/?key=hidden": false, "https://h/#x": false, "https://h/a//b": false,
		"https://h/../b": false, "https://h:port/hidden": false, "http://127.0.0.1.example.com": false, "https://h/a?": false,
	} {
		_, err := New(Options{Provider: "vendasta", BaseURL: raw})
		if (err == nil) != fine {
			t.Errorf("%q: %v", raw, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hidden") || !strings.HasPrefix(err.Error(), "vendasta: baseURL ")) {
			t.Errorf("%q: the error is %v", raw, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	query := url.Values{"filter[email]": {"bill+ops@example.com"}}
	for _, test := range []struct {
		base string
		call Call
		want string
	}{
		{base, Call{Path: "/users"}, base + "/users"},
		{base + "/", Call{Path: "/users", Query: query}, base + "/users?filter%5Bemail%5D=bill%2Bops%40example.com"},
		{"https://api.example.com", Call{Path: Path("/u/{id}", "a/b")}, "https://api.example.com/u/a%2Fb"},
		{base, Call{URL: base + "/users?page[cursor]=eyJh=="}, base + "/users?page[cursor]=eyJh=="},
		{base, Call{URL: "/platform/users?page=2"}, base + "/users?page=2"},
		{base, Call{URL: "users?page=2"}, base + "/users?page=2"},
		{base, Call{URL: "https://API.example.com:443/platform/users#top"}, "https://API.example.com:443/platform/users"},
		{"https://api.example.com", Call{URL: "https://api.example.com/users?page=2"}, "https://api.example.com/users?page=2"},
	} {
		v := answers(ok)
		c := client(t, v, func(o *Options) { o.BaseURL = test.base })
		if _, err := c.Read(t.Context(), test.call); err != nil {
			t.Errorf("%+v: %v", test.call, err)
		} else if v.asked[0].url != test.want {
			t.Errorf("asked for %s, want %s", v.asked[0].url, test.want)
		}
	}
}

// TestLinksElsewhere: a link of the vendor's answer that leads away is not
// followed, and no credentials go there.
func TestLinksElsewhere(t *testing.T) {
	var secrets sources.Secrets
	bearer, _ := Bearer(secretValue(t, &secrets, "key-123456"))
	for _, link := range []string{
		"https://evil.example/platform/users", "http://api.example.com/platform/users", "https://api.example.com:444/platform/users",
		"//evil.example/platform/users", "https://api.example.com.evil.example/platform/users", "https://user@api.example.com/platform/users",
		"https://api.example.com/other", "https://api.example.com/platformx/users", "https://api.example.com/platform",
		"../other", "/platform/../other", "/platform/%2e%2e/other", "/platform/users/../../x", "/platform/users/", "ftp://api.example.com/platform/users",
		"https://api.example.com@evil.example/platform/users", "::", "/platform//users",
	} {
		v := answers(ok)
		_, err := client(t, v, with(bearer)).Read(t.Context(), Call{URL: link})
		if e := failure(t, err); e.Kind != KindUnsent || len(v.asked) != 0 {
			t.Errorf("%s: %d requests, %v", link, len(v.asked), err)
		}
	}
}

func TestRedirects(t *testing.T) {
	var secrets sources.Secrets
	bearer, _ := Bearer(secretValue(t, &secrets, "key-123456"))
	to := func(status int, location string) step { return reply(status, "", "Location", location) }
	for name, test := range map[string]struct {
		method   string
		steps    []step
		requests int
		fine     bool
	}{
		"same origin":       {"GET", []step{to(302, "/platform/other?x=1"), ok}, 2, true},
		"out of the base":   {"GET", []step{to(308, "/elsewhere"), ok}, 2, true},
		"five":              {"GET", []step{to(301, "a"), to(302, "b"), to(303, "c"), to(307, "d"), to(308, "e"), ok}, 6, true},
		"six":               {"GET", []step{to(301, "a"), to(302, "b"), to(303, "c"), to(307, "d"), to(308, "e"), to(301, "f"), ok}, 6, false},
		"another host":      {"GET", []step{to(302, "https://evil.example/platform/users"), ok}, 1, false},
		"another port":      {"GET", []step{to(302, "https://api.example.com:444/platform/users"), ok}, 1, false},
		"downgrade":         {"GET", []step{to(302, "http://api.example.com/platform/users"), ok}, 1, false},
		"scheme-relative":   {"GET", []step{to(302, "//evil.example/"), ok}, 1, false},
		"with a user":       {"GET", []step{to(302, "https://u:p@api.example.com/platform/users"), ok}, 1, false},
		"away later":        {"GET", []step{to(302, "/platform/a"), to(302, "https://evil.example/"), ok}, 2, false},
		"no location":       {"GET", []step{reply(302, ""), ok}, 1, false},
		"broken location":   {"GET", []step{to(302, "https://%zz/"), ok}, 1, false},
		"POST that stays":   {"POST", []step{to(308, "/platform/search"), ok}, 2, true},
		"POST becoming GET": {"POST", []step{to(302, "/platform/search"), ok}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := answers(test.steps...)
			_, err := client(t, v, with(bearer)).Read(t.Context(), Call{Method: test.method, Path: "/users", Body: map[string]int{"a": 1}})
			if len(v.asked) != test.requests || (err == nil) != test.fine {
				t.Fatalf("%d requests, %v", len(v.asked), err)
			}
			if err != nil && failure(t, err).Kind != KindRedirect {
				t.Errorf("kind %v", failure(t, err).Kind)
			}
			for _, request := range v.asked {
				if request.auth != "Bearer key-123456" || request.method != test.method || request.body != `{"a":1}` {
					t.Errorf("sent %+v", request)
				}
			}
		})
	}
}

// TestNoReadHasAnEffect: neither a call, nor a link, nor a redirect makes a Read go
// where a GET has an effect, and a link leads to what was asked for.
func TestNoReadHasAnEffect(t *testing.T) {
	effect := func(o *Options) { o.Effect = func(path string) bool { return strings.Contains(path, "/actions") } }
	for name, test := range map[string]struct {
		call     Call
		steps    []step
		requests int
		kind     Kind
	}{
		"call":                    {Call{Path: "/users/U-1/actions/mail"}, []step{ok}, 0, KindUnsent},
		"escaped":                 {Call{Path: "/users/U-1%2Factions%2Fmail"}, []step{ok}, 0, KindUnsent},
		"link":                    {Call{URL: base + "/users/U-1/actions/mail"}, []step{ok}, 0, KindUnsent},
		"link with dots":          {Call{URL: base + "/users/../users/U-1/actions/mail"}, []step{ok}, 0, KindUnsent},
		"link to something else":  {Call{Path: "/users", URL: base + "/partners"}, []step{ok}, 0, KindUnsent},
		"link to what was asked":  {Call{Path: "/users", URL: base + "/users?page=2"}, []step{ok}, 1, 0},
		"redirect":                {Call{Path: "/users"}, []step{reply(302, "", "Location", "/platform/users/U-1/actions/mail"), ok}, 1, KindRedirect},
		"redirect to a neighbour": {Call{Path: "/users"}, []step{reply(302, "", "Location", "/platform/users/"), ok}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := answers(test.steps...)
			_, err := client(t, v, effect).Read(t.Context(), test.call)
			if len(v.asked) != test.requests || KindOf(err) != test.kind {
				t.Errorf("%d requests, %v", len(v.asked), err)
			}
		})
	}
	v := answers(ok)
	if _, err := client(t, v, effect).WriteOnce(t.Context(), Call{Path: "/users/U-1/actions/mail"}); err != nil || len(v.asked) != 1 {
		t.Errorf("the call itself: %d requests, %v", len(v.asked), err)
	}
}

// TestReadOnly: a planning client sends no write, and a Reader has no method for
// one.
func TestReadOnly(t *testing.T) {
	v := answers(ok)
	c := client(t, v, func(o *Options) { o.ReadOnly = true })
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		for _, name := range []string{"write", "once"} {
			_, err := calls(c)[name](t.Context(), Call{Method: method, Path: "/users"})
			if e := failure(t, err); !errors.Is(err, ErrReadOnly) || e.Kind != KindUnsent || e.OutcomeUnknown {
				t.Errorf("%s %s: %v", name, method, err)
			}
		}
	}
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		if _, err := c.Reader().Read(t.Context(), Call{Method: method, Path: "/users"}); KindOf(err) != KindUnsent {
			t.Errorf("a read with %s: %v", method, err)
		}
	}
	if len(v.asked) != 0 {
		t.Errorf("%d requests", len(v.asked))
	}
	if _, err := c.Reader().Read(t.Context(), Call{Method: "POST", Path: "/users/.search", Body: struct{}{}}); err != nil {
		t.Error(err)
	}
	if n := c.Counts(); n.Writes != 0 || n.Reads != 1 {
		t.Errorf("counts %+v", n)
	}
	var reader any = c.Reader()
	if _, can := reader.(interface {
		Write(any, Call) (*Response, error)
	}); can {
		t.Error("a Reader can write")
	}
}

type unfit struct{}

func (unfit) MarshalJSON() ([]byte, error) { panic("hidden") }

func TestUnencodableBody(t *testing.T) {
	for _, body := range []any{func() {}, unfit{}} {
		v := answers(ok)
		_, err := client(t, v).Write(t.Context(), Call{Method: http.MethodPatch, Path: "/users/U-1", Body: body})
		if e := failure(t, err); e.Kind != KindUnsent || len(v.asked) != 0 || strings.Contains(err.Error(), "hidden") {
			t.Error(err)
		}
	}
}
