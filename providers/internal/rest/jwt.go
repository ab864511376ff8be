package rest

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2/jwt"

	"rollcall/sources"
)

const (
	assertionLifetime = 10 * time.Minute
	// assertionSkew is by how much x/oauth2 dates an assertion back.
	assertionSkew   = 10 * time.Second
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
	config := &jwt.Config{
		Email: grant.Issuer, Subject: grant.Subject, Audience: grant.Audience,
		PrivateKey: x509.MarshalPKCS1PrivateKey(key), PrivateKeyID: grant.KeyID,
		Scopes: grant.Scopes, TokenURL: grant.TokenURL,
		Expires: grant.Lifetime - assertionSkew,
	}
	fetch := func(ctx context.Context) (Issued, error) {
		x := newExchange(ctx, u, grant.Transport, grant.Timeout, grant.Secrets)
		_, err := config.TokenSource(x.context()).Token()
		return x.outcome(err)
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
