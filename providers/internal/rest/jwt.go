package rest

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"rollcall/sources"
)

const (
	assertionLifetime = 10 * time.Minute
	// assertionSkew is by how much x/oauth2 dates an assertion back.
	assertionSkew   = 10 * time.Second
	maxTokenAnswer  = 1 << 20
	smallestKeyBits = 1024
)

// JWTBearer describes the grant of RFC 7523: an assertion signed with the key of
// a service account (RS256) is exchanged for an access token.
type JWTBearer struct {
	// TokenURL is where to exchange it: https, or http on this machine.
	TokenURL string
	// Issuer, Subject and Audience are the claims iss, sub and aud; KeyID is the
	// header kid. Subject and KeyID may be empty.
	Issuer, Subject, Audience, KeyID string
	// PrivateKeyPEM is an RSA key, PKCS #1 or PKCS #8, without a passphrase.
	PrivateKeyPEM []byte
	// Scopes become the claim scope.
	Scopes []string
	// Lifetime of the assertion, from iat to exp; 0 is ten minutes.
	Lifetime time.Duration
	// Transport, Timeout and Secrets are as in Options.
	Transport http.RoundTripper
	Timeout   time.Duration
	Secrets   *sources.Secrets
}

// String hides the key.
func (JWTBearer) String() string { return "JWT bearer grant" }

// GoString hides the key.
func (JWTBearer) GoString() string { return "JWT bearer grant" }

// NewJWTBearer checks the key and makes a Token from the grant. The error for a
// key that can not be used is an ErrCredentials and shows nothing of it.
func NewJWTBearer(grant JWTBearer) (*Token, error) {
	u, err := checkURL(grant.TokenURL)
	if err != nil {
		return nil, fmt.Errorf("tokenURL %w", err)
	}
	if grant.Issuer == "" || grant.Audience == "" {
		return nil, fmt.Errorf("%w: issuer or audience is missing", ErrCredentials)
	}
	key, err := rsaKey(grant.PrivateKeyPEM)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if grant.Secrets != nil {
		grant.Secrets.Remember(string(grant.PrivateKeyPEM))
	}
	if grant.Lifetime <= assertionSkew {
		grant.Lifetime = assertionLifetime
	}
	if grant.Timeout <= 0 {
		grant.Timeout = defaultTimeout
	}
	if grant.Transport == nil {
		own := newTransport(1)
		own.DisableKeepAlives = true // tokens are rare
		grant.Transport = own
	}
	config := &jwt.Config{
		Email: grant.Issuer, Subject: grant.Subject, Audience: grant.Audience,
		PrivateKey: x509.MarshalPKCS1PrivateKey(key), PrivateKeyID: grant.KeyID,
		Scopes: grant.Scopes, TokenURL: grant.TokenURL,
		Expires: grant.Lifetime - assertionSkew,
	}
	place := u.Host + shown(u.EscapedPath())
	fetch := func(ctx context.Context) (Issued, error) {
		// x/oauth2 makes the assertion and the request, and everything that meets
		// the network goes through the exchange.
		x := &exchange{ctx: ctx, place: place, grant: &grant}
		client := &http.Client{
			Transport:     x,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		_, err := config.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, client)).Token()
		switch {
		case x.failure != nil:
			return Issued{}, x.failure
		case err != nil:
			return Issued{}, x.fail(KindUnsent, "the assertion can not be made")
		}
		return x.issued, nil
	}
	return NewToken(fetch, grant.Timeout, grant.Secrets), nil
}

// rsaKey reads the key. Its errors are of our own words, since those of the
// parsers may quote what they read.
func rsaKey(text []byte) (*rsa.PrivateKey, error) {
	if !bytes.Contains(text, []byte("\n")) {
		// A key that came through an environment variable or a JSON file by hand.
		text = bytes.ReplaceAll(text, []byte(`\n`), []byte("\n"))
	}
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil {
		return nil, errors.New("the private key is not PEM")
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the private key has a passphrase, which is not supported")
	}
	var key *rsa.PrivateKey
	if parsed, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		key = parsed
	} else if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		isRSA := false
		if key, isRSA = parsed.(*rsa.PrivateKey); !isRSA {
			return nil, errors.New("the private key is not an RSA key: make one for RS256")
		}
	} else if _, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return nil, errors.New("the private key is not an RSA key: make one for RS256")
	} else {
		return nil, errors.New("the private key can not be read: neither PKCS #1 nor PKCS #8")
	}
	if key.N.BitLen() < smallestKeyBits {
		return nil, fmt.Errorf("the private key has fewer than %d bits", smallestKeyBits)
	}
	return key, nil
}

// An exchange is the one request of a fetch. It stands between x/oauth2 and the
// network because x/oauth2 by itself would post without the caller's context,
// repeat the answer's body in its errors, take a number for expires_in only, and
// never end a token whose expires_in is missing.
type exchange struct {
	ctx     context.Context //nolint:containedctx // an exchange lives as long as one fetch
	place   string
	grant   *JWTBearer
	issued  Issued
	failure *Error
}

var errExchange = errors.New("no token")

func (x *exchange) fail(kind Kind, detail string) *Error {
	return &Error{Method: http.MethodPost, Path: x.place, Kind: kind, Detail: detail}
}

// RoundTrip sends the request and hands x/oauth2 an answer in the strict form it
// expects: nothing but the status if it failed, and only the known fields if it
// did not.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.WithContext(x.ctx)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	response, err := x.grant.Transport.RoundTrip(request)
	if err != nil || response == nil {
		detail, cause := network(err, request.URL.Host, x.grant.Timeout)
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
	var answer struct {
		AccessToken string          `json:"access_token"`
		TokenType   string          `json:"token_type"`
		ExpiresIn   json.RawMessage `json:"expires_in"`
		Error       json.RawMessage `json:"error"`
	}
	undecodable := decode(body, &answer)
	status := response.StatusCode
	switch {
	case status < 200 || status > 299:
		kind, _ := judge(status)
		x.failure = x.fail(kind, "")
		x.failure.retryAfter = retryAfter(status, response.Header, body, nil, time.Now())
		var code string
		if json.Unmarshal(answer.Error, &code) == nil {
			x.failure.Code = plain(code, "-_.:", 64)
		}
	case broken != nil && !errors.Is(broken, errTooLarge):
		x.failure = x.fail(KindNetwork, "the answer was cut off")
	case broken != nil || undecodable != nil:
		x.failure = x.fail(KindAnswer, "the answer is no token")
	case headerValue(answer.AccessToken) != nil:
		x.failure = x.fail(KindAnswer, "the answer holds no token that can be sent")
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "bearer"):
		x.failure = x.fail(KindAnswer, "the token is not a bearer token")
	default:
		x.issued = Issued{Token: answer.AccessToken, Lifetime: lifetime(answer.ExpiresIn)}
		return
	}
	x.failure.Status = status
	x.failure.RequestID = requestID(response.Header)
	if s := x.grant.Secrets; s != nil {
		x.failure.RequestID, x.failure.Code = s.Redact(x.failure.RequestID), s.Redact(x.failure.Code)
	}
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
