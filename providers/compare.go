package providers

import (
	"maps"
	"reflect"

	"rollcall/sources"
)

// Equal reports whether two values of the attribute mean the same. Empty values
// are equal whatever their form.
func (a Attribute) Equal(x, y any) bool {
	return reflect.DeepEqual(a.normal(x), a.normal(y))
}

// Matches reports whether a live value is as wanted. Of an object only the wanted
// fields count: a vendor may fill in others.
func (a Attribute) Matches(live, wanted any) bool {
	fields, isObject := wanted.(map[string]any)
	if !isObject || a.Shape != sources.Object {
		return a.Equal(live, wanted)
	}
	has, _ := live.(map[string]any)
	for name, value := range fields {
		if !Empty(value) && !reflect.DeepEqual(sources.Normal(has[name]), sources.Normal(value)) {
			return false
		}
	}
	return true
}

func (a Attribute) normal(data any) any {
	if Empty(data) {
		return nil
	}
	if a.Normal != nil {
		data = a.Normal(data)
	}
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

// Takes reports whether the change from x to y takes something away: a member of
// a set, or a value.
func (a Attribute) Takes(x, y any) bool {
	if Empty(x) || a.Equal(x, y) {
		return false
	}
	before, isList := a.normal(x).([]any)
	after, _ := a.normal(y).([]any)
	if !isList {
		return true
	}
	for _, member := range before {
		if !contains(after, member) {
			return true
		}
	}
	return false
}

func contains(members []any, member any) bool {
	for _, other := range members {
		if reflect.DeepEqual(other, member) {
			return true
		}
	}
	return false
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
		person, known := sources.Value{}, false
		if a.Person != "" {
			person, known = access.Person.Values.Get(a.Person)
			if known && a.FromPerson != nil && person.Data != nil {
				person.Data = a.FromPerson(person.Data)
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
