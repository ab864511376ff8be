package notify

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"rollcall/sources"
)

// Read reads the secrets of the configuration. The error names each that can not be read
// or is no address, and no secret.
func Read(ctx context.Context, secrets *sources.Secrets, config sources.NotifyConfig) (Settings, error) {
	settings := Settings{OpenFor: config.OpenFor, QuietFor: config.QuietFor}
	var wrong []error
	for _, from := range []struct {
		place string
		ref   *sources.SecretRef
		to    *sources.Secret
	}{
		{"webhook.url", config.Webhook, &settings.Webhook},
		{"webhook.sign", config.Sign, &settings.Sign},
		{"slack", config.Slack, &settings.Slack},
		{"heartbeat", config.Heartbeat, &settings.Heartbeat},
	} {
		if from.ref == nil {
			continue
		}
		secret, err := secrets.Read(ctx, *from.ref)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("notify.%s: %w", from.place, err))
			continue
		}
		*from.to = secret
	}
	if err := check(settings); err != nil {
		wrong = append(wrong, err)
	}
	return settings, errors.Join(wrong...)
}

// check says what is wrong with the addresses.
func check(settings Settings) error {
	var wrong []error
	for _, at := range []struct {
		place   string
		address sources.Secret
	}{{"webhook.url", settings.Webhook}, {"slack", settings.Slack}, {"heartbeat", settings.Heartbeat}} {
		if text := at.address.Reveal(); text != "" {
			if err := CheckAddress(text); err != nil {
				wrong = append(wrong, fmt.Errorf("notify.%s: %w", at.place, err))
			}
		}
	}
	return errors.Join(wrong...)
}

var (
	errAddress = errors.New("is not an address: write a whole one such as https://hooks.example.com/services/T0/B0/abc")
	errPlain   = errors.New("is http to another machine, where others can read it on the way: write an https address")
)

// CheckAddress accepts the address of a receiver: https, or http to this machine. A query
// may be in it, since those of many receivers stand there. The error does not hold it.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.ContainsAny(address, "# \"<>\\") || len(address) > 8<<10:
		return errAddress
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errPlain
	default:
		return errAddress
	}
}

func loopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
