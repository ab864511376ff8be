package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollcall/providers/simulator"
)

func (a *app) simulateCommand() *cobra.Command {
	var listen, chaos string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Serve the simulated vendors on this machine",
		Long: `Serves every simulated vendor on a loopback address until it is interrupted, and
prints the baseURL and tokenURL to configure. Any credentials are accepted. The
state stands in .rollcall/simulator.json beside the configuration, seeded from
simulator.yaml there. What was counted is served as JSON at /counts.

To rehearse a bad day, write a chaos: block into simulator.yaml, which is read at
every start, or use --chaos: alone it has every vendor slow, busy, now and then
down, losing answers after a write and late to find who is new; with
=FILE it takes the chaos: blocks of that file, in place of those of
simulator.yaml. The keys stand in providers/simulator/README.md.`,
		Example: `  rollcall simulate
  rollcall simulate --listen 127.0.0.1:8080
  rollcall simulate --chaos
  rollcall simulate --chaos=outage.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && chaos == stockChaos {
				return fmt.Errorf("%s takes no argument %q; a file of chaos is written with an equals sign: --chaos=%s", cmd.CommandPath(), args[0], args[0])
			}
			return noArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), listen, chaos) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "the loopback `ADDRESS` to listen on")
	cmd.Flags().StringVar(&chaos, "chaos", "", "misbehave: the stock mix, or as `FILE` says")
	cmd.Flags().Lookup("chaos").NoOptDefVal = stockChaos
	return cmd
}

func (a *app) serve(ctx context.Context, listen, chaos string) (err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return invalid(fmt.Errorf("--listen %s: write a loopback address with a port, like 127.0.0.1:8080", listen))
	}
	dir := filepath.Dir(a.config)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return invalid(fmt.Errorf("--config %s: there is no directory %s to keep the state in", a.config, dir))
	}
	var instead map[string]simulator.Chaos // nil leaves that of simulator.yaml
	if chaos != "" {
		if instead, err = a.readChaos(chaos); err != nil {
			return err
		}
	}
	world, err := a.openWorld(dir)
	if err != nil {
		return err
	}
	if instead != nil {
		for _, kind := range world.Kinds() {
			world.SetChaos(instead[kind], kind)
		}
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
