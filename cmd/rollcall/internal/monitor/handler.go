package monitor

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"rollcall/sources"
)

// Handler serves the page at /, the metrics at /metrics, and at /healthz and /readyz
// whether the process lives and whether it has begun. All are read, nothing is done.
//
// With a token every request has to bring it, as Authorization: Bearer or, for browsers,
// as the password of any user; /healthz and /readyz alone are open, since whatever probes
// them often can not bring one, and they say nothing but yes or no. Tries are not counted:
// a token has to be too long to guess. The zero Secret is no token; then a request has to
// name this machine as its host, so that no page of the web reaches it under a name of its
// own (DNS rebinding).
func (m *Monitor) Handler(token sources.Secret) http.Handler {
	metrics := m.metrics.handler()
	// Digests are compared, so that nothing about the token can be told from how long it
	// takes, its length neither.
	guarded, want := token.Reveal() != "", sha256.Sum256([]byte(token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		switch {
		case !guarded && !namesThisMachine(r.Host):
			say(w, http.StatusForbidden, "name this machine as localhost or 127.0.0.1, or set listen.token\n")
		case guarded && !probe && !brings(r, want):
			w.Header().Set("WWW-Authenticate", `Basic realm="rollcall", charset="UTF-8"`)
			say(w, http.StatusUnauthorized, "the token of listen.token is needed, as Authorization: Bearer or as the password of any user\n")
		case r.URL.Path != "/" && r.URL.Path != "/metrics" && !probe:
			say(w, http.StatusNotFound, "there is nothing here: / is the page, /metrics the metrics\n")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			say(w, http.StatusMethodNotAllowed, "this is only to be read\n")
		case r.URL.Path == "/metrics":
			metrics.ServeHTTP(w, r)
		case r.URL.Path == "/healthz":
			m.health(w)
		case r.URL.Path == "/readyz":
			m.readiness(w)
		default:
			m.page(w)
		}
	})
}

// harden sets what holds for every answer.
func harden(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// say answers with a line of text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// brings reports whether a request has the token.
func brings(r *http.Request, want [sha256.Size]byte) bool {
	_, given, basic := r.BasicAuth()
	if !basic {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		given = strings.TrimSpace(rest)
	}
	got := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// namesThisMachine reports whether the Host of a request is localhost or a loopback
// address, whatever the port.
func namesThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// health is for whatever restarts a process that is stuck.
func (m *Monitor) health(w http.ResponseWriter) {
	m.mu.Lock()
	stuck := m.stuck() != ""
	m.mu.Unlock()
	if stuck {
		say(w, http.StatusServiceUnavailable, "stuck\n")
		return
	}
	say(w, http.StatusOK, "ok\n")
}

// readiness is for whatever waits until a process has begun.
func (m *Monitor) readiness(w http.ResponseWriter) {
	m.mu.Lock()
	ready := m.ready
	m.mu.Unlock()
	if !ready {
		say(w, http.StatusServiceUnavailable, "starting\n")
		return
	}
	say(w, http.StatusOK, "ok\n")
}

// page serves the page, which is whole or not there.
func (m *Monitor) page(w http.ResponseWriter) {
	var out bytes.Buffer
	if err := page.Execute(&out, m.view()); err != nil {
		m.log.Error("the page can not be made", "error", err)
		say(w, http.StatusInternalServerError, "the page can not be made\n")
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}
