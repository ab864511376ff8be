package providertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/go-cmp/cmp"

	"rollcall/providers"
	"rollcall/providers/simulator"
)

// A rewriting makes another body of that of a successful answer.
type rewriting func(body []byte) []byte

// rewrite has every successful answer come with another body from now on.
func (b *bench) rewrite(how rewriting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rewriting, b.rewritten = how, 0
}

// rewrites applies what rewrite said to an answer.
func (b *bench) rewrites(response *http.Response) (*http.Response, error) {
	b.mu.Lock()
	how := b.rewriting
	b.mu.Unlock()
	if how == nil || response.StatusCode >= 300 || response.StatusCode == http.StatusNoContent {
		return response, nil
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	body = how(body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	b.mu.Lock()
	b.rewritten++
	b.mu.Unlock()
	return response, nil
}

// foreign are documents that are no answer to anything, each well-formed.
var foreign = []string{
	`{}`, `[]`, `null`, `true`, `7`, `"ok"`, `[{}]`, `{"data":null}`, `{"data":{}}`, `{"data":[{}]}`, `{"users":null}`, `{"users":[{}]}`, `{"id":"","status":"success"}`,
	`{"status":"success"}`, `{"errors":[{}]}`, `{"errors":{"json":"no"}}`, `{"error":{"json":"no"}}`, `{"DATA":[],"USERS":[]}`,
}

// answerLaws are about answers that come whole and are not as documented.
func (s Subject) answerLaws() []law {
	var laws []law
	for _, o := range s.operations() {
		for _, text := range foreign {
			if o.asks == simulator.Search && slices.Contains(s.Answers, text) {
				continue
			}
			laws = append(laws, law{"answers/" + text + "/" + o.name, func(b *bench) { b.strange(o, text) }})
		}
		laws = append(laws, law{"answers/with more than is documented/" + o.name, func(b *bench) { b.tolerates(o) }})
	}
	return laws
}

// strange: what is no answer proves nothing, makes nothing up, and leaves a create
// in doubt.
func (b *bench) strange(o operation, text string) {
	id := b.add(ana, b.Invitable)
	before := b.records()
	c := b.connect()
	b.warm(c, id)
	b.rewrite(func([]byte) []byte { return []byte(text) })
	err := o.do(b.ctx, b, c, id)
	if b.rewritten == 0 && !b.silent(o) {
		b.Errorf("no answer was rewritten")
	}
	want := believed
	switch {
	case o.class == reading, slices.Contains(b.Looks, o.name):
		want = fails
	case o.name == "create":
		want = doubtful
	}
	if got, as := b.seen(err, want); !as || isAbsent(err) {
		b.Errorf("%s, and it %s: %v", want, got, err)
	}
	if o.name == "search" || o.name == "list" {
		for _, how := range []string{"search", o.name} {
			if o := providers.Lookup(b.ctx, b.connect(way(how)).Reader, providers.Query{Emails: []string{cara}}); o.Finding != providers.Unknown {
				b.Errorf("a lookup is %s: %s", o.Finding, o.Detail)
			}
		}
	}
	if o.class == reading {
		b.readsOnly(before)
	}
}

// silent reports whether the vendor answers the operation without a body.
func (b *bench) silent(o operation) bool { return o.name == "delete" || o.name == "invite" }

// tolerates: members that nobody expects, in whatever object, change nothing.
func (b *bench) tolerates(o operation) {
	id := b.add(ana, b.Invitable)
	b.add(bill)
	c := b.connect()
	sound := b.get(c, id)
	b.rewrite(func(body []byte) []byte {
		var document any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if decoder.Decode(&document) != nil {
			return body
		}
		more, _ := json.Marshal(extended(document)) // of what was decoded
		return more
	})
	if err := o.do(b.ctx, b, c, id); err != nil {
		b.Errorf("%v", err)
	}
	if o.name == "get" {
		if diff := cmp.Diff(visible(sound), visible(b.get(c, id))); diff != "" {
			b.Errorf("he is another one then:\n%s", diff)
		}
	}
	if b.rewritten == 0 && !b.silent(o) {
		b.Errorf("no answer was rewritten")
	}
}

// extended is a document with a member more in every object.
func extended(document any) any {
	switch v := document.(type) {
	case map[string]any:
		more := map[string]any{"addedSince": map[string]any{"x": []any{1, nil, "y"}}}
		for name, item := range v {
			more[name] = extended(item)
		}
		return more
	case []any:
		more := make([]any, len(v))
		for i, item := range v {
			more[i] = extended(item)
		}
		return more
	default:
		return document
	}
}
