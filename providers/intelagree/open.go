package intelagree

import (
	"context"
	"fmt"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// The version of the API; without the header the original one answers ([START]).
var versionHeader = map[string]string{"ApiVersion": "2.0"}

// open connects with a subscription key, which every call carries, and an account key,
// which is exchanged for tokens ([START]).
func open(_ context.Context, settings providers.Settings) (*providers.Connection, error) {
	config := settings.Config
	subscription, err := rest.Headers(rest.Header{Name: "Ocp-Apim-Subscription-Key", Value: settings.Auth["subscriptionKey"]})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.Auth["subscriptionKey"], err)
	}
	options := settings.Options()
	token, err := rest.NewAccountKey(rest.AccountKey{
		URL: options.BaseURL + "/Accounts", Name: "accountKey", Key: settings.Auth["accountKey"], Also: subscription, Header: versionHeader,
		Transport: settings.Transport, Timeout: config.Timeout, Secrets: settings.Secrets,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.Auth["accountKey"], err)
	}
	options.Authenticator, options.Header = rest.Together(subscription, token), versionHeader
	client, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	explained := providers.Explain(config, forbidden)
	r := reader{rest: client.Reader(), keyType: keyType(config), paths: pathsOf(config), explains: explain(explained)}
	w := creates{client: client, reader: r, creator: creator(config), explains: explainCreate(explained)}
	if config.Assumes("update") {
		return providers.NewConnection(client, settings, r, changes{w}), nil
	}
	return providers.NewConnection(client, settings, r, w), nil
}
