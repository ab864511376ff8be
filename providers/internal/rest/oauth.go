package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"rollcall/sources"
)

// OAuth describes a client of the authorization code grant of OAuth 2.0 (RFC 6749,
// 4.1): a person consents once, and the refresh token that he thereby gives is
// exchanged for access tokens from then on.
type OAuth struct {
	// TokenURL is where codes and refresh tokens are exchanged: https, or http on this
	// machine.
	TokenURL string
	// ClientID and ClientSecret are sent in the form.
	ClientID, ClientSecret sources.Secret
	// Transport, Timeout and Secrets are as in Options.
	Transport http.RoundTripper
	Timeout   time.Duration
	Secrets   *sources.Secrets
}

// config checks what can be checked before anything is sent.
func (o OAuth) config(redirect string) (*oauth2.Config, error) {
	if _, err := checkURL(o.TokenURL); err != nil {
		return nil, fmt.Errorf("tokenURL %w", err)
	}
	return &oauth2.Config{
		ClientID: o.ClientID.Reveal(), ClientSecret: o.ClientSecret.Reveal(), RedirectURL: redirect,
		Endpoint: oauth2.Endpoint{TokenURL: o.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}, nil
}

func (o OAuth) exchange(ctx context.Context) *exchange {
	endpoint, _ := checkURL(o.TokenURL) // it was checked
	return newExchange(ctx, endpoint, o.Transport, o.Timeout, o.Secrets)
}

// Redeem exchanges the code that a consent came with, and the verifier of its
// challenge if it had one, for a refresh token. It is tried once.
func (o OAuth) Redeem(ctx context.Context, code, redirect, verifier string) (sources.Secret, error) {
	config, err := o.config(redirect)
	if err != nil {
		return sources.Secret{}, err
	}
	var options []oauth2.AuthCodeOption
	if verifier != "" {
		options = append(options, oauth2.VerifierOption(verifier))
	}
	x := o.exchange(ctx)
	_, err = config.Exchange(x.context(), code, options...)
	if _, err := x.outcome(err); err != nil {
		return sources.Secret{}, err
	}
	if headerValue(x.refresh) != nil {
		return sources.Secret{}, x.fail(KindAnswer, "the answer has no refresh token that can be kept")
	}
	o.remember(x.issued.Token, x.refresh)
	return sources.NewSecret(x.refresh), nil
}

func (o OAuth) remember(values ...string) {
	for _, value := range values {
		if o.Secrets != nil && value != "" {
			o.Secrets.Remember(value)
		}
	}
}

// NewRefreshToken makes a Token that exchanges the newest refresh token for each
// access token, and keeps the newer refresh token that may come along.
func NewRefreshToken(o OAuth, kept sources.Rotating) (*Token, error) {
	config, err := o.config("")
	if err != nil {
		return nil, err
	}
	for _, value := range []sources.Secret{o.ClientID, o.ClientSecret} {
		if err := headerValue(value.Reveal()); err != nil {
			return nil, err
		}
	}
	fetch := func(ctx context.Context) (issued Issued, err error) {
		err = kept.Exchange(ctx, func(ctx context.Context, current sources.Secret) (sources.Secret, error) {
			x := o.exchange(ctx)
			_, err := config.TokenSource(x.context(), &oauth2.Token{RefreshToken: current.Reveal()}).Token()
			if issued, err = x.outcome(err); err != nil {
				return sources.Secret{}, err
			}
			o.remember(issued.Token, x.refresh)
			return sources.NewSecret(x.refresh), nil
		})
		if err != nil {
			return Issued{}, err
		}
		return issued, nil
	}
	return NewToken(fetch, o.Timeout, o.Secrets), nil
}
