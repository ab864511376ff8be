package providers

import (
	"maps"
	"math"
	"reflect"
	"slices"

	"rollcall/sources"
)

// Equal reports whether two values of the attribute mean the same. Empty values
// are equal whatever their form.
func (a Attribute) Equal(x, y any) bool {
	return reflect.DeepEqual(a.normal(x), a.normal(y))
}

// Matches reports whether a live value is as wanted. Of an object only the wanted
// fields count, a wanted nil being one that is to be empty: a vendor may fill in
// others.
func (a Attribute) Matches(live, wanted any) bool {
	fields, isObject := wanted.(map[string]any)
	if !isObject || a.Shape != sources.Object {
		return a.Equal(live, wanted)
	}
	has, _ := a.normal(live).(map[string]any)
	want, _ := a.normal(wanted).(map[string]any)
	for name, value := range fields {
		switch {
		case Empty(value) && !Empty(has[name]), !Empty(value) && !reflect.DeepEqual(has[name], want[name]):
			return false
		}
	}
	return true
}

func (a Attribute) normal(data any) any {
	if Empty(data) {
		data = a.Default
	}
	if data == nil {
		return nil
	}
	if a.Normal != nil {
		data = a.Normal(data)
	}
	data = integers(data)
	switch a.Shape {
	case sources.Set, sources.SetOfSets, sources.Object:
		data = sources.Normal(data)
	case sources.Scalar:
	}
	if Empty(data) {
		return nil
	}
	return data
}

// integers turns whole floats, as encoding/json reads them, into the integers that
// a roster holds, at any depth.
func integers(data any) any {
	const exact = 1 << 53
	switch v := data.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= exact {
			return int64(v)
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = integers(item)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, item := range v {
			object[name] = integers(item)
		}
		return object
	default:
		return data
	}
}

// Takes reports whether the change from x to y takes something away: a member of
// a set, a field of an object, or a value. A value that becomes another one is
// taken.
func (a Attribute) Takes(x, y any) bool {
	if Empty(x) || a.Equal(x, y) {
		return false
	}
	switch before := a.normal(x).(type) {
	case []any:
		after, _ := a.normal(y).([]any)
		return slices.ContainsFunc(before, func(member any) bool { return !contains(after, member) })
	case map[string]any:
		after, _ := a.normal(y).(map[string]any)
		for name, value := range before {
			if !Empty(value) && !reflect.DeepEqual(after[name], value) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

func contains(members []any, member any) bool {
	return slices.ContainsFunc(members, func(other any) bool { return reflect.DeepEqual(other, member) })
}

// A Wanted value is what the roster wants of one attribute at a provider.
type Wanted struct {
	Attribute Attribute
	Data      any // nil: to be cleared
	Origins   []sources.Origin
}

// Wants translates effective access into the vendor's attributes, in the order
// in which the kind declares them: what the access states, else what the person's
// entry states. Attributes that the roster does not state are not among them.
func (k *Kind) Wants(access *sources.Access) []Wanted {
	var wanted []Wanted
	for _, a := range k.Attributes {
		if a.Mode == ReadOnly {
			continue
		}
		own, stated := access.Values.Get(a.Name)
		if other, refers := access.References[a.Name]; stated && refers && a.FromReference != nil {
			own.Data = a.FromReference(other)
		} else if stated && a.FromBlock != nil {
			own.Data = a.FromBlock(own.Data)
		}
		person, known := sources.Value{}, false
		if a.Person != "" {
			person, known = access.Person.Values.Get(a.Person)
			if known && a.FromPerson != nil && !Empty(person.Data) {
				person.Data = a.FromPerson(person.Data)
				known = person.Data != nil
			}
		}
		switch {
		case stated && known && a.Shape == sources.Object:
			wanted = append(wanted, overlay(a, person, own))
		case stated:
			wanted = append(wanted, Wanted{Attribute: a, Data: own.Data, Origins: own.Origins})
		case known:
			wanted = append(wanted, Wanted{Attribute: a, Data: person.Data, Origins: person.Origins})
		}
	}
	return wanted
}

// Drafts is what a create sends: what is wanted and, where the roster states nothing
// of it, what stands in.
func (k *Kind) Drafts(access *sources.Access) []Wanted {
	wanted := k.Wants(access)
	for _, a := range k.Attributes {
		if a.Fallback == nil || slices.ContainsFunc(wanted, func(w Wanted) bool { return w.Attribute.Name == a.Name }) {
			continue
		}
		if data := a.Fallback(access.Person.Values); !Empty(data) {
			wanted = append(wanted, Wanted{Attribute: a, Data: data, Origins: []sources.Origin{access.Person.Origin}})
		}
	}
	return wanted
}

// overlay lays the fields of the access over those of the person.
func overlay(a Attribute, person, own sources.Value) Wanted {
	below, isMap := person.Data.(map[string]any)
	above, ok := own.Data.(map[string]any)
	if !isMap || !ok {
		return Wanted{Attribute: a, Data: own.Data, Origins: own.Origins}
	}
	fields := maps.Clone(below)
	maps.Copy(fields, above)
	origins := append(append([]sources.Origin{}, own.Origins...), person.Origins...)
	return Wanted{Attribute: a, Data: fields, Origins: origins}
}
