package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// The texts of Azure API Management, which the header of the subscription key
// shows to stand in front. That they are unchanged there is INFERRED from the
// product; IntelAgree documents no error.
const (
	intelagreeNoKey   = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API."
	intelagreeBadKey  = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
	intelagreeNothing = "Resource not found"
	intelagreeTooMany = "Rate limit is exceeded."
)

// intelagreeNobody is said of a business key that nobody has, assumed.
const intelagreeNobody = "there is no user with this business key"

// gateway is an error of what stands in front, in its form (INFERRED).
func (a *intelagree) gateway(c *call, status int, message string) *response {
	return jsonAnswer(status, intelagreeJSON, map[string]any{"statusCode": status, "message": message + c.echo()})
}

// nothing is what the gateway says of an operation that is not there (INFERRED).
// An operation is a method and a path, so that a method too many is a 404 and
// no 405.
func (a *intelagree) nothing(c *call) *response {
	return a.gateway(c, http.StatusNotFound, intelagreeNothing)
}

// failure is an error of IntelAgree's own. None is documented; assumed is an
// object with a message, as the gateway's is, without its statusCode.
func (a *intelagree) failure(c *call, status int, detail string) *response {
	return jsonAnswer(status, intelagreeJSON, map[string]any{"message": detail + c.echo()})
}

// refuse is the answer to a body that is not as documented: a 400, assumed.
func (a *intelagree) refuse(c *call, problems ...problem) *response {
	const most = 20
	if len(problems) > most {
		problems = problems[:most]
	}
	said := make([]string, len(problems))
	for i, wrong := range problems {
		said[i] = wrong.detail
		if field := strings.TrimPrefix(wrong.pointer, "/"); field != "" {
			said[i] = field + " " + wrong.detail
		}
	}
	return a.failure(c, http.StatusBadRequest, strings.Join(said, "; "))
}

// duplicate is the answer to an email or a business key that somebody else has
// than the user, if there is one yet. No rule of either is documented; assumed is
// that each is one user's, and a 400: people are told apart by the email, and keys
// are there to "identify the user" (DOC S003).
func (a *intelagree) duplicate(c *call, u *intelagreeUser, email string) *response {
	for _, other := range a.records.byKey(strings.ToLower(email)) {
		if u == nil || other.id != u.id {
			return a.refuse(c, problem{"/email", "is another user's"})
		}
	}
	return a.refuse(c, problem{"/businessKeys", "have one that is another user's"})
}

// limited is the gateway's 429 (INFERRED), with Retry-After in seconds.
func (a *intelagree) limited(c *call, rate rateVerdict) *response {
	message := intelagreeTooMany
	wait := seconds(max(0, rate.resets.Sub(c.now)))
	if rate.form == "" || rate.form == RetrySeconds {
		message += fmt.Sprintf(" Try again in %d seconds.", wait)
	}
	body := map[string]any{"statusCode": http.StatusTooManyRequests, "message": message + c.echo()}
	if rate.form == RetryBody {
		body["retryAfter"] = wait
	}
	resp := jsonAnswer(http.StatusTooManyRequests, intelagreeJSON, body)
	rate.hint(resp.header, c.now)
	return resp
}
