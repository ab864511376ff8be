package partoo

import (
	"context"
	"fmt"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// open connects with an API key ([SEED] ApiKeyAuth).
func open(_ context.Context, settings providers.Settings) (*providers.Connection, error) {
	config := settings.Config
	authenticator, err := rest.Headers(rest.Header{Name: "x-APIKey", Value: settings.Auth["apiKey"]})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.Auth["apiKey"], err)
	}
	options := settings.Options()
	options.Authenticator, options.ErrorCode = authenticator, errorCode
	client, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	r := reader{rest: client.Reader(), organization: config.Settings[organization], explains: providers.Explain(config, forbidden)}
	return providers.NewConnection(client, settings, r, writer{client: client, reader: r}), nil
}
