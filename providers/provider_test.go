package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

func TestShow(t *testing.T) {
	for _, empty := range []any{nil, "", []any{}, object{}} {
		if !Empty(empty) || Show(empty) != (Live{Shown: true}) {
			t.Errorf("%#v is not empty", empty)
		}
	}
	for _, full := range []any{" ", false, int64(0), 0.0, []any{nil}, object{"a": nil}} {
		if Empty(full) || !Show(full).Shown || Show(full).Data == nil {
			t.Errorf("%#v is empty", full)
		}
	}
}

// Whoever counts requests is handed to the client of every vendor.
func TestObserved(t *testing.T) {
	var told int
	options := Settings{Observed: func(e Exchange) { told += e.Status }}.Options()
	if options.Observed == nil {
		t.Fatal("it is not handed on")
	}
	if options.Observed(Exchange{Status: 200}); told != 200 {
		t.Errorf("it was told of %d", told)
	}
	if (Settings{}).Options().Observed != nil {
		t.Error("nobody counts, and somebody is told")
	}
}

// What callers decide by holds through wrapping and remedies.
func TestErrors(t *testing.T) {
	lost := &rest.Error{Provider: "v", Method: "POST", Path: "/users", Kind: rest.KindNetwork, OutcomeUnknown: true}
	refused := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindAuth, Status: 401}
	rejected := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindRefused, Status: 422}
	limited := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindRateLimited, Status: 429}
	unsent := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindUnsent}
	canceled := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindCanceled, Err: context.Canceled}
	canceledLate := &rest.Error{Method: "POST", Path: "/users", Kind: rest.KindCanceled, OutcomeUnknown: true, Err: context.Canceled}
	for _, test := range []struct {
		name                                 string
		err                                  error
		unknown, refused, repeating, nothing bool
	}{
		{"lost", lost, true, false, true, false},
		{"refused", refused, false, true, true, false},
		{"rejected", rejected, false, false, false, false},
		{"asked to wait", limited, false, false, false, true},
		{"unsent", unsent, false, false, false, true},
		{"canceled before", canceled, false, false, false, true},
		{"canceled while under way", canceledLate, true, false, true, false},
		{"in doubt", InDoubt(errors.New("x")), true, false, true, false},
		{"acknowledged", Acknowledged(errors.New("x")), true, false, false, false},
		{"acknowledged, then cut", Acknowledged(lost), true, false, false, false},
		{"something else", errors.New("x"), false, false, false, false},
		{"none", nil, false, false, false, false},
	} {
		for _, err := range []error{test.err, WithRemedy(fmt.Errorf("creating: %w", test.err), "r")} {
			if test.err == nil && err != nil {
				continue
			}
			if OutcomeUnknown(err) != test.unknown || CredentialsRefused(err) != test.refused || Repeatable(err) != test.repeating || DidNothing(err) != test.nothing {
				t.Errorf("%s: %v %v %v %v", test.name, OutcomeUnknown(err), CredentialsRefused(err), Repeatable(err), DidNothing(err))
			}
		}
	}
	if n := strings.Count(InDoubt(InDoubt(errors.New("x"))).Error(), "it may have taken effect"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if n := strings.Count(InDoubt(fmt.Errorf("reading the answer: %w", lost)).Error(), "it may have taken effect"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if n := strings.Count(Acknowledged(lost).Error(), "it may have taken effect"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if Remedy(nil) != "" || Remedy(errors.New("x")) != "" || Remedy(fmt.Errorf("a: %w", WithRemedy(lost, "do"))) != "do" || WithRemedy(lost, "do").Error() != lost.Error() {
		t.Error("remedies")
	}
}

// Refused credentials are explained by their place, and by nothing secret.
func TestExplainCredentials(t *testing.T) {
	refused := &rest.Error{Kind: rest.KindAuth, Status: 401}
	config := sources.ProviderConfig{Auth: map[string]sources.SecretRef{
		"password": {Command: []string{"vault", "read", "hunter2"}}, "username": {Env: "NAME"},
	}}
	if got := Remedy(explainCredentials(refused, config, "")); got != "look at command vault and environment variable NAME" {
		t.Errorf("%q", got)
	}
	if got := explainCredentials(refused, sources.ProviderConfig{}, ", or log in"); Remedy(got) != "" {
		t.Errorf("%v", got)
	}
	other := errors.New("x")
	if got := explainCredentials(other, config, ", or log in"); !errors.Is(got, other) || Remedy(got) != "" {
		t.Errorf("%v", got)
	}
}

// What a person can do about an error is said once.
func TestExplain(t *testing.T) {
	config := sources.ProviderConfig{Auth: map[string]sources.SecretRef{"token": {Env: "NAME"}}}
	explain := Explain(config, "ask for the scope")
	if explain(nil) != nil {
		t.Error("nothing went wrong")
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&rest.Error{Kind: rest.KindForbidden, Status: 403}, "ask for the scope"},
		{&rest.Error{Kind: rest.KindAuth, Status: 401}, "look at environment variable NAME"},
		{&rest.Error{Kind: rest.KindRefused, Status: 400}, ""},
		{WithRemedy(&rest.Error{Kind: rest.KindForbidden, Status: 403}, "its own"), "its own"},
	} {
		if got := explain(test.err); Remedy(got) != test.want || !errors.Is(got, test.err) {
			t.Errorf("%v: %q", test.err, Remedy(got))
		}
	}
}

// Where a consent stands behind the credentials, another one may be what helps.
func TestExplainConsent(t *testing.T) {
	config := sources.ProviderConfig{Name: "calls", Auth: map[string]sources.SecretRef{"refreshToken": {File: "calls.token"}}}
	explain := ExplainConsent(config, "ask for the scope")
	for _, test := range []struct {
		kind rest.Kind
		want string
	}{
		{rest.KindAuth, "look at file calls.token, or give the consent again: rollcall login calls"},
		{rest.KindForbidden, "ask for the scope"},
		{rest.KindRefused, ""},
	} {
		if got := Remedy(explain(&rest.Error{Kind: test.kind})); got != test.want {
			t.Errorf("%s: %q", test.kind, got)
		}
	}
}
