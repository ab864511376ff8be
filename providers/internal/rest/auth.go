package rest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollcall/sources"
)

// An Authenticator puts credentials on requests and keeps them valid. It is safe
// for concurrent use, and an error of it holds no secret.
type Authenticator interface {
	// Authorize puts the credentials on the request, fetching them first if need
	// be; it honours ctx. It makes at most one try: an *Error of KindRateLimited,
	// KindUnavailable or KindNetwork is tried again by the client, without a slot;
	// one of KindAuth, KindForbidden or KindRefused says that the credentials are
	// refused for good.
	Authorize(ctx context.Context, request *http.Request) error
	// Answered is told the status of each answer to a request that Authorize
	// prepared. After a 401 it forgets the credentials that the request carried,
	// unless they were renewed meanwhile, and reports whether other ones may do.
	// False after a 401 says that the credentials are refused for good.
	Answered(request *http.Request, status int) bool
}

// A Header is one header with a secret value.
type Header struct {
	Name   string
	Prefix string // before the value, such as "Bearer "
	Value  sources.Secret
}

// Headers authenticates with fixed headers. Their 401 is final.
func Headers(headers ...Header) (Authenticator, error) {
	fixed := make(fixedHeaders, 0, len(headers))
	for _, header := range headers {
		value := header.Prefix + header.Value.Reveal()
		if err := headerValue(header.Value.Reveal()); err != nil {
			return nil, fmt.Errorf("header %s: %w", header.Name, err)
		}
		fixed = append(fixed, [2]string{header.Name, value})
	}
	return fixed, nil
}

// Bearer authenticates with a fixed bearer token.
func Bearer(token sources.Secret) (Authenticator, error) {
	return Headers(Header{Name: "Authorization", Prefix: "Bearer ", Value: token})
}

// Basic authenticates with a user name and a password (RFC 7617), in UTF-8. Their
// 401 is final.
func Basic(username, password sources.Secret, secrets *sources.Secrets) (Authenticator, error) {
	for _, half := range []sources.Secret{username, password} {
		text := half.Reveal()
		if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return nil, fmt.Errorf("%w: a user name and a password are one line of text each", ErrCredentials)
		}
	}
	if strings.Contains(username.Reveal(), ":") {
		return nil, fmt.Errorf("%w: a user name can not have a colon", ErrCredentials)
	}
	pair := base64.StdEncoding.EncodeToString([]byte(username.Reveal() + ":" + password.Reveal()))
	if secrets != nil {
		secrets.Remember(pair)
	}
	return Headers(Header{Name: "Authorization", Prefix: "Basic ", Value: sources.NewSecret(pair)})
}

// Together puts on what each of several puts on. The last one judges the answers: it
// is the one that may be renewed.
func Together(all ...Authenticator) Authenticator { return together(all) }

type together []Authenticator

func (t together) Authorize(ctx context.Context, request *http.Request) error {
	for _, one := range t {
		if err := one.Authorize(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

func (t together) Answered(request *http.Request, status int) bool {
	return t[len(t)-1].Answered(request, status)
}

// Sendable says why a secret can not be sent as it stands; nil is that it can.
func Sendable(value sources.Secret) error { return headerValue(value.Reveal()) }

// headerValue checks that a header can carry the value.
func headerValue(value string) error {
	if value == "" {
		return fmt.Errorf("%w: empty", ErrCredentials)
	}
	if strings.TrimSpace(value) != value {
		return fmt.Errorf("%w: it begins or ends with a blank", ErrCredentials)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r > 0xff }) {
		return fmt.Errorf("%w: it holds characters that a header can not carry, such as a line break", ErrCredentials)
	}
	return nil
}

type fixedHeaders [][2]string

func (h fixedHeaders) Authorize(_ context.Context, request *http.Request) error {
	for _, header := range h {
		request.Header.Set(header[0], header[1])
	}
	return nil
}

func (fixedHeaders) Answered(*http.Request, int) bool { return false }

// String keeps the values out of a printed configuration.
func (fixedHeaders) String() string { return "[secret]" }

// GoString keeps the values out of %#v.
func (fixedHeaders) GoString() string { return "[secret]" }
