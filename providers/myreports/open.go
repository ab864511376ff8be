package myreports

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// open connects with a refresh token, which is exchanged for access tokens ([AUTH]).
func open(_ context.Context, settings providers.Settings) (*providers.Connection, error) {
	config := settings.Config
	if config.BaseURL == "" {
		return nil, errors.New("set region (na, eu, uk or au), or baseURL")
	}
	if config.Settings[account] == "" {
		return nil, errors.New("set account, the id of the account's tenant")
	}
	for _, name := range []string{clientID, clientSecret, refreshToken} {
		if err := rest.Sendable(settings.Auth[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", config.Auth[name], err)
		}
	}
	token, err := rest.NewRefreshToken(rest.OAuth{
		TokenURL: cmp.Or(config.TokenURL, Kind().TokenURL), ClientID: settings.Auth[clientID], ClientSecret: settings.Auth[clientSecret],
		Transport: settings.Transport, Timeout: config.Timeout, Secrets: settings.Secrets,
	}, settings.Renewable(refreshToken))
	if err != nil {
		return nil, err
	}
	options := settings.Options()
	options.Authenticator, options.ErrorCode = token, errorCode
	client, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	r := reader{rest: client.Reader(), account: config.Settings[account], explains: explain(providers.ExplainConsent(config, forbidden))}
	w := writer{client: client, reader: r, deletion: deletion(config)}
	if config.Settings[acceptCharges] != "false" {
		w.header = map[string]string{"accept-charges": "true"}
	}
	return providers.NewConnection(client, settings, r, w), nil
}
