package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rollcall/providers/simulator"
	"rollcall/sources"
)

// patience is how long a script waits for what has to happen. It ends a test that
// fails and delays none that does not.
const patience = 20 * time.Second

// A stage is what one script has beside its files: a vendor, and one rollcall in
// the background.
type stage struct {
	world  *simulator.World
	server *httptest.Server
	gate   gate
	key    *rsa.PublicKey

	process *exec.Cmd
	stdout  io.ReadCloser
	output  watched // what it wrote to standard output
	errors  watched
	done    chan ending
}

// An ending is how a process ended.
type ending struct{ err error }

type stageKey struct{}

func onStage(f func(*stage, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("! is not supported here")
		}
		f(ts.Value(stageKey{}).(*stage), ts, args)
	}
}

func (s *stage) close() {
	s.gate.open()
	if s.process != nil && s.done != nil {
		_ = s.process.Process.Kill()
		<-s.done
	}
	if s.server != nil {
		s.server.Close()
	}
}

// serviceKey writes the key file of a service account, with a key of its own.
func (s *stage) serviceKey(ts *testscript.TestScript, args []string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	s.key = &key.PublicKey
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), keyFile(key), 0o600))
}

// keyFile is a key file as Vendasta has people download it.
func keyFile(key *rsa.PrivateKey) []byte {
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file, err := json.MarshalIndent(map[string]any{
		"type": "service_account", "client_email": "robot@example.com", "private_key_id": "key-1",
		"private_key": string(text), "token_uri": "https://token.invalid/oauth2/token",
		"assertionHeaderData":  map[string]any{"alg": "RS256", "kid": "key-1"},
		"assertionPayloadData": map[string]any{"aud": "https://iam.invalid", "iss": "robot@example.com", "sub": "robot@example.com"},
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return file
}

// vendor serves the simulated vendors on loopback.
func (s *stage) vendor(ts *testscript.TestScript, args []string) {
	options := simulator.Options{}
	if len(args) > 0 && args[0] == "strict" {
		options.Tokens, options.Vendasta.Key = simulator.Issued, s.key
	}
	s.world = simulator.New(options)
	seed, problems := sources.ReadYAML(ts.MkAbs("simulator.yaml"))
	if problems.Failed() {
		ts.Fatalf("%v", problems)
	}
	ts.Check(s.world.Seed(seed.Data()))
	s.server = httptest.NewServer(s.gate.before(s.world.Handler()))
	configs, err := filepath.Glob(ts.MkAbs("*.yaml"))
	ts.Check(err)
	s.address(ts, s.world.Endpoints(s.server.URL), configs)
}

// address puts addresses in the place of BASEURL and TOKENURL, which are
// Vendasta's, and of those with another vendor's kind before them: PARTOOBASEURL.
func (s *stage) address(ts *testscript.TestScript, endpoints []simulator.Endpoint, files []string) {
	var pairs []string
	for _, endpoint := range endpoints {
		prefix := strings.ToUpper(endpoint.Kind)
		if endpoint.Kind == "vendasta" {
			prefix = ""
		}
		pairs = append(pairs, prefix+"BASEURL", endpoint.BaseURL, prefix+"TOKENURL", endpoint.TokenURL)
	}
	addresses := strings.NewReplacer(pairs...)
	for _, file := range files {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(addresses.Replace(ts.ReadFile(file))), 0o600))
	}
}

// printed is what rollcall simulate prints.
var (
	printed       = regexp.MustCompile(`(?m)^([a-z]+):\n  baseURL: (.*)\n(?:  tokenURL: (.*)\n)?`)
	printedCounts = regexp.MustCompile(`(?m)^counts: (.*)$`)
)

func (s *stage) served(ts *testscript.TestScript, args []string) {
	var endpoints []simulator.Endpoint
	for _, found := range printed.FindAllStringSubmatch(s.output.String(), -1) {
		endpoints = append(endpoints, simulator.Endpoint{Kind: found[1], BaseURL: found[2], TokenURL: found[3]})
	}
	counts := printedCounts.FindStringSubmatch(s.output.String())
	if len(endpoints) == 0 || counts == nil {
		ts.Fatalf("no addresses are printed")
	}
	s.address(ts, endpoints, args)
	ts.Setenv("COUNTS", counts[1])
}

