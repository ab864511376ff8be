package sources

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A conflict is two contributions that state one single value differently.
type conflict struct {
	attribute string
	field     string // of an object; empty when it is the whole value
	a, b      Value
}

// String names what the conflict is about.
func (c conflict) String() string {
	if c.field != "" {
		return c.attribute + "." + c.field
	}
	return c.attribute
}

// opponent is the value of the first team that does not agree with c.b. What was
// merged until then may come from others, for other fields of an object.
func (c conflict) opponent(blocks []*Block) Value {
	for _, block := range blocks {
		v, stated := block.Values.Get(c.attribute)
		if !stated {
			continue
		}
		if c.field == "" {
			if !reflect.DeepEqual(v.Data, c.b.Data) {
				return v
			}
			continue
		}
		x, _ := v.Data.(map[string]any)
		y, _ := c.b.Data.(map[string]any)
		if field, has := x[c.field]; has && !reflect.DeepEqual(field, y[c.field]) {
			return v
		}
	}
	return c.a
}

// settledBy reports whether the person's own value decides the conflict.
func (c conflict) settledBy(own Value) bool {
	if c.attribute != own.Name {
		return false
	}
	fields, isObject := own.Data.(map[string]any)
	if !isObject || c.field == "" {
		return true
	}
	_, stated := fields[c.field]
	return stated
}

// merge unites the contributions to one person's access at one provider: sets
// unite, objects unite field by field, and for a single value his own block wins
// over his teams'. Teams that disagree are conflicts, unless his own block settles
// it. Contributions come in an order that does not depend on the order of the
// files.
func merge(blocks []*Block, rules Rules) (Values, []conflict) {
	var merged Values
	var conflicts []conflict
	for _, own := range []bool{false, true} {
		for _, block := range blocks {
			if (block.team == "") != own {
				continue
			}
			for _, v := range block.Values {
				if own {
					conflicts = slices.DeleteFunc(conflicts, func(c conflict) bool { return c.settledBy(v) })
				}
				present, stated := merged.Get(v.Name)
				if !stated {
					merged = merged.set(copyValue(v))
					continue
				}
				united, clashes := unite(present, v, rules.Shapes[v.Name], own)
				for _, clash := range clashes {
					clash.a = clash.opponent(blocks)
					conflicts = append(conflicts, clash)
				}
				merged = merged.set(united)
			}
		}
	}
	return merged, conflicts
}

func copyValue(v Value) Value {
	v.Origins = slices.Clone(v.Origins)
	if object, is := v.Data.(map[string]any); is {
		v.Data = maps.Clone(object)
	}
	return v
}

// unite combines a value that earlier contributions gave with one more.
func unite(a, b Value, shape Shape, own bool) (Value, []conflict) {
	switch shape {
	case Set, SetOfSets:
		if a.Data == nil && b.Data == nil {
			return Value{Name: a.Name, Origins: append(a.Origins, b.Origins...)}, nil
		}
		x, xList := a.Data.([]any)
		y, yList := b.Data.([]any)
		if xList && yList {
			return Value{Name: a.Name, Data: unionOf(x, y), Origins: append(a.Origins, b.Origins...)}, nil
		}
		// One of them is null: nothing is to be granted by it, so the other counts.
		if xList {
			return a, nil
		}
		return copyValue(b), nil
	case Object:
		x, xMap := a.Data.(map[string]any)
		y, yMap := b.Data.(map[string]any)
		if xMap && yMap {
			return uniteObjects(a, b, x, y, own)
		}
	case Scalar:
	}
	if own {
		return copyValue(b), nil
	}
	if !reflect.DeepEqual(a.Data, b.Data) {
		return a, []conflict{{attribute: a.Name, a: a, b: b}}
	}
	return Value{Name: a.Name, Data: a.Data, Origins: append(a.Origins, b.Origins...)}, nil
}

func uniteObjects(a, b Value, x, y map[string]any, own bool) (Value, []conflict) {
	united := maps.Clone(x)
	var clashes []conflict
	for _, field := range slices.Sorted(maps.Keys(y)) {
		if old, stated := united[field]; stated && !own && !reflect.DeepEqual(old, y[field]) {
			clashes = append(clashes, conflict{attribute: a.Name, field: field, a: a, b: b})
			continue
		}
		united[field] = y[field]
	}
	return Value{Name: a.Name, Data: united, Origins: append(a.Origins, b.Origins...)}, clashes
}

func unionOf(x, y []any) []any {
	united := slices.Clone(x)
	for _, item := range y {
		if !slices.ContainsFunc(united, func(other any) bool { return reflect.DeepEqual(other, item) }) {
			united = append(united, item)
		}
	}
	return united
}

// describe names a contribution for a message.
func describe(o Origin) string {
	if o.Team != "" {
		return fmt.Sprintf("team %s at %s", o.Team, o)
	}
	return fmt.Sprintf("his own block at %s", o)
}

func describeAll(blocks []*Block) string {
	parts := make([]string, len(blocks))
	for i, b := range blocks {
		parts[i] = describe(b.origin)
	}
	return strings.Join(parts, " and ")
}
