//go:build !windows

package monitor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/rollcall/internal/service"
	"rollcall/plan"
	"rollcall/sources"
)

// TestChromium shows the page in a browser, wide and narrow, light and dark: nothing is
// refused by the page's own policy, nothing reaches beyond the screen, and a hostile name
// is text. Set ROLLCALL_SCREENSHOTS to a folder to keep the pictures.
func TestChromium(t *testing.T) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium in PATH")
	}
	into := os.Getenv("ROLLCALL_SCREENSHOTS")
	if into == "" {
		into = t.TempDir()
	}
	b := browse(t, program)
	for name, m := range map[string]*Monitor{"messy": hard(t), "clean": easy(t), "invalid": wrong(t), "new": fresh(t)} {
		url := serve(t, m)
		for _, width := range []int{1280, 360} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s, %d, %s", name, width, scheme), func(t *testing.T) {
					picture := b.show(t, url, width, scheme)
					if err := os.WriteFile(filepath.Join(into, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o600); err != nil {
						t.Fatal(err)
					}
					var reach, scripts int
					var words, fore, back string
					b.ask(t, "document.documentElement.scrollWidth", &reach)
					b.ask(t, "document.querySelectorAll('script').length", &scripts)
					b.ask(t, "document.body.innerText", &words)
					b.ask(t, "getComputedStyle(document.body).color", &fore)
					b.ask(t, "getComputedStyle(document.body).backgroundColor", &back)
					if reach > width {
						t.Errorf("it is %d wide on a screen of %d", reach, width)
					}
					if scripts != 0 {
						t.Errorf("there are %d scripts", scripts)
					}
					if name == "messy" && !strings.Contains(words, `"><script>alert(1)</script>\u202egnp.exe\u001b[31m@example.com`) {
						t.Error("the hostile name is not shown as it is")
					}
					if want := map[string]string{"light": "rgb(245, 246, 248)", "dark": "rgb(15, 19, 24)"}[scheme]; back != want {
						t.Errorf("%s on %s: its style does not hold", fore, back)
					}
				})
			}
		}
	}
	b.end(t)
}

// TestChromiumComplains proves that what TestChromium takes for silence would not be.
func TestChromiumComplains(t *testing.T) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium in PATH")
	}
	b := browse(t, program)
	b.show(t, `data:text/html,<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><style>b{}</style><p style="width:9999px">`, 360, "light")
	var reach int
	b.ask(t, "document.documentElement.scrollWidth", &reach)
	if len(b.complaints) == 0 || reach <= 360 {
		t.Errorf("it complains of %v and is %d wide", b.complaints, reach)
	}
	b.complaints = nil
	b.quiet = false
	b.end(t)
}

// hard is a monitor with everything that a page can have.
func hard(t testing.TB) *Monitor {
	m, c := watch(t, func(o *Options) {
		o.Past = []PastRun{
			{tick.Add(-24 * time.Hour), tick.Add(-24*time.Hour + 95*time.Second), service.Converged, nil},
			{tick.Add(-48 * time.Hour), tick.Add(-48*time.Hour + 31*time.Minute), service.Incomplete, nil},
		}
	})
	end(m, c, clean())
	r := messy()
	r.Began, r.Tick, r.Ended = tick.Add(24*time.Hour), tick.Add(24*time.Hour), tick.Add(24*time.Hour+4*time.Minute)
	r.Plan.Providers[0].Error = "GET /user: 503 Service Unavailable (request " + strings.Repeat("7f2c9e", 20) + ")"
	long := strings.Repeat("very-long-name.", 6) + "x@" + strings.Repeat("subdomain.", 8) + "example.com"
	r.Plan.Held = append(r.Plan.Held, plan.Held{Provider: "vendasta", Email: long, Wanted: plan.Update, Reason: plan.HeldUnreadable, Detail: "platformAccess is not shown", Remedy: "give the service account the scope user.permission:read"})
	for i := range 60 {
		r.Plan.Held = append(r.Plan.Held, plan.Held{Provider: "vendasta", Email: fmt.Sprintf("person%02d@example.com", i), Wanted: plan.Update, Reason: plan.HeldMode, Detail: "mode is report", Remedy: "set mode: full"})
	}
	r.Error = "a guard refused 1 change; the rest is applied"
	r.Commit = "89abcdef0123456789abcdef0123456789abcdef"
	end(m, c, r)
	lapped := ranAtTick(service.Overlapped)
	lapped.Began, lapped.Ended, lapped.Tick = tick.Add(30*time.Hour), tick.Add(30*time.Hour), tick.Add(30*time.Hour)
	end(m, c, lapped)
	c.at = tick.Add(31 * time.Hour)
	m.Waiting(tick.Add(48 * time.Hour))
	return m
}