func (s *stage) fetch(ts *testscript.TestScript, args []string) {
	response, err := http.Get(args[1])
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

func (s *stage) hold(_ *testscript.TestScript, args []string) { s.gate.hold(args[0]) }

func (s *stage) arrives(ts *testscript.TestScript, _ []string) {
	select {
	case <-s.gate.arrived:
	case <-time.After(patience):
		ts.Fatalf("nothing arrived")
	}
}

func (s *stage) release(*testscript.TestScript, []string) { s.gate.open() }

func (s *stage) counts(ts *testscript.TestScript, args []string) {
	raw, err := json.Marshal(s.world.Counts())
	ts.Check(err)
	var counts any
	ts.Check(json.Unmarshal(raw, &counts))
	for _, arg := range args {
		field, want, _ := strings.Cut(arg, "=")
		if got, _ := dig(counts, strings.Split(field, ".")); got != want {
			ts.Fatalf("%s is %s, want %s: %s", field, got, want, raw)
		}
	}
}

func (s *stage) start(ts *testscript.TestScript, args []string) {
	s.process = exec.Command(args[0], args[1:]...)
	s.process.Dir = ts.MkAbs(".")
	s.process.Env = append(os.Environ(), "VENDASTA_TOKEN="+ts.Getenv("VENDASTA_TOKEN"), every+"="+ts.Getenv(every), ledgerVariable+"="+ts.Getenv(ledgerVariable))
	s.output, s.errors = watched{}, watched{}
	s.process.Stderr = &s.errors
	reader, writer, err := os.Pipe()
	ts.Check(err)
	s.stdout, s.process.Stdout = reader, writer
	ts.Check(s.process.Start())
	ts.Check(writer.Close())
	s.done = make(chan ending, 1)
	copied := make(chan struct{})
	go func() {
		_, _ = io.Copy(&s.output, reader)
		close(copied)
	}()
	go func() {
		err := s.process.Wait()
		<-copied
		s.done <- ending{err}
	}()
}

func (s *stage) until(ts *testscript.TestScript, args []string) {
	stream := map[string]*watched{"stdout": &s.output, "stderr": &s.errors}[args[0]]
	if !stream.until(regexp.MustCompile(`(?m)`+args[1]), patience) {
		ts.Fatalf("%q never came: %s", args[1], stream.String())
	}
}

func (s *stage) hangup(ts *testscript.TestScript, _ []string) {
	// A process that another script starts at this moment has a copy of the pipe
	// until it executes its program, and would be a reader for so long.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ts.Check(s.stdout.Close())
}

func (s *stage) interrupt(ts *testscript.TestScript, args []string) {
	times := 1
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		times = n
	}
	for range times {
		ts.Check(s.process.Process.Signal(os.Interrupt))
	}
}

func (s *stage) reread(ts *testscript.TestScript, _ []string) {
	ts.Check(s.process.Process.Signal(syscall.SIGHUP))
}

func (s *stage) terminate(ts *testscript.TestScript, _ []string) {
	ts.Check(s.process.Process.Signal(syscall.SIGTERM))
}

// insist interrupts until the process has ended, for the command ends to see.
func (s *stage) insist(ts *testscript.TestScript, _ []string) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	giveUp := time.After(patience)
	for {
		select {
		case end := <-s.done:
			ended := make(chan ending, 1)
			ended <- end
			s.done = ended
			return
		case <-ticker.C:
			_ = s.process.Process.Signal(os.Interrupt) // it may have ended meanwhile
		case <-giveUp:
			ts.Fatalf("it does not end")
		}
	}
}

// ends waits for the end; what was printed stands in the files stdout.txt and
// stderr.txt then.
func (s *stage) ends(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var end ending
	select {
	case end = <-s.done:
	case <-time.After(patience):
		ts.Fatalf("it does not end")
	}
	s.done = nil
	for name, text := range map[string]string{"stdout.txt": s.output.String(), "stderr.txt": s.errors.String()} {
		ts.Logf("[%s]\n%s", name, text)
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("."), name), []byte(text), 0o600))
	}
	if got := exitCode(ts, end.err); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// A gate stands before a vendor and can make requests wait.
type gate struct {
	mu      sync.Mutex
	method  string
	opened  chan struct{}
	arrived chan struct{}
}

// many is more requests than any script has.
const many = 1000

func (g *gate) hold(method string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.method, g.opened, g.arrived = method, make(chan struct{}), make(chan struct{}, many)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.method != "" {
		g.method = ""
		close(g.opened)
	}
}

func (g *gate) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		held, opened, arrived := g.method == r.Method, g.opened, g.arrived
		g.mu.Unlock()
		if held {
			// A connection that the client closes is noticed only once the body is read.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			arrived <- struct{}{}
			select {
			case <-opened:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// watched is output that can be waited for. It is safe for concurrent use.
type watched struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed at the next write
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *watched) until(pattern *regexp.Regexp, within time.Duration) bool {
	end := time.After(within)
	for {
		w.mu.Lock()
		if pattern.Match(w.text.Bytes()) {
			w.mu.Unlock()
			return true
		}
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-end:
			return false
		}
	}
}
