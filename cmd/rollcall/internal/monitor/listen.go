package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"rollcall/sources"
)

// Limits of the server, so that whoever is slow or sends much holds nothing for long.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second
	answerTimeout  = 30 * time.Second
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 16 << 10
	// endTimeout is for answers that are under way when the server ends.
	endTimeout = 3 * time.Second
)

// Listen opens an address, host:port, for Serve. Without a token, the zero Secret, it has
// to be one of this machine alone: what is shown there has people's addresses in it. A
// name is one if all it resolves to is.
func Listen(ctx context.Context, address string, token sources.Secret) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if number, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || strconv.FormatUint(number, 10) != port {
		return nil, fmt.Errorf("can not listen on %q: write an address and a port, such as 127.0.0.1:9090", address)
	}
	if token.Reveal() == "" {
		at, err := thisMachine(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("can not listen on %s: %w", address, err)
		}
		if !at.IsValid() {
			return nil, fmt.Errorf("does not listen on %s: other machines can reach it, and what is shown there has people's addresses in it; listen on 127.0.0.1:%s, or name a token in rollcall.yaml, such as listen: {token: {env: ROLLCALL_TOKEN}}", address, port)
		}
		// By the address, so that the name means what it meant when it was looked at.
		address = net.JoinHostPort(at.String(), port)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("can not listen on %s: %w", address, cause(err))
	}
	return listener, nil
}

// cause is an error of the network without the address, which is said already.
func cause(err error) error {
	if operation, is := errors.AsType[*net.OpError](err); is {
		return operation.Err
	}
	return err
}

// thisMachine is the address to listen on for a host that is this machine alone; not
// valid for any other.
func thisMachine(ctx context.Context, host string) (netip.Addr, error) {
	if host == "" {
		return netip.Addr{}, nil // every address of this machine
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if !address.Unmap().IsLoopback() {
			return netip.Addr{}, nil
		}
		return address, nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the name can not be resolved: %w", err)
	}
	var found netip.Addr
	for _, address := range addresses {
		address = address.Unmap()
		if !address.IsLoopback() {
			return netip.Addr{}, nil
		}
		if !found.IsValid() || address.Is4() && !found.Is4() {
			found = address
		}
	}
	return found, nil
}

// Serve answers on a listener until the context ends, finishes what is under way, and
// closes it. Its error is nil when the context ended it. The token is that of Listen.
func (m *Monitor) Serve(ctx context.Context, listener net.Listener, token sources.Secret) error {
	server := &http.Server{
		Handler:           m.Handler(token),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		_ = server.Close()
		return fmt.Errorf("the page on %s is not served any more: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the page on %s was not served to the end: %w", listener.Addr(), err)
	}
	return nil
}
