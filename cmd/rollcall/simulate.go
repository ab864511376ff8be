package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) simulateCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Serve the simulated vendors on this machine",
		Long: `Serves every simulated vendor on a loopback address until it is interrupted, and
prints the baseURL and tokenURL to configure. Any credentials are accepted. The
state stands in .rollcall/simulator.json beside the configuration, seeded from
simulator.yaml there. What was counted is served as JSON at /counts.`,
		Example: `  rollcall simulate
  rollcall simulate --listen 127.0.0.1:8080`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "the loopback `ADDRESS` to listen on")
	return cmd
}

func (a *app) serve(ctx context.Context, listen string) (err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return invalid(fmt.Errorf("--listen %s: write a loopback address with a port, like 127.0.0.1:8080", listen))
	}
	dir := filepath.Dir(a.config)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return invalid(fmt.Errorf("--config %s: there is no directory %s to keep the state in", a.config, dir))
	}
	world, err := a.openWorld(dir)
	if err != nil {
		return err
	}
	s := &session{world: world}
	defer func() { err = errors.Join(err, a.disconnect(s)) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return broken(fmt.Errorf("--listen %s: %w", listen, err))
	}
	root := "http://" + listener.Addr().String()
	text := ""
	for _, endpoint := range world.Endpoints(root) {
		text += fmt.Sprintf("%s:\n  baseURL: %s\n", endpoint.Kind, endpoint.BaseURL)
		if endpoint.TokenURL != "" {
			text += fmt.Sprintf("  tokenURL: %s\n", endpoint.TokenURL)
		}
	}
	text += "counts: " + root + "/counts\n"
	if err := a.print([]byte(text)); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := world.Serve(ctx, listener); err != nil && ctx.Err() == nil {
		return broken(fmt.Errorf("serving: %w", err))
	}
	return nil
}
