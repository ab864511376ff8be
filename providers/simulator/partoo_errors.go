package simulator

import (
	"net/http"
	"strings"
)

// partooErrors holds the member of the error body that says it and the text, by
// status (DOC S001, DOC-OLD, P-ERR).
var partooErrors = map[int][2]string{
	http.StatusUnauthorized:         {"authentication", "User not authenticated"},
	http.StatusForbidden:            {"authorization", "Operation not allowed"},
	http.StatusNotFound:             {"json", "Resource not found"},
	http.StatusUnsupportedMediaType: {"json", "Unsupported media type, send " + partooJSON},
}

// failure is an error in the documented form. The text is the documented one
// where there is one. For any other status nothing is documented; assumed is the
// member json with a text, as of 404 and 415.
func (p *partoo) failure(c *call, status int, detail string) *response {
	said, ok := partooErrors[status]
	if !ok {
		said = [2]string{"json", detail}
	}
	return p.errors(c, status, said[0], said[1]+c.echo())
}

func (p *partoo) errors(c *call, status int, member string, what any) *response {
	name := "errors"
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		if c.ch.SingularError {
			c.fired("singular-error")
		}
		if c.ch.SingularError || p.options.Partoo.SingularError {
			name = "error"
		}
	}
	return jsonAnswer(status, partooJSON, map[string]any{name: map[string]any{member: what}})
}

// refuse is the documented 400, whose json is an object (DOC S001). What stands
// in it is not documented; assumed is a list of texts for each field.
func (p *partoo) refuse(c *call, problems ...problem) *response {
	const most = 20
	if len(problems) > most {
		problems = problems[:most]
	}
	echo := c.echo()
	fields := map[string][]string{}
	for _, wrong := range problems {
		field, rest, deeper := strings.Cut(strings.TrimPrefix(wrong.pointer, "/"), "/")
		if field == "" {
			field = "_schema"
		}
		detail := wrong.detail
		if deeper {
			detail = rest + ": " + detail
		}
		fields[field] = append(fields[field], detail+echo)
	}
	return p.errors(c, http.StatusBadRequest, "json", fields)
}

// duplicate is the answer to an email that somebody has already. The text in S001
// is garbled and names no code; assumed is a 400 that names the field.
func (p *partoo) duplicate(c *call) *response {
	return p.refuse(c, problem{"/email", "another user has this email"})
}

// limited is a 429 with Retry-After in seconds (DOC P-RATE). No body is
// documented; assumed is that of the other errors.
func (p *partoo) limited(c *call, rate rateVerdict) *response {
	body := map[string]any{"errors": map[string]any{"json": "Too many requests" + c.echo()}}
	if rate.form == RetryBody {
		body["retryAfter"] = seconds(max(0, rate.resets.Sub(c.now)))
	}
	resp := jsonAnswer(http.StatusTooManyRequests, partooJSON, body)
	rate.hint(resp.header, c.now)
	return resp
}
