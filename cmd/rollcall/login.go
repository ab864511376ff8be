package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/sources"
)

// maxPasted is how long a pasted address may be, in bytes.
const maxPasted = 64 << 10

func (a *app) loginCommand() *cobra.Command {
	var paste bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "login PROVIDER",
		Short: "Give a vendor's consent once, where it needs one",
		Long: `Prints an address of the vendor to open in a browser, where somebody signs in and
agrees. The browser then comes back to this machine, and the refresh token is
written to the file that auth.refreshToken names, from which rollcall has every
further token. Where the browser is on another machine, paste the address that it
ends up at.

Exit codes:
  0    the refresh token is stored
  1    nobody agreed in time, or the file can not be written
  3    the vendor refused
  5    invalid configuration, flags or secrets; a provider that needs no login
  130  interrupted`,
		Example: `  rollcall login myreports
  rollcall login myreports --paste   # the browser is on another machine`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes the name of one provider, not %d; see %s --help", cmd.CommandPath(), len(args), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.login(cmd.Context(), args[0], paste, wait) },
	}
	cmd.Flags().BoolVar(&paste, "paste", false, "do not wait for the browser: read the address that it ends up at from standard input")
	cmd.Flags().DurationVar(&wait, "wait", 5*time.Minute, "give up after `TIME`")
	return cmd
}

func (a *app) login(ctx context.Context, name string, paste bool, wait time.Duration) error {
	switch {
	case a.simulate:
		return invalid(errors.New("--simulate: simulated vendors need no login"))
	case wait <= 0:
		return invalid(fmt.Errorf("--wait %s: write how long to wait, like 5m", wait))
	}
	config, problems := sources.LoadConfig(a.config)
	if config == nil {
		return a.refuse(problems, plan.ExitInvalid)
	}
	provider, known := config.Provider(name)
	if !known {
		return invalid(fmt.Errorf("%q: %s has no provider of that name, only %s", name, config.File, strings.Join(providerNames(config), ", ")))
	}
	flow, file, err := a.beginLogin(ctx, provider)
	if err != nil {
		return invalid(err)
	}
	defer flow.Close()
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	flow.Discover(limited)
	token, err := a.consent(limited, flow, paste)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return &exitError{code: plan.ExitInterrupted, err: errors.New("interrupted: no token was stored")}
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNoAddress):
		return broken(fmt.Errorf("nobody agreed within %s: no token was stored; run it again", wait))
	case errors.Is(err, errInput):
		return broken(err)
	default:
		return &exitError{code: plan.ExitIncomplete, err: fmt.Errorf("%s: no token was stored: %w; run it again", name, err)}
	}
	if err := file.Store(ctx, token); err != nil {
		return broken(fmt.Errorf("%w: the consent is lost; mend that, and run it again", err))
	}
	return a.print([]byte(fmt.Sprintf("%s: the refresh token is stored in %s\n", name, provider.Auth[registry.Kind(provider.Kind).Consent.RefreshToken])))
}

// beginLogin reads the credentials of the program, and looks that the token can be
// kept.
func (a *app) beginLogin(ctx context.Context, config sources.ProviderConfig) (*providers.Login, *sources.SecretFile, error) {
	kind := registry.Kind(config.Kind)
	settings := providers.Settings{Config: config, Secrets: a.secrets, Log: a.log, Auth: make(map[string]sources.Secret)}
	if kind.Consent == nil {
		return nil, nil, fmt.Errorf("%s needs no login: its credentials stand in the configuration", config.Name)
	}
	var wrong []error
	for _, name := range []string{kind.Consent.ClientID, kind.Consent.ClientSecret} {
		from := a.secrets
		if name == kind.Consent.ClientID {
			from = &sources.Secrets{} // it stands in the address that is shown, and is no secret (RFC 6749, 2.2)
		}
		secret, err := from.Read(ctx, config.Auth[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: auth.%s: %w", config.Auth[name].Origin, config.Name, name, err))
		}
		settings.Auth[name] = secret
	}
	file, err := sources.NewSecretFile(config.Auth[kind.Consent.RefreshToken], a.secrets)
	if err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %s: auth.%s: %w", config.Auth[kind.Consent.RefreshToken].Origin, config.Name, kind.Consent.RefreshToken, err))
	}
	if len(wrong) > 0 {
		return nil, nil, errors.Join(wrong...)
	}
	flow, err := kind.Login(settings)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config.Name, err)
	}
	return flow, file, nil
}

