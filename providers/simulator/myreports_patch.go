package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// myreportsOperation is one operation of a patch, on one field.
type myreportsOperation struct {
	field string
	// apply changes the user, or says what is wrong.
	apply func(u *myreportsUser) string
}

// update applies a JSON Patch, all of it or nothing (RFC 6902), and answers without
// the user (DOC M-PATCH). That a patch may be empty is assumed.
func (m *myreports) update(c *call, id string) *response {
	k := &checker{}
	operations := myreportsPatch(k, c.body)
	if len(k.problems) > 0 {
		return m.refuse(c, k.problems...)
	}
	wrong := ""
	var faults []string
	_, did := m.records.change(id, func(u *myreportsUser) {
		next := u.copy()
		var fields []string
		for _, o := range operations {
			if wrong = o.apply(next); wrong != "" {
				return
			}
			fields = append(fields, o.field)
		}
		slices.Sort(fields)
		faults = next.keep(c, slices.Compact(fields)...)
		*u = *next
	})
	switch {
	case did != done:
		return m.notFound(c)
	case wrong != "":
		return m.refuse(c, problem{"", wrong})
	}
	c.changed()
	for _, name := range faults {
		c.fired(name)
	}
	return m.answer(c, http.StatusOK, map[string]any{})
}

func myreportsPatch(k *checker, body []byte) (operations []myreportsOperation) {
	decoded, ok := k.decode(body)
	if !ok {
		return nil
	}
	_, _ = k.list("", decoded, func(at string, item any) (any, bool) {
		if given, ok := k.object(at, item, "op", "path", "value"); ok {
			operations = append(operations, k.myreportsOperation(at, given))
		}
		return item, true
	})
	return operations
}

// myreportsRoleAt is the path of one role by its place.
var myreportsRoleAt = regexp.MustCompile(`^/roles/(0|[1-9][0-9]{0,8})$`)

// myreportsOperation reads one operation. Documented are replacing the displayName,
// and all roles at once, where what is not listed is gone (DOC M-PATCH); inferred are
// the path of the latter, adding one role (DOC M-CUSTUSR) and removing one by its
// place (RFC 6902). Anything else is refused, as the email is: not documented,
// assumed. A role that the user has already is added without a word, assumed.
func (k *checker) myreportsOperation(at string, given map[string]any) myreportsOperation {
	op, named := k.text(at+"/op", given["op"])
	path, placed := k.text(at+"/path", given["path"])
	if !named || !placed {
		return myreportsOperation{}
	}
	value, valued := given["value"]
	at += "/value"
	place := myreportsRoleAt.FindStringSubmatch(path)
	switch {
	case op == "replace" && path == "/displayName":
		name := k.myreportsName(at, value)
		return myreportsOperation{"displayName", func(u *myreportsUser) string {
			u.displayName = name
			return ""
		}}
	case op == "replace" && path == "/roles":
		roles := k.myreportsRoles(at, value)
		return myreportsOperation{"roles", func(u *myreportsUser) string {
			u.roles = roles
			return ""
		}}
	case op == "add" && path == "/roles/-":
		role := k.myreportsRole(at, value)
		return myreportsOperation{"roles", func(u *myreportsUser) string {
			if !slices.Contains(u.roles, role) {
				u.roles = append(slices.Clone(u.roles), role)
			}
			return ""
		}}
	case op == "remove" && place != nil:
		if valued { // that it is refused is assumed
			k.wrong(at, "is not for this operation")
		}
		i, _ := strconv.Atoi(place[1]) // nine digits are a number
		return myreportsOperation{"roles", func(u *myreportsUser) string {
			if i >= len(u.roles) {
				return fmt.Sprintf("The index value provided by path segment '%d' is out of bounds.", i)
			}
			u.roles = slices.Delete(slices.Clone(u.roles), i, i+1)
			return ""
		}}
	default:
		k.noTarget(op, path)
		return myreportsOperation{}
	}
}

// noTarget is the error for what can not be patched, or not so: its message names
// the segment of the path (DOC M-PATCH). The words are assumed.
func (k *checker) noTarget(op, path string) {
	segment := path[strings.LastIndexByte(path, '/')+1:]
	k.wrong("", "The target location specified by path segment '%s' was not found for the operation '%s'.", segment, op)
}
