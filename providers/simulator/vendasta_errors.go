package simulator

import (
	"net/http"
	"strconv"
)

// Error codes. The first two are documented with status 422 ([G-INTRO]); the
// others stand in [UNMERGED-DOC] only, or are assumed.
const (
	vendastaBadBody  = "MalformedRequestBody"
	vendastaBadQuery = "QueryParameterBadValue"
)

// vendastaCodes holds the codes and titles by status.
var vendastaCodes = map[int][2]string{
	http.StatusUnauthorized:          {"Unauthorized", "Unauthorized"},                   // [UNMERGED-DOC]
	http.StatusForbidden:             {"Forbidden", "Forbidden"},                         // [UNMERGED-DOC]
	http.StatusNotFound:              {"NotFound", "Not found"},                          // [UNMERGED-DOC]
	http.StatusMethodNotAllowed:      {"MethodNotAllowed", "Method not allowed"},         // assumed
	http.StatusUnsupportedMediaType:  {"UnsupportedMediaType", "Unsupported media type"}, // assumed
	http.StatusRequestEntityTooLarge: {"RequestTooLarge", "Request too large"},           // assumed
}

// failure is an error in the documented form ([G-INTRO], [CM]).
func (v *vendasta) failure(c *call, status int, detail string) *response {
	names, ok := vendastaCodes[status]
	if !ok {
		names = [2]string{"Error" + strconv.Itoa(status), http.StatusText(status)}
	}
	if c.op == Token {
		return oauthError(c, status, "server_error", detail)
	}
	return v.errors(c, status, vendastaError(c, status, names[0], names[1], detail))
}

func (v *vendasta) errors(_ *call, status int, list ...map[string]any) *response {
	if len(list) > 1 {
		// The status of several errors is grouped; each has its own ([CM]).
		status = status / 100 * 100
	}
	return vendastaJSON(status, map[string]any{"errors": list})
}

func vendastaError(c *call, status int, code, title, detail string) map[string]any {
	echo := c.echo()
	return map[string]any{
		"id":     c.id,
		"status": strconv.Itoa(status), // text, says the documentation ([G-INTRO])
		"code":   code,
		"title":  title + echo,
		"detail": detail + echo,
		"links": map[string]any{"about": map[string]any{
			"href": "https://prod.apigateway.co/docs/errorTypes/" + code,
		}},
	}
}

// badBody lists what is wrong with a body. That each violation of the schema is
// a MalformedRequestBody is assumed; so is the pointer ([UNMERGED-DOC]).
func (v *vendasta) badBody(c *call, problems []problem) *response {
	const most = 20
	if len(problems) > most {
		problems = problems[:most]
	}
	list := make([]map[string]any, len(problems))
	for i, p := range problems {
		list[i] = vendastaError(c, http.StatusUnprocessableEntity, vendastaBadBody, "Malformed request body", p.detail)
		list[i]["source"] = map[string]any{"pointer": p.pointer}
	}
	return v.errors(c, http.StatusUnprocessableEntity, list...)
}

// badQuery is the documented error for a query parameter ([G-INTRO]).
func (v *vendasta) badQuery(c *call, name, value, detail string) *response {
	e := vendastaError(c, http.StatusUnprocessableEntity, vendastaBadQuery, "Bad query parameter", detail)
	e["source"] = map[string]any{"parameter": name}
	e["meta"] = map[string]any{"param": name, "paramValue": value}
	return v.errors(c, http.StatusUnprocessableEntity, e)
}

func (v *vendasta) noUser(c *call) *response {
	return v.failure(c, http.StatusNotFound, "there is no user with this id")
}

// duplicate is the answer to an email that the partner has already. An error is
// promised ([SEED], [G-PARTNER]) and none described; assumed is the one of the
// sibling resource business/customers, which has no code and spells its text
// "details" ([G-CUST]).
func (v *vendasta) duplicate(c *call, email string) *response {
	echo := c.echo()
	return vendastaJSON(http.StatusConflict, map[string]any{
		"errors": []any{map[string]any{
			"status":  strconv.Itoa(http.StatusConflict),
			"title":   "Already exists" + echo,
			"details": "another user of the partner has this email" + echo,
			"meta":    map[string]any{"resourceType": "users", "field": "email", "fieldValue": email},
		}},
		"meta":  map[string]any{"requestId": c.id},
		"links": map[string]any{"self": map[string]any{"href": c.root() + c.path}},
	})
}