var (
	errNoAddress = errors.New("no address was pasted")
	errInput     = errors.New("standard input can not be read")
)

// consent shows the address, waits for the way back, and exchanges what it brings.
func (a *app) consent(ctx context.Context, flow *providers.Login, paste bool) (sources.Secret, error) {
	answers := make(chan answered)
	how := "Then paste the address that the browser ends up at, and press return."
	if !paste {
		listener, err := a.awaitBrowser(ctx, flow, answers)
		if err != nil {
			_, _ = fmt.Fprintf(a.stderr, "rollcall: %s can not be listened at (%s)\n", flow.RedirectURL(), unwrapPath(err))
		} else {
			defer listener()
			how = "If the browser is on another machine, paste the address that it ends up at, and press return."
			if !isTerminal(a.stdin) {
				how = "The browser comes back by itself."
			}
		}
		paste = err != nil || isTerminal(a.stdin)
	}
	_, _ = fmt.Fprintf(a.stderr, "Open this address in a browser, sign in and agree. %s\n\n", how)
	if err := a.print([]byte(flow.URL() + "\n")); err != nil {
		return sources.Secret{}, err
	}
	if paste {
		go a.readPasted(ctx, answers)
	}
	for {
		var got answered
		select {
		case <-ctx.Done():
			return sources.Secret{}, ctx.Err()
		case got = <-answers:
		}
		if got.err != nil {
			return sources.Secret{}, got.err
		}
		token, err := flow.Redeem(ctx, got.query)
		got.done(err)
		if errors.Is(err, providers.ErrState) {
			// Anybody can send a browser here; the answer to this login may still come.
			_, _ = fmt.Fprintln(a.stderr, "rollcall: that was the answer to another login, or not the whole address; still waiting")
			continue
		}
		return token, err
	}
}

// An answered consent: the query that it came back with, and whom to tell how it
// ended.
type answered struct {
	query url.Values
	err   error
	done  func(error)
}

// awaitBrowser serves the address that the browser comes back to.
func (a *app) awaitBrowser(ctx context.Context, flow *providers.Login, answers chan<- answered) (end func(), err error) {
	address, err := url.Parse(flow.RedirectURL())
	if err != nil {
		return nil, err
	}
	port := address.Port()
	if port == "" {
		port = "80"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address.Hostname(), port))
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: maxPasted, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || strings.Trim(r.URL.Path, "/") != strings.Trim(address.Path, "/") || r.URL.RawQuery == "" {
			http.NotFound(rw, r)
			return
		}
		ended := make(chan error, 1)
		select {
		case answers <- answered{query: r.URL.Query(), done: func(err error) { ended <- err }}:
		case <-ctx.Done():
			return
		}
		text, status := "rollcall has what it needs. You can close this window.", http.StatusOK
		if err := <-ended; err != nil {
			text, status = "rollcall could not use this answer. Look at the terminal.", http.StatusBadRequest
		}
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Header().Set("Cache-Control", "no-store")
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, text+"\n")
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	return func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(stop) != nil {
			_ = server.Close()
		}
		<-served
	}, nil
}

// readPasted reads addresses from standard input until one is of use.
func (a *app) readPasted(ctx context.Context, answers chan<- answered) {
	lines := bufio.NewScanner(io.LimitReader(a.stdin, maxPasted))
	lines.Buffer(nil, maxPasted)
	tell := func(got answered) bool {
		select {
		case answers <- got:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		if _, after, whole := strings.Cut(text, "?"); whole {
			text = after
		}
		text, _, _ = strings.Cut(text, "#")
		query, err := url.ParseQuery(text)
		if err != nil {
			query = url.Values{}
		}
		if !tell(answered{query: query, done: func(error) {}}) {
			return
		}
	}
	err := errNoAddress
	if lines.Err() != nil {
		err = errInput
	}
	tell(answered{err: err})
}
