package simulator

import (
	"reflect"
	"unicode"
)

// hide leaves out what chaos names. At Vendasta fields that a token may not see
// are left blank or omitted ([G-USERS]), and a relationship without data has been
// seen ([G-SYNC]); for a vendor without relationships they are nil.
func hide(c *call, names []string, attributes, relationships map[string]any) {
	for _, name := range names {
		if value, ok := attributes[name]; ok {
			if c.ch.Blank {
				attributes[name] = blank(value)
			} else {
				delete(attributes, name)
			}
			c.fired("hidden")
		}
		if r, ok := relationships[name].(map[string]any); ok {
			if _, shown := r["data"]; shown {
				delete(r, "data")
				c.fired("hidden")
			}
		}
	}
}

// blank is the value as if it were unset.
func blank(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return false
	case int64:
		return int64(0)
	case []any:
		return []any{}
	case map[string]any:
		m := map[string]any{}
		for key, item := range v {
			m[key] = blank(item)
		}
		return m
	default:
		return ""
	}
}

// differently applies [Chaos.StoreDifferently] to one value and says whether
// that made another one. What can not be read as a value of that name is not
// stored.
func (s *chaosState) differently(name string, value any, read func(node) (any, error)) (any, bool) {
	f := s.StoreDifferently[name]
	if f == nil {
		return value, false
	}
	copied, err := plain(f(value), 0)
	if err != nil {
		return value, false
	}
	other, err := read(node{v: copied})
	if err != nil || reflect.DeepEqual(other, value) {
		return value, false
	}
	return other, true
}

// otherCase changes the case of the first letter that has one.
func otherCase(s string) string {
	for i, r := range s {
		if up := unicode.ToUpper(r); up != r {
			return s[:i] + string(up) + s[i+len(string(r)):]
		}
		if low := unicode.ToLower(r); low != r {
			return s[:i] + string(low) + s[i+len(string(r)):]
		}
	}
	return s
}
