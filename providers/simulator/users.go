package simulator

import "fmt"

// User is a user record as it stands at a vendor, for tests that look at
// effects or play somebody else at the vendor. It is a copy.
type User struct {
	ID    string
	Email string
	// Data is the record in the form of the state file.
	Data map[string]any
}

// Users returns all users of a vendor, oldest first, none for an unknown kind.
func (w *World) Users(kind string) []User {
	h, err := w.host(kind)
	if err != nil {
		return nil
	}
	return h.vendor.list()
}

// User returns one user by id.
func (w *World) User(kind, id string) (User, bool) {
	h, err := w.host(kind)
	if err != nil {
		return User{}, false
	}
	return h.vendor.find(id)
}

// Add makes a user at the vendor behind rollcall's back and returns its id,
// which data may give. Searches show it at once. Unlike a request it may break
// the vendor's rules, such as that of one user an email, but not its types. It
// is not counted.
func (w *World) Add(kind string, data map[string]any) (id string, err error) {
	h, err := w.host(kind)
	if err != nil {
		return "", err
	}
	if given, ok := data["id"].(string); ok {
		if _, exists := w.User(kind, given); exists {
			return "", fmt.Errorf("%s has a user %s already", kind, given)
		}
	}
	id, err = h.vendor.put(data, w.options.Clock())
	if err == nil {
		w.changed()
	}
	return id, err
}

// Edit changes a user behind rollcall's back: f works on a copy of the record,
// in the form of the state file, which then replaces it. What a request changes
// meanwhile is overwritten.
func (w *World) Edit(kind, id string, f func(data map[string]any)) error {
	h, err := w.host(kind)
	if err != nil {
		return err
	}
	u, ok := w.User(kind, id)
	if !ok {
		return fmt.Errorf("%s has no user %s", kind, id)
	}
	f(u.Data)
	u.Data["id"] = id
	_, err = h.vendor.put(u.Data, w.options.Clock())
	if err == nil {
		w.changed()
	}
	return err
}

// Remove deletes a user behind rollcall's back and says whether it was there.
func (w *World) Remove(kind, id string) bool {
	h, err := w.host(kind)
	if err != nil || !h.vendor.drop(id) {
		return false
	}
	w.changed()
	return true
}
