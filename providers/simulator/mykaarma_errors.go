package simulator

import (
	"maps"
	"net/http"
	"strings"
)

// envelope is an answer with what stands on every one, success included: errors,
// warnings and the id of the request (DOC S002). Only a 200 is offered as protobuf
// too (DOC S002); its message is not documented, so of the bytes nothing but the id
// is to be relied on.
func (m *mykaarma) envelope(c *call, status int, errors []any, more map[string]any) *response {
	if status == http.StatusOK && !admitsJSON(c) {
		body := append([]byte{1<<3 | 2, byte(len(c.id))}, c.id...) //nolint:gosec // field 1, a text, which is short
		return &response{status: status, header: http.Header{"Content-Type": {"application/x-protobuf"}}, body: body}
	}
	if errors == nil {
		errors = []any{}
	}
	body := map[string]any{"errors": errors, "warnings": []any{}, "apiRequestId": c.id}
	maps.Copy(body, more)
	return jsonAnswer(status, mykaarmaJSON, body)
}

// mistakes are the errors of an envelope. One code and title are documented, those
// of a 403 (K-TPL). Assumed are for all others the status as the code and its
// words as the title, so that nobody takes them for the vendor's.
func mistakes(c *call, status int, details ...string) []any {
	code, title := status, strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_"))
	if status == http.StatusForbidden {
		code, title = 100004, "REQUEST_NOT_AUTHORIZED"
	}
	echo := c.echo()
	all := make([]any, len(details))
	for i, detail := range details {
		all[i] = map[string]any{"errorCode": code, "errorTitle": title, "errorMessage": detail + echo}
	}
	return all
}

func (m *mykaarma) failure(c *call, status int, detail string) *response {
	return m.envelope(c, status, mistakes(c, status, detail), nil)
}

// forbidden is the answer to whoever has no right to a dealer (K-TPL); the words
// are assumed.
func (m *mykaarma) forbidden(c *call) *response {
	return m.failure(c, http.StatusForbidden, "authentication passed, but authorization failed for this dealer")
}

// refuse is the 400 of a body or a parameter. That there is one entry for each
// mistake is assumed.
func (m *mykaarma) refuse(c *call, problems ...problem) *response {
	const most = 20
	details := make([]string, 0, most)
	for _, wrong := range problems[:min(most, len(problems))] {
		field := strings.ReplaceAll(strings.TrimPrefix(wrong.pointer, "/"), "/", ".")
		details = append(details, strings.TrimSpace(field+" "+wrong.detail))
	}
	return m.envelope(c, http.StatusBadRequest, mistakes(c, http.StatusBadRequest, details...), nil)
}

// nobody is the answer to an update of somebody who is not there: no 404 is listed
// (DOC S002), so a 400 is assumed.
func (m *mykaarma) nobody(c *call) *response {
	return m.refuse(c, problem{"", "there is no user with this UUID"})
}

// duplicate is the answer to an address or a user name that another user of the
// dealer has. That they must be unique there, whatever their case, is assumed, and
// so is the 400. That a 200 can come with errors and without the id is documented
// (K-REF), of another call.
func (m *mykaarma) duplicate(c *call) *response {
	const detail = "another user of this dealer has this emailAddress or username"
	if m.options.MyKaarma.ErrorsIn200 {
		return m.envelope(c, http.StatusOK, mistakes(c, http.StatusBadRequest, detail), map[string]any{"userUuid": nil})
	}
	return m.refuse(c, problem{"", detail})
}

// limited is a 429. No rate limit is documented; assumed are the envelope and the
// header that others have.
func (m *mykaarma) limited(c *call, rate rateVerdict) *response {
	more := map[string]any{}
	if rate.form == RetryBody {
		more["retryAfter"] = seconds(max(0, rate.resets.Sub(c.now)))
	}
	const status = http.StatusTooManyRequests
	resp := m.envelope(c, status, mistakes(c, status, "too many requests"), more)
	rate.hint(resp.header, c.now)
	return resp
}

// mykaarmaLogin is what every route gets that the API does not have: 200 and the
// page to sign in (OBSERVED-3P K-3P). What stands on it is assumed.
func mykaarmaLogin() *response {
	return &response{
		status: http.StatusOK,
		header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		body: []byte("<!DOCTYPE html>\n<html><head><title>Login</title></head><body><form method=\"post\">" +
			"<input name=\"username\"><input name=\"password\" type=\"password\"><button>Sign in</button></form></body></html>\n"),
	}
}
