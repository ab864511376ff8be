// Package registry lists the vendors that rollcall knows: one line each.
package registry

import (
	"sync"

	"rollcall/providers"
	"rollcall/providers/intelagree"
	"rollcall/providers/mykaarma"
	"rollcall/providers/myreports"
	"rollcall/providers/partoo"
	"rollcall/providers/vendasta"
	"rollcall/sources"
)

// Kinds returns every kind, in the order in which they are shown. The list is
// made once; a Kind is never changed.
var Kinds = sync.OnceValue(func() []*providers.Kind {
	return []*providers.Kind{
		vendasta.Kind(),
		partoo.Kind(),
		mykaarma.Kind(),
		intelagree.Kind(),
		myreports.Kind(),
	}
})

// Kind returns the kind of that name, or nil.
func Kind(name string) *providers.Kind {
	for _, kind := range Kinds() {
		if kind.Name == name {
			return kind
		}
	}
	return nil
}

// Rules returns the rules of the kind of that name; those of an unknown kind are
// empty.
func Rules(name string) sources.Rules {
	if kind := Kind(name); kind != nil {
		return kind.Rules()
	}
	return sources.Rules{}
}
