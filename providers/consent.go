package providers

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// A Consent is how a person allows rollcall to act at a vendor: by the authorization
// code grant of OAuth 2.0 (RFC 6749, 4.1), whose outcome is a refresh token.
type Consent struct {
	// AuthorizeURL is where he is asked, RedirectURL where his browser goes afterwards,
	// on this machine; the settings authorizeURL and redirectURL beat them.
	AuthorizeURL, RedirectURL string
	Scopes                    []string
	// ClientID and ClientSecret name the credentials of the program, RefreshToken the
	// one that is kept.
	ClientID, ClientSecret, RefreshToken string
}

// A Login is one consent on its way. It is not safe for concurrent use.
type Login struct {
	oauth    rest.OAuth
	config   oauth2.Config
	discover string // the address of the issuer's metadata
	client   *rest.Client
	state    string
	verifier string // empty: no challenge
}

// Login begins a consent for a provider. It sends nothing.
func (k *Kind) Login(settings Settings) (*Login, error) {
	kind, config := k.Configure(settings.Config)
	config.TokenURL = cmp.Or(config.TokenURL, kind.TokenURL)
	c := kind.Consent
	if c == nil {
		return nil, fmt.Errorf("%s needs no login: its credentials stand in the configuration", k.Title)
	}
	authorize := cmp.Or(config.Settings["authorizeURL"], c.AuthorizeURL)
	if err := sources.CheckURL(authorize); err != nil {
		return nil, fmt.Errorf("authorizeURL %w", err)
	}
	redirect := cmp.Or(config.Settings["redirectURL"], c.RedirectURL)
	l := &Login{
		oauth: rest.OAuth{
			TokenURL: config.TokenURL, ClientID: settings.Auth[c.ClientID], ClientSecret: settings.Auth[c.ClientSecret],
			Transport: settings.Transport, Timeout: config.Timeout, Secrets: settings.Secrets,
		},
		config: oauth2.Config{
			ClientID: settings.Auth[c.ClientID].Reveal(), RedirectURL: redirect, Scopes: c.Scopes,
			Endpoint: oauth2.Endpoint{AuthURL: authorize, TokenURL: config.TokenURL},
		},
		state: oauth2.GenerateVerifier(), // as unguessable as a verifier is
	}
	if u, err := url.Parse(redirect); err != nil || u.Scheme != "http" || sources.CheckURL(redirect) != nil {
		return nil, fmt.Errorf("redirectURL %s: it has to be an http address on this machine, such as %s", redirect, c.RedirectURL)
	}
	issuer, err := url.Parse(authorize)
	if err != nil {
		return nil, errors.New("authorizeURL can not be read")
	}
	options := settings.Options()
	options.BaseURL, options.ReadOnly, options.Retries = issuer.Scheme+"://"+issuer.Host, true, 1
	if l.client, err = rest.New(options); err != nil {
		return nil, err
	}
	// The metadata stand below what comes before the usual path of the endpoint.
	l.discover, _ = strings.CutSuffix(issuer.EscapedPath(), "/connect/authorize")
	if l.discover == issuer.EscapedPath() {
		l.discover = ""
	}
	return l, nil
}

// Discover asks the issuer whether it offers a challenge (PKCE, RFC 7636) and uses one
// if so. An issuer that says nothing of it is given none; offered tells which.
func (l *Login) Discover(ctx context.Context) (offered bool) {
	response, err := l.client.Read(ctx, rest.Call{Path: l.discover + "/.well-known/openid-configuration"})
	if err != nil {
		return false
	}
	var metadata struct {
		Methods []string `json:"code_challenge_methods_supported"`
	}
	if response.Decode(&metadata) != nil || !slices.Contains(metadata.Methods, "S256") {
		return false
	}
	l.verifier = oauth2.GenerateVerifier()
	return true
}

// Close gives up the connections of the login.
func (l *Login) Close() { l.client.Close() }

// URL is where the person has to go.
func (l *Login) URL() string {
	if l.verifier == "" {
		return l.config.AuthCodeURL(l.state)
	}
	return l.config.AuthCodeURL(l.state, oauth2.S256ChallengeOption(l.verifier))
}

// RedirectURL is where his browser goes afterwards.
func (l *Login) RedirectURL() string { return l.config.RedirectURL }

// Errors of the way back from a consent.
var (
	// ErrState means that the answer belongs to another login: it proves nothing.
	ErrState = errors.New("this is the answer to another login")
	// ErrDeclined means that the vendor answered without a code.
	ErrDeclined = errors.New("the vendor gave no consent")
)

// Redeem takes the query that the browser came back with, or what a person pasted: the
// whole address, or its query. It returns the refresh token.
func (l *Login) Redeem(ctx context.Context, answer url.Values) (sources.Secret, error) {
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(l.state)) != 1 {
		return sources.Secret{}, ErrState
	}
	if answer.Get("code") == "" {
		code := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r == '_' {
				return r
			}
			return -1
		}, answer.Get("error"))
		return sources.Secret{}, fmt.Errorf("%w (%s)", ErrDeclined, cmp.Or(code[:min(len(code), maxShownID)], "without a reason"))
	}
	return l.oauth.Redeem(ctx, answer.Get("code"), l.config.RedirectURL, l.verifier)
}
