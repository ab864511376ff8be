package providertest

import (
	"encoding/json"
	"strings"

	"github.com/google/go-cmp/cmp"

	"rollcall/sources"
)

// set puts a value at a dotted path, making the objects on the way.
func set(record map[string]any, place string, value any) {
	first, rest, deeper := strings.Cut(place, ".")
	if !deeper {
		record[first] = value
		return
	}
	below, _ := record[first].(map[string]any)
	if below == nil {
		below = make(map[string]any)
	}
	record[first] = below
	set(below, rest, value)
}

// unset takes away what stands at a dotted path.
func unset(record map[string]any, place string) {
	first, rest, deeper := strings.Cut(place, ".")
	if !deeper {
		delete(record, first)
		return
	}
	if below, is := record[first].(map[string]any); is {
		unset(below, rest)
	}
}

// with is a copy of a record that has what is given at each place.
func with(record map[string]any, places map[string]any) map[string]any {
	copied, _ := plain(record).(map[string]any)
	for place, value := range places {
		set(copied, place, plain(value))
	}
	return copied
}

// plain is a value in the types of JSON, so that it compares whatever types it was
// made of, and nobody else holds a part of it.
func plain(value any) any {
	text, err := json.Marshal(value)
	var out any
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic("providertest: a record is no JSON: " + err.Error())
	}
	return out
}

// settled is a record as it is compared: without its id, what the vendor sets as
// it likes and what is not set, its lists in one order.
func (b *bench) settled(record map[string]any) map[string]any {
	copied := with(record, nil)
	for _, place := range append([]string{"id"}, b.Volatile...) {
		unset(copied, place)
	}
	return sources.Normal(bare(copied)).(map[string]any)
}

// bare drops what is not set: null, "", [], {} and false say as much as a place
// that is not there.
func bare(value any) any {
	object, is := value.(map[string]any)
	if !is {
		return value
	}
	kept := make(map[string]any)
	for name, item := range object {
		item = bare(item)
		switch v := item.(type) {
		case nil:
			continue
		case string:
			if v == "" {
				continue
			}
		case bool:
			if !v {
				continue
			}
		case []any:
			if len(v) == 0 {
				continue
			}
		case map[string]any:
			if len(v) == 0 {
				continue
			}
		}
		kept[name] = item
	}
	return kept
}

// records are all records of the vendor by id, as they are compared.
func (b *bench) records() map[string]map[string]any {
	all := make(map[string]map[string]any)
	for _, u := range b.world.Users(b.Kind.Name) {
		all[u.ID] = b.settled(u.Data)
	}
	return all
}

// unchanged fails unless the vendor has the records that it had.
func (b *bench) unchanged(before map[string]map[string]any) {
	b.Helper()
	if diff := cmp.Diff(before, b.records()); diff != "" {
		b.Errorf("what the vendor has is not what it had:\n%s", diff)
	}
}

// changed fails unless the records are those before, but for what is given at the
// places of one of them.
func (b *bench) changed(before map[string]map[string]any, id string, places map[string]any) {
	b.Helper()
	want := make(map[string]map[string]any, len(before))
	for other, record := range before {
		want[other] = record
	}
	want[id] = b.settled(with(before[id], places))
	if diff := cmp.Diff(want, b.records()); diff != "" {
		b.Errorf("what the vendor has is not what was asked for:\n%s", diff)
	}
}
