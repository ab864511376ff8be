package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"rollcall/sources"
)

func TestAnswersThatAreFine(t *testing.T) {
	for name, test := range map[string]struct {
		step    step
		success []int
		discard bool
	}{
		"204":               {reply(204, ""), nil, false},
		"202 without body":  {reply(202, ""), []int{202}, false},
		"charset":           {reply(200, `{}`, "Content-Type", "Application/VND.api+json; charset=utf-8"), nil, false},
		"byte order mark":   {reply(200, "\ufeff{}"), nil, false},
		"blanks around":     {reply(200, "\n {} \n"), nil, false},
		"own success":       {reply(404, `<html>`, "Content-Type", "text/html"), []int{200, 404}, false},
		"discarded body":    {reply(202, `queued`, "Content-Type", "text/plain"), nil, true},
		"discarded and cut": {cut, nil, true},
	} {
		c := client(t, answers(test.step), func(o *Options) {
			o.MediaTypes = []string{"application/vnd.api+json", "application/json"}
		})
		if _, err := c.WriteOnce(t.Context(), Call{Path: "/users", Success: test.success, DiscardBody: test.discard}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnexpectedSuccess(t *testing.T) {
	_, err := client(t, answers(reply(200, `{}`))).WriteOnce(t.Context(), Call{Path: "/users", Success: []int{201}})
	if e := failure(t, err); e.Kind != KindAnswer || !e.OutcomeUnknown || e.Status != 200 {
		t.Error(err)
	}
}

func TestMaxBody(t *testing.T) {
	body := `"` + strings.Repeat("x", 98) + `"`
	for limit, fine := range map[int64]bool{100: true, 99: false} {
		for name, call := range calls(client(t, answers(reply(200, body)), func(o *Options) { o.MaxBody = limit })) {
			_, err := call(t.Context(), Call{Path: "/users"})
			if (err == nil) != fine || err != nil && failure(t, err).OutcomeUnknown != (name != "read") {
				t.Errorf("%s, limit %d: %v", name, limit, err)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	type form struct {
		Name string
		List []struct{ Count int }
	}
	for body, want := range map[string]string{
		`{"name":"a","unknown":[1,2]}`:  "",
		`{"name":1}`:                    "documented form at name",
		`{"list":[{"count":"hidden"}]}`: "documented form at list",
		``:                              "can not be decoded",
		`{} []`:                         "can not be decoded",
		`{"name":"hidden`:               "can not be decoded",
	} {
		err := (&Response{Status: 200, Body: []byte(body)}).Decode(new(form))
		if (err == nil) != (want == "") {
			t.Errorf("%s: %v", body, err)
		}
		if err != nil && (KindOf(err) != KindAnswer || !strings.Contains(strings.ToLower(err.Error()), want) || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%s: %v", body, err)
		}
	}
	for name, call := range calls(client(t, answers(reply(200, `{"name":1}`)))) {
		response, err := call(t.Context(), Call{Path: "/users/U-1"})
		if err != nil {
			t.Fatal(err)
		}
		err = response.Decode(new(form))
		if OutcomeUnknown(err) != (name != "read") || !strings.HasPrefix(err.Error(), "vendasta: GET /users/U-1: 200 OK: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A tracked body says whether it was read to its end and closed.
type tracked struct {
	io.Reader
	ended, closed bool
}

func (b *tracked) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

func (b *tracked) Close() error { b.closed = true; return nil }

func TestBodiesAreDrained(t *testing.T) {
	for _, status := range []int{200, 302, 404, 429, 500} {
		for _, size := range []int{0, 10, 20000} {
			body := &tracked{Reader: strings.NewReader(strings.Repeat("x", size))}
			v := answers(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: body, Request: r, ContentLength: -1}, nil
			})
			_, _ = client(t, v, func(o *Options) { o.Retries, o.MaxBody = 0, 100 }).WriteOnce(t.Context(), Call{Path: "/users"})
			if !body.ended || !body.closed {
				t.Errorf("%d with %d bytes: read to the end %v, closed %v", status, size, body.ended, body.closed)
			}
		}
	}
}

// TestErrorsTellNoSecrets puts what must not be shown everywhere a vendor can put
// it, and looks for it in the errors and in the log.
func TestErrorsTellNoSecrets(t *testing.T) {
	var secrets sources.Secrets
	const key = "key-abcdef-123456"
	bearer, _ := Bearer(secretValue(t, &secrets, key))
	body := fmt.Sprintf(`{"errors":[{"code":%q,"detail":"bill@example.com hidden-body %s"}]}`, key, key)
	code := func(place string) func([]byte) (string, string) {
		return func(body []byte) (string, string) {
			var answer struct{ Errors []struct{ Code string } }
			if json.Unmarshal(body, &answer) != nil || len(answer.Errors) == 0 {
				return "bill@example.com", "hidden body"
			}
			return answer.Errors[0].Code, place
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for name, s := range map[string]step{
			"400":       reply(400, body, "X-Request-Id", "id-"+key),
			"401":       reply(401, body),
			"429":       reply(429, body, "Retry-After", "5"),
			"500":       reply(500, "hidden-body bill@example.com", "Content-Type", "text/hidden-body; x"),
			"html":      reply(200, "<p>hidden-body", "Content-Type", "text/html"),
			"json":      reply(200, `{"hidden-body":x}`),
			"redirect":  reply(302, "", "Location", "https://evil.example/?hidden-body"),
			"odd error": fails(errors.New("malformed HTTP response: hidden-body " + key)),
			"url error": fails(&url.Error{Op: "Get", URL: base + "?hidden-body", Err: io.EOF}),
			"panic":     func(*http.Request) (*http.Response, error) { panic("hidden-body" + key) },
		} {
			out := &sink{}
			c := client(t, answers(s), with(bearer), func(o *Options) {
				o.Secrets, o.ErrorCode = &secrets, code("/data/attributes/email")
				o.Log = slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			_, err := c.Write(t.Context(), Call{
				Method: "PATCH", Path: Path("/users/{id}/by/{key}", "bill@example.com", key),
				Query: url.Values{"filter[email]": {"bill@example.com"}},
				Body:  map[string]string{"password": "hidden-body"},
			})
			text := fmt.Sprintf("%v %+v %#v %s", err, err, *failure(t, err), out)
			for _, hidden := range []string{key, "bill", "hidden-body", "filter"} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s tells %q: %s", name, hidden, text)
				}
			}
			if !strings.Contains(err.Error(), "PATCH /users/{email}/by/[secret]") || !strings.Contains(out.String(), `"path":"/users/{email}/by/[secret]"`) {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	})
}

func TestErrorText(t *testing.T) {
	c := client(t, answers(reply(422, `{}`, "X-Cloud-Trace-Context", "abc/1;o=1")), func(o *Options) {
		o.ErrorCode = func([]byte) (string, string) { return "QueryParameterBadValue", "page[limit]" }
	})
	_, err := c.Read(t.Context(), Call{Path: "/users"})
	want := "vendasta: GET /users: 422 Unprocessable Entity (code QueryParameterBadValue, at page[limit], request abc/1;o=1)"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if Status(fmt.Errorf("looking up: %w", err)) != 422 || Status(errors.New("x")) != 0 || OutcomeUnknown(errors.New("x")) || KindOf(nil) != 0 {
		t.Error("a wrapped error is not recognised")
	}
	for id, want := range map[string]string{"": "", "with blank": "", strings.Repeat("x", 129): "", "e@x": "", "a\x1b[31m": "", "A-1": "A-1"} {
		if got := requestID(http.Header{"X-Request-Id": {id}}); got != want {
			t.Errorf("request id %q is shown as %q", id, got)
		}
	}
}

// TestForeign: a 404 in HTML is not the vendor's word that somebody is absent.
func TestForeign(t *testing.T) {
	for name, test := range map[string]struct {
		step    step
		foreign bool
	}{
		"own":      {reply(404, `{"errors":[]}`, "Content-Type", "application/vnd.api+json"), false},
		"JSON":     {reply(404, `{}`), false},
		"problem":  {reply(404, `{}`, "Content-Type", "application/problem+json"), false},
		"empty":    {reply(404, ``), false},
		"HTML":     {reply(404, `<html>`, "Content-Type", "text/html"), true},
		"untyped":  {reply(404, `not found`, "Content-Type", ""), true},
		"proxy502": {reply(502, `<html>`, "Content-Type", "text/html"), true},
	} {
		c := client(t, answers(test.step), func(o *Options) { o.MediaTypes, o.Retries = []string{"application/vnd.api+json"}, 0 })
		_, err := c.Read(t.Context(), Call{Path: "/users/U-1"})
		if e := failure(t, err); e.Foreign != test.foreign {
			t.Errorf("%s: foreign %v", name, e.Foreign)
		}
	}
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		c := client(t, answers(reply(503, ""), reply(200, `{}`, "X-Request-Id", "req-2")), func(o *Options) {
			o.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
		})
		_, _ = c.Read(t.Context(), Call{Path: "/users", Query: url.Values{"filter[email]": {"bill@example.com"}}})
		want := "level=DEBUG msg=request provider=vendasta method=GET path=/users attempt=1 duration=0s waited=0s status=503 request=\"\" outcome=unavailable\n" +
			"level=DEBUG msg=request provider=vendasta method=GET path=/users attempt=2 duration=0s waited=500ms status=200 request=req-2\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
	})
}

// TestCounts: what the client counts is what the vendor got.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{answer: func(n int, r *http.Request) (*http.Response, error) {
			return []step{ok, reply(500, ""), reply(429, ""), ok, reply(302, "", "Location", "/platform/b"), ok}[n%6](r)
		}}
		c := client(t, v)
		var group sync.WaitGroup
		var mu sync.Mutex
		var retries int
		for i := range 200 {
			group.Go(func() {
				var attempts int
				if i%2 == 0 {
					response, err := c.Read(t.Context(), Call{Path: "/users"})
					if err == nil {
						attempts = response.Attempts
					} else {
						attempts = failure(t, err).Attempts
					}
				} else if response, err := c.WriteOnce(t.Context(), Call{Path: "/users"}); err == nil {
					attempts = response.Attempts
				} else {
					attempts = failure(t, err).Attempts
				}
				mu.Lock()
				defer mu.Unlock()
				retries += attempts
			})
		}
		group.Wait()
		n := c.Counts()
		if n.Reads != 100 || n.Writes != 100 || n.Attempts != len(v.asked) || n.Attempts != retries || n.Retries == 0 || n.Waits < n.Retries {
			t.Errorf("counts %+v, %d requests, %d told to the callers", n, len(v.asked), retries)
		}
	})
}

// TestUnambiguous: what two readers could read in two ways is no answer.
func TestUnambiguous(t *testing.T) {
	for body, fine := range map[string]bool{
		`{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}`: true,
		`{"a":"a","b":"b"}`:                         true,
		`[["a","a"],{"a":["a"],"b":"a"}]`:           true,
		`{"a":1,"a":2}`:                             false,
		`{"a":1,"A":2}`:                             false,
		`{"address":1,"addreſſ":2}`:                 false,
		`{"x":{"a":[],"b":{},"a":1}}`:               false,
		`[{"a":{}},{"a":{},"a":{}}]`:                false,
		"{\"a\":\"\xff\"}":                          false,
	} {
		var v any
		if err := (&Response{Body: []byte(body)}).Decode(&v); (err == nil) != fine {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The vendor's name for a request may stand in the body alone: of answers and of errors,
// unless a header has one too, and only where it is plain.
func TestRequestIDOfTheBody(t *testing.T) {
	read := func(body []byte) string {
		var answer struct{ ID string }
		_ = json.Unmarshal(body, &answer)
		return answer.ID
	}
	for _, test := range []struct {
		name string
		step step
		want string
	}{
		{"an answer", reply(200, `{"id":"r-1"}`), "r-1"},
		{"an error", reply(400, `{"id":"r-1"}`), "r-1"},
		{"a header too", reply(200, `{"id":"r-1"}`, "X-Request-Id", "r-2"), "r-2"},
		{"an error with a header too", reply(400, `{"id":"r-1"}`, "X-Request-Id", "r-2"), "r-2"},
		{"prose", reply(200, `{"id":"ask ana@example.com"}`), ""},
		{"none", reply(200, `{}`), ""},
		{"no body", reply(204, ""), ""},
	} {
		response, err := client(t, answers(test.step), func(o *Options) { o.RequestID = read }).Read(t.Context(), Call{Path: "/users"})
		got := RequestID(err)
		if err == nil {
			got = response.RequestID
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// An answer with a status of success in which the vendor says that nothing was done is
// a refusal, after a write too.
func TestRefusedWithSuccess(t *testing.T) {
	c := client(t, answers(reply(200, `{}`, "X-Request-Id", "r-1")))
	for name, call := range calls(c) {
		response, err := call(t.Context(), Call{Path: "/users"})
		if err != nil {
			t.Fatal(err)
		}
		err = response.Refused("E-7")
		e := failure(t, err)
		if e.Kind != KindRefused || e.OutcomeUnknown || e.Status != 200 || Code(err) != "E-7" || RequestID(err) != "r-1" || e.Path != "/users" {
			t.Errorf("%s: %v", name, err)
		}
		if other := response.Refused("not for ana@example.com"); Code(other) != "" || strings.Contains(other.Error(), "@") {
			t.Errorf("%s: %v", name, other)
		}
	}
	if Code(errors.New("x")) != "" || KindOf((&Response{Status: 200}).Refused("x")) != KindRefused {
		t.Error("without a call")
	}
}
