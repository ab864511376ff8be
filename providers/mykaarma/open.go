package mykaarma

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"rollcall/providers"
	"rollcall/providers/internal/rest"
)

// Names of the paths that can be configured.
const (
	listUsers        = "listUsers"
	updateUser       = "updateUser"
	dealerAssociates = "dealerAssociates"
	updateAssociate  = "updateDealerAssociate"
)

// defaultPaths are the paths of calls of which the vendor's texts do not give the whole
// path. That of dealerAssociates is in the vendor's sample code ([GH]), below a base
// that is configured there; that of the list is inferred from a sibling ([TPL]); those
// of the updates are assumed.
var defaultPaths = map[string]string{
	listUsers:        "/manage/v2/dealer/{dealerUUID}/users",
	updateUser:       "/manage/v2/user/partner/{userUUID}",
	dealerAssociates: "/manage/v2/department/dealerAssociate/list",
	updateAssociate:  "/manage/v2/department/{departmentUUID}/user/{userUUID}/dealerAssociate",
}

// Paths that are documented: [SEED], [ROLE].
const (
	createUser = "/manage/v2/user/partner"
	changeRole = "/manage/v2/department/{departmentUUID}/user/{userUUID}/roleName/{roleName}"
)

// maxList bounds an answer: that with all users of a dealer is one.
const maxList = 64 << 20

// open connects with a user name and a password ([AUTH]).
func open(_ context.Context, settings providers.Settings) (*providers.Connection, error) {
	config := settings.Config
	authenticator, err := rest.Basic(settings.Auth["username"], settings.Auth["password"], settings.Secrets)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", config.Auth["username"], config.Auth["password"], err)
	}
	kind, _ := Kind().Configure(config)
	p := make(paths, len(defaultPaths))
	for name, preset := range defaultPaths {
		p[name] = cmp.Or(config.Tables[pathsSetting][name], preset)
		if _, unknown := fill(p[name], map[string]string{"dealerUUID": "x", "departmentUUID": "x", "userUUID": "x"}); unknown != "" {
			return nil, fmt.Errorf("paths.%s of %s (%s): {%s} is nothing that rollcall can fill in", name, config.Name, config.Origin, unknown)
		}
	}
	if config.Assumes("suspend") && len(config.Lists[departmentsSetting]) == 0 {
		return nil, fmt.Errorf("departments of %s (%s): assume: [suspend] needs them", config.Name, config.Origin)
	}
	options := settings.Options()
	options.Authenticator, options.ErrorCode, options.RequestID, options.MaxBody = authenticator, errorCode, requestID, maxList
	client, err := rest.New(options)
	if err != nil {
		return nil, err
	}
	r := reader{
		rest: client.Reader(), paths: p, dealer: config.Settings[dealerUUID], departments: config.Lists[departmentsSetting],
		roles: roleNames(config), explains: providers.Explain(config, forbidden),
	}
	w := writer{client: client, reader: r, replaces: config.Settings[updateSetting] != merge, cannot: kind.Cannot}
	if kind.Cannot("update") != "" && kind.Cannot("suspend") != "" && len(r.roles) == 0 {
		return providers.NewConnection(client, settings, r, creator{w}), nil
	}
	return providers.NewConnection(client, settings, r, w), nil
}

// paths are the templates of paths by their names.
type paths map[string]string

// at is a path with its ids.
func (p paths) at(name string, ids map[string]string) string {
	path, _ := fill(p[name], ids)
	return path
}

// fill puts ids in the places that a template has for them. unknown names a place that
// has none; the path is not complete then.
func fill(template string, ids map[string]string) (path, unknown string) {
	var values []string
	for rest := template; ; {
		_, after, found := strings.Cut(rest, "{")
		name, next, closed := strings.Cut(after, "}")
		if !found || !closed {
			break
		}
		value, known := ids[name]
		if !known {
			return "", name
		}
		values = append(values, value)
		rest = next
	}
	return rest.Path(template, values...), ""
}
