package vendasta

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
	"rollcall/sources"
)

// scope is what every operation used here accepts ([P]; any one of the scopes
// that an operation lists is enough, [G-AUTH]).
const scope = "user.admin"

// keyFile is the credential file of a service account ([G-AUTH]).
type keyFile struct {
	PrivateKey string `json:"private_key"`
	TokenURI   string `json:"token_uri"`
	Header     struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	} `json:"assertionHeaderData"`
	Payload struct {
		Aud string `json:"aud"`
		Iss string `json:"iss"`
		Sub string `json:"sub"`
	} `json:"assertionPayloadData"`
}

// open connects with a static token or a service account.
func open(_ context.Context, settings providers.Settings) (*providers.Connection, error) {
	config := settings.Config
	authenticator, self, err := authenticate(settings)
	if err != nil {
		return nil, err
	}
	options := settings.Options()
	options.Authenticator, options.Accept, options.MediaTypes = authenticator, mediaType, []string{mediaType, "application/json"}
	options.RetryAfter, options.ErrorCode, options.Effect = retryAfter, errorCode, effect
	client, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	r := reader{rest: client.Reader(), partner: config.Settings["partner"], self: self, explains: providers.Explain(config, forbidden)}
	return providers.NewConnection(client, settings, r, writer{client: client, reader: r}), nil
}

// authenticate is how requests are authenticated, and as which service account.
func authenticate(settings providers.Settings) (authenticator rest.Authenticator, self string, err error) {
	if token, is := settings.Auth["token"]; is {
		authenticator, err := rest.Bearer(token)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", settings.Config.Auth["token"], err)
		}
		return authenticator, "", nil
	}
	ref := settings.Config.Auth["serviceAccount"]
	key, err := readKey(settings.Auth["serviceAccount"])
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", ref, err)
	}
	tokenURL := cmp.Or(settings.Config.TokenURL, key.TokenURI, Kind().TokenURL)
	if err := sources.CheckURL(tokenURL); err != nil {
		return nil, "", fmt.Errorf("%s: token_uri: %w", ref, err)
	}
	token, err := rest.NewJWTBearer(rest.JWTBearer{
		TokenURL: tokenURL, Issuer: key.Payload.Iss, Subject: key.Payload.Sub, Audience: key.Payload.Aud, KeyID: key.Header.Kid,
		PrivateKeyPEM: []byte(key.PrivateKey), Scopes: []string{scope},
		Transport: settings.Transport, Timeout: settings.Config.Timeout, Secrets: settings.Secrets,
	})
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", ref, err)
	}
	return token, key.Payload.Sub, nil
}

// readKey reads the credential file. Its errors name members and never show a
// value.
func readKey(secret sources.Secret) (keyFile, error) {
	var key keyFile
	if json.Unmarshal([]byte(secret.Reveal()), &key) != nil {
		return key, fmt.Errorf("is not the JSON key file of a service account: download it in Partner Center, Administration, Service Accounts")
	}
	var lacking []string
	for _, member := range []struct{ name, value string }{
		{"private_key", key.PrivateKey},
		{"assertionPayloadData.aud", key.Payload.Aud},
		{"assertionPayloadData.iss", key.Payload.Iss},
		{"assertionPayloadData.sub", key.Payload.Sub},
		{"assertionHeaderData.kid", key.Header.Kid},
	} {
		if member.value == "" {
			lacking = append(lacking, member.name)
		}
	}
	if len(lacking) > 0 {
		return key, fmt.Errorf("lacks %s: it is not the whole key file of a service account", strings.Join(lacking, ", "))
	}
	if key.Header.Alg != "" && key.Header.Alg != "RS256" {
		return key, fmt.Errorf("is a key for another algorithm than RS256: generate an RS256 key in Partner Center")
	}
	return key, nil
}
