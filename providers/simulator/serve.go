package simulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve serves [World.Handler] on the listener until the context ends, then
// lets requests under way finish for a moment and returns nil. It closes the
// listener.
//
// A client without an answer may notice before its request is known to be
// gone, so that after timeouts AtOnce may exceed what the client meant to
// have under way; without sockets it is exact.
func (w *World) Serve(ctx context.Context, listener net.Listener) error {
	const grace = 3 * time.Second
	server := &http.Server{
		Handler:           w.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// No write timeout: an answer may hang on purpose.
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close() // ends what still hangs
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
