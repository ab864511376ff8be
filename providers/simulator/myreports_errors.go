package simulator

import (
	"net/http"
	"strings"
)

// answer is a successful answer (DOC S004).
func (m *myreports) answer(c *call, status int, body map[string]any) *response {
	body["status"], body["timestamp"] = "success", c.now.UTC().Format(myreportsTime)
	return jsonAnswer(status, myreportsJSON, body)
}

// failure is an error in the documented form (DOC S004), or in that of the login.
// A 401 has no body, as in the sample (DOC S004).
func (m *myreports) failure(c *call, status int, detail string) *response {
	switch {
	case myreportsParse(c.path).place.login():
		return oauthError(c, status, "server_error", detail)
	case status == http.StatusUnauthorized:
		return &response{status: status, header: http.Header{}}
	case detail == "":
		detail = http.StatusText(status)
	}
	return m.error(c, status, "", detail)
}

// error has an errorCode where there is one: the only one that the documentation
// shows is TenantNotPrimary (DOC M-ACT).
func (m *myreports) error(c *call, status int, code, message string) *response {
	body := m.errorBody(c, status, message)
	if code != "" {
		body["errorCode"] = code
	}
	return jsonAnswer(status, myreportsJSON, body)
}

func (m *myreports) errorBody(c *call, status int, message string) map[string]any {
	return map[string]any{
		"error": status, "message": message + c.echo(), "status": "error", "timestamp": c.now.UTC().Format(myreportsTime),
	}
}

// notFound is the answer where there is no such account or user (DOC S004, M-GET).
func (m *myreports) notFound(c *call) *response { return m.failure(c, http.StatusNotFound, "") }

// badID is the answer to an id that is none (DOC S004).
func (m *myreports) badID(c *call, id string) *response {
	return m.failure(c, http.StatusBadRequest, "The value '"+id+"' is not valid.")
}

// refuse is the 400 for anything else that is wrong. There is one message (DOC
// S004); its words are assumed, and that it tells all that is wrong.
func (m *myreports) refuse(c *call, problems ...problem) *response {
	const most = 20
	if len(problems) > most {
		problems = problems[:most]
	}
	texts := make([]string, len(problems))
	for i, wrong := range problems {
		texts[i] = wrong.detail
		if at := strings.TrimPrefix(wrong.pointer, "/"); at != "" {
			texts[i] = at + ": " + wrong.detail
		}
	}
	return m.failure(c, http.StatusBadRequest, strings.Join(texts, "; "))
}

// limited is a 429: no rate limit is documented, so its form is assumed to be that
// of the other errors.
func (m *myreports) limited(c *call, rate rateVerdict) *response {
	body := m.errorBody(c, http.StatusTooManyRequests, http.StatusText(http.StatusTooManyRequests))
	if rate.form == RetryBody {
		body["retryAfter"] = seconds(max(0, rate.resets.Sub(c.now)))
	}
	resp := jsonAnswer(http.StatusTooManyRequests, myreportsJSON, body)
	rate.hint(resp.header, c.now)
	return resp
}
