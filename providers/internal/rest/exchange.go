package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"rollcall/sources"
)

const maxTokenAnswer = 1 << 20

// An exchange is one request to a token endpoint. It stands between x/oauth2 and the
// network because x/oauth2 by itself would post without the caller's context,
// repeat the answer's body in its errors, take a number for expires_in only, and
// never end a token whose expires_in is missing.
type exchange struct {
	ctx       context.Context //nolint:containedctx // an exchange lives as long as one fetch
	place     string
	transport http.RoundTripper
	timeout   time.Duration
	secrets   *sources.Secrets
	// read takes an answer for a token; what it returns of one that is none is said of
	// it.
	// now is the issuer's clock, as far as it tells.
	read func(body []byte, now time.Time) (issued Issued, refresh, wrong string)

	issued  Issued
	refresh string // the newer refresh token that came along, if one did
	failure *Error
}

// newExchange makes an exchange for answers in the form of OAuth 2.0 (RFC 6749, 5.1).
func newExchange(ctx context.Context, endpoint *url.URL, transport http.RoundTripper, timeout time.Duration, secrets *sources.Secrets) *exchange {
	if transport == nil {
		own := newTransport(1)
		own.DisableKeepAlives = true // tokens are rare
		transport = own
	}
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &exchange{
		ctx: ctx, place: endpoint.Host + shown(endpoint.EscapedPath()), transport: transport, timeout: timeout, secrets: secrets,
		read: oauthAnswer,
	}
}

var errExchange = errors.New("no token")

func (x *exchange) fail(kind Kind, detail string) *Error {
	return &Error{Method: http.MethodPost, Path: x.place, Kind: kind, Detail: detail}
}

// context makes x/oauth2 send through the exchange, without following a redirect.
func (x *exchange) context() context.Context {
	return context.WithValue(x.ctx, oauth2.HTTPClient, &http.Client{
		Transport:     x,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// outcome is what came of the request; err is that of whoever sent it.
func (x *exchange) outcome(err error) (Issued, error) {
	switch {
	case x.failure != nil:
		return Issued{}, x.failure
	case err != nil:
		return Issued{}, x.fail(KindUnsent, "the request for a token can not be made")
	}
	return x.issued, nil
}

// RoundTrip sends the request and hands x/oauth2 an answer in the strict form it
// expects: nothing but the status if it failed, and only the known fields if it
// did not.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.WithContext(x.ctx)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	response, err := x.transport.RoundTrip(request)
	if err != nil || response == nil {
		detail, cause := network(err, request.URL.Host, x.timeout)
		x.failure = x.fail(KindNetwork, detail)
		x.failure.Err = cause
		return nil, errExchange
	}
	if response.Body == nil {
		response.Body = http.NoBody
	}
	body, err := readBody(response, maxTokenAnswer)
	x.judge(response, body, err)
	if x.failure != nil {
		return nil, errExchange
	}
	clean, _ := json.Marshal(map[string]string{"access_token": x.issued.Token, "token_type": "Bearer"})
	response.Body = io.NopCloser(bytes.NewReader(clean))
	response.ContentLength = int64(len(clean))
	return response, nil
}

func (x *exchange) judge(response *http.Response, body []byte, broken error) {
	status := response.StatusCode
	now := time.Now()
	if stated, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		now = stated
	}
	issued, refresh, wrong := x.read(body, now)
	switch {
	case status < 200 || status > 299:
		kind, _ := judge(status)
		x.failure = x.fail(kind, "")
		x.failure.retryAfter = retryAfter(status, response.Header, body, nil, time.Now())
		x.failure.Code = oauthError(body)
	case broken != nil && !errors.Is(broken, errTooLarge):
		x.failure = x.fail(KindNetwork, "the answer was cut off")
	case broken != nil:
		x.failure = x.fail(KindAnswer, "the answer is no token")
	case wrong != "":
		x.failure = x.fail(KindAnswer, wrong)
	default:
		x.issued, x.refresh = issued, refresh
		return
	}
	x.failure.Status = status
	x.failure.RequestID = requestID(response.Header)
	if s := x.secrets; s != nil {
		x.failure.RequestID, x.failure.Code = s.Redact(x.failure.RequestID), s.Redact(x.failure.Code)
	}
}

// oauthAnswer reads a token in the form of OAuth 2.0.
func oauthAnswer(body []byte, _ time.Time) (issued Issued, refresh, wrong string) {
	var answer struct {
		AccessToken  string          `json:"access_token"`
		RefreshToken string          `json:"refresh_token"`
		TokenType    string          `json:"token_type"`
		ExpiresIn    json.RawMessage `json:"expires_in"`
	}
	switch err := decode(body, &answer); {
	case err != nil:
		return Issued{}, "", "the answer is no token"
	case headerValue(answer.AccessToken) != nil:
		return Issued{}, "", "the answer holds no token that can be sent"
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "bearer"):
		return Issued{}, "", "the token is not a bearer token"
	}
	return Issued{Token: answer.AccessToken, Lifetime: lifetime(answer.ExpiresIn)}, answer.RefreshToken, ""
}

// oauthError is the code of an error in the form of OAuth 2.0, or "".
func oauthError(body []byte) string {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	var code string
	if decode(body, &answer) != nil || json.Unmarshal(answer.Error, &code) != nil {
		return ""
	}
	return plain(code, "-_.:", 64)
}

// lifetime reads expires_in, in seconds: a number, or a number in quotes as some
// issuers send it. What is missing or makes no sense is 0.
func lifetime(raw json.RawMessage) time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longestLifetime.Seconds()) * float64(time.Second))
}