func easy(t testing.TB) *Monitor {
	m, c := watch(t)
	end(m, c, clean())
	c.at = tick.Add(5 * time.Hour)
	m.Began(service.Run{Tick: c.at, Reason: service.Scheduled, Began: c.at.Add(-70 * time.Second)})
	return m
}

func wrong(t testing.TB) *Monitor {
	m, c := watch(t)
	r := ranAtTick(service.Invalid)
	r.Error = "the roster is not valid: 2 problems"
	r.Problems = []string{
		"people/sales.yaml:12:7: unknown field \"rolle\"; did you mean \"role\"?\n   12 |       rolle: GROUP_MANAGER\n      |       ^",
		"people/sales.yaml:31:12: ana@example.com is in the roster twice: also people/support.yaml:4:12",
	}
	end(m, c, r)
	return m
}

func fresh(t testing.TB) *Monitor {
	m, _ := watch(t)
	m.Waiting(tick.Add(90 * time.Minute))
	return m
}

// serve serves a monitor on this machine until the test ends.
func serve(t *testing.T, m *Monitor) (url string) {
	t.Helper()
	listener, err := Listen(t.Context(), "127.0.0.1:0", sources.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- m.Serve(ctx, listener, sources.Secret{}) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String() + "/"
}

// A browser is one Chromium, spoken to in the DevTools protocol over a pipe: JSON, each
// message ended by a NUL (https://chromedevtools.github.io/devtools-protocol).
type browser struct {
	command    *exec.Cmd
	to         *os.File
	from       *bufio.Reader
	stderr     *bytes.Buffer
	session    string
	next       int
	loaded     bool
	complaints []string // of the console, among them what a policy refuses
	quiet      bool     // nothing may be complained of
}

// browse starts a browser with a page.
func browse(t *testing.T, program string) *browser {
	t.Helper()
	commands, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{to: to, from: bufio.NewReader(from), stderr: new(bytes.Buffer), quiet: true}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	b.command = exec.CommandContext(ctx, program,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--v=0", "--remote-debugging-pipe", "about:blank")
	b.command.ExtraFiles = []*os.File{commands, answers} // 3 and 4
	b.command.Stderr = b.stderr
	b.command.WaitDelay = 10 * time.Second
	if err := b.command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = commands.Close()
	_ = answers.Close()
	t.Cleanup(func() {
		cancel() // who has ended is not ended again
		_ = b.command.Wait()
		_ = to.Close()
		_ = from.Close()
	})

	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime"} {
		b.call(t, domain+".enable", nil, nil)
	}
	return b
}

// A message is one of the protocol: an answer if it has an id, else an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// call asks for something and waits for the answer.
func (b *browser) call(t *testing.T, method string, params, result any) {
	t.Helper()
	b.next++
	id := b.next
	ask := map[string]any{"id": id, "method": method}
	if params != nil {
		ask["params"] = params
	}
	if b.session != "" {
		ask["sessionId"] = b.session
	}
	data, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.to.Write(append(data, 0)); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.read(t)
		if m.ID != id {
			continue
		}
		if m.Error != nil {
			t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
}

// read takes the next message and notes what it says of the page.
func (b *browser) read(t *testing.T) message {
	t.Helper()
	data, err := b.from.ReadBytes(0)
	if err != nil {
		t.Fatalf("chromium ended: %v", err)
	}
	var m message
	if err := json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m); err != nil {
		t.Fatal(err)
	}
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded = true
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
		b.complaints = append(b.complaints, string(m.Params))
	}
	return m
}

// show opens a page on a screen of that width and returns a picture of all of it.
func (b *browser) show(t *testing.T, url string, width int, scheme string) []byte {
	t.Helper()
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.loaded = false
	b.call(t, "Page.navigate", map[string]any{"url": url}, nil)
	for !b.loaded {
		b.read(t)
	}
	var picture struct {
		Data string `json:"data"`
	}
	b.call(t, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &picture)
	data, err := base64.StdEncoding.DecodeString(picture.Data)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ask evaluates an expression in the page.
func (b *browser) ask(t *testing.T, expression string, value any) {
	t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
	}
	b.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if err := json.Unmarshal(answer.Result.Value, value); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

// end closes the browser, which may have complained of nothing.
func (b *browser) end(t *testing.T) {
	t.Helper()
	b.session = ""
	b.call(t, "Browser.close", nil, nil)
	_ = b.command.Wait()
	if !b.quiet {
		return
	}
	for _, complaint := range b.complaints {
		t.Errorf("the browser complains: %s", complaint)
	}
	for line := range strings.Lines(b.stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
}
