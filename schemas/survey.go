package schemas

import (
	"math"
	"slices"
	"strconv"
)

// emptyKey stands for the empty key while a value is validated: the validator's
// locations leave empty keys out. It is a private-use character, which no key
// that is typed has.
const emptyKey = "\uE000"

// A survey goes through a value before the validator does, for what the
// validator can not bear.
type survey struct {
	foreign   []Violation // values that are none of YAML's
	emptyKeys bool
}

func (s *survey) visit(v any, path []string) {
	switch v := v.(type) {
	case nil, bool, int64, string:
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			s.report(path, "must be a finite number")
		}
	case []any:
		for i, item := range v {
			switch item.(type) {
			case nil, bool, int64, string:
				// Most items are; their path need not be made.
			default:
				s.visit(item, append(path, strconv.Itoa(i)))
			}
		}
	case map[string]any:
		for key, item := range v {
			if key == "" {
				s.emptyKeys = true
			}
			switch item.(type) {
			case nil, bool, int64, string:
			default:
				s.visit(item, append(path, key))
			}
		}
	default:
		s.report(path, "must be text, a number, true or false, a list, a mapping or null")
	}
}

func (s *survey) report(path []string, message string) {
	s.foreign = append(s.foreign, Violation{Path: slices.Clone(path), Message: message, Keyword: "type"})
}

// renameKeys copies a value with one key called otherwise.
func renameKeys(v any, from, to string) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = renameKeys(item, from, to)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			if key == from {
				key = to
			}
			m[key] = renameKeys(item, from, to)
		}
		return m
	default:
		return v
	}
}
