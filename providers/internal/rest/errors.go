package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Kind says what went wrong, for those who decide by it.
type Kind uint8

// The kinds of an Error.
const (
	KindUnsent      Kind = iota + 1 // refused by this package: nothing was sent
	KindCanceled                    // the caller's context ended
	KindAuth                        // 401, or no token to be had: the credentials were refused
	KindForbidden                   // 403: the credentials lack a permission
	KindRefused                     // another definitive answer: 4xx, 501
	KindRateLimited                 // 429, or a pause that a 429 put on the client
	KindUnavailable                 // 408, 425, 5xx
	KindNetwork                     // no answer: not connected, cut, timed out
	KindAnswer                      // an answer that can not be used: cut, too large, HTML, broken JSON
	KindRedirect                    // a redirect that is not followed
)

var kindNames = [...]string{
	KindUnsent: "not sent", KindCanceled: "canceled", KindAuth: "the credentials were refused",
	KindForbidden: "not permitted", KindRefused: "refused", KindRateLimited: "rate limited",
	KindUnavailable: "unavailable", KindNetwork: "no answer", KindAnswer: "unusable answer",
	KindRedirect: "redirected",
}

// String names the kind as an error message does.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "error"
}

// Sentinels that an Error may wrap.
var (
	// ErrReadOnly: a planning client was asked to write.
	ErrReadOnly = errors.New("the client is read-only")
	// ErrCredentials: credentials that can not be used as they stand, such as a
	// malformed key. It is found before anything is sent.
	ErrCredentials = errors.New("unusable credentials")
)

// An Error is what every failed call ends with. It never holds a body, a query
// string, an email address or a secret, so it may be printed and kept.
type Error struct {
	Provider string // configured name
	Method   string
	Path     string // below the base URL; segments that are an email are masked
	Kind     Kind
	Status   int    // of the vendor's last answer; 0 when there was none
	Code     string // the vendor's machine-readable code, if any
	Place    string // the parameter or pointer that the code is about, if any
	// RequestID is the vendor's name for the request, for a support ticket.
	RequestID string
	// RetryAt is when the vendor said to come back; zero if it did not.
	RetryAt time.Time
	// Attempts counts the requests that were sent for the call.
	Attempts int
	// OutcomeUnknown is true when a write may have had an effect although it
	// failed. It is false for every Read.
	OutcomeUnknown bool
	// Foreign is true when the body of an error answer was in a form that the
	// vendor does not use, such as HTML: it may come from something that stands
	// in front of the vendor, so that a foreign 404 proves no absence.
	Foreign bool
	// Detail says it in words.
	Detail string
	// Err is the cause, where one may be shown: a sentinel, the error of the
	// context, a system error, or the Error of an earlier request.
	Err error

	retryAfter time.Duration
}

// Error renders the error in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Provider != "" {
		b.WriteString(e.Provider + ": ")
	}
	b.WriteString(e.Method + " " + e.Path + ": ")
	if e.Status != 0 {
		b.WriteString(strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	} else {
		b.WriteString(e.Kind.String())
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if earlier, ok := e.Err.(*Error); ok { //nolint:errorlint // only a direct cause is told
		first := *earlier
		first.Provider = ""
		b.WriteString(": " + first.Error())
	}
	var facts []string
	if e.Code != "" {
		facts = append(facts, "code "+e.Code)
	}
	if e.Place != "" {
		facts = append(facts, "at "+e.Place)
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	if e.Attempts > 1 {
		facts = append(facts, fmt.Sprintf("%d attempts", e.Attempts))
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	if !e.RetryAt.IsZero() {
		b.WriteString("; try again after " + e.RetryAt.UTC().Format(time.RFC3339))
	}
	if e.OutcomeUnknown {
		b.WriteString("; it may have taken effect")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeUnknown reports whether err belongs to a write that may have had an
// effect.
func OutcomeUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.OutcomeUnknown
}

// Status returns the status that the vendor answered the failed call with, or 0
// when there was no answer. The status of a token endpoint is never taken for
// it.
func Status(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// NotOpen reports of a failed call that the operation is not there, or not open to
// the account.
func NotOpen(err error) bool {
	switch Status(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	default:
		return false
	}
}

// Absent reports of a failed call that the vendor itself says that there is no such
// thing, with one of the codes, or with any when none is named. A 404 without an
// error in the vendor's own form may come from whatever stands in front of the
// vendor, and proves nothing.
func Absent(err error, codes ...string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound && !e.Foreign && e.Code != "" && (len(codes) == 0 || slices.Contains(codes, e.Code))
}

// Code returns the vendor's machine-readable code of the failed call, or "".
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// RequestID returns the vendor's name for the failed call, or "".
func RequestID(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RequestID
	}
	return ""
}

// KindOf returns the kind of a failed call, or 0 for an error that is not from
// this package.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

// network tells a transport's error in words of our own and returns the part of
// it that may be shown: the error itself may quote what the server sent or the
// whole address.
func network(err error, host string, timeout time.Duration) (detail string, cause error) {
	var timedOut interface{ Timeout() bool }
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "the name " + host + " does not resolve", nil
	case errors.As(err, &certificate):
		return "the certificate of " + host + " is not trusted", nil
	case errors.As(err, &record):
		return host + " does not speak TLS", nil
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timedOut) && timedOut.Timeout():
		return fmt.Sprintf("%s did not answer within %s", host, timeout), nil
	case errors.As(err, &errno):
		return host + ": " + errno.Error(), errno
	case neverOpened(err):
		return "no connection to " + host, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return host + " closed the connection before the answer was complete", io.ErrUnexpectedEOF
	default:
		return "the connection to " + host + " broke", nil
	}
}

// neverOpened reports whether the error proves that there was no connection to
// send anything on.
func neverOpened(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect" || op.Op == "socks connect")
}

// plain keeps a text that a vendor sent only if it is short and made of ASCII
// letters, digits and the extra characters; anything else could be prose, an
// address or a control character, and is dropped whole.
func plain(text, extra string, limit int) string {
	if len(text) > limit {
		return ""
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(extra, r) {
			return ""
		}
	}
	return text
}

// requestIDHeaders are the names under which gateways send a request's id, the
// most telling first.
var requestIDHeaders = []string{
	"X-Request-Id", "Request-Id", "X-Correlation-Id", "X-Amzn-Requestid", "X-Amz-Request-Id",
	"X-Ms-Request-Id", "X-Cloud-Trace-Context", "X-Trace-Id", "Cf-Ray",
}

func requestID(header http.Header) string {
	for _, name := range requestIDHeaders {
		if id := plainRequestID(header.Get(name)); id != "" {
			return id
		}
	}
	return ""
}

func plainRequestID(id string) string { return plain(strings.TrimSpace(id), "-_.:/;=+", 128) }
