package simulator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Patterns and limits of the users schema ([P]).
var (
	vendastaLocale  = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)
	vendastaRegion  = regexp.MustCompile(`^[A-Z]{2}-[\w]{1,3}$`)
	vendastaCountry = regexp.MustCompile(`^[A-Z]{2}$`)

	vendastaPhoneTypes = []string{"mobile", "work", "home", "fax", "pager"}

	// vendastaReadOnly are read-only ([P]), or seen in answers only ([G-SYNC]).
	// That writing one is an error is assumed: a sample of [G-BUS] sends
	// displayName, but the schema forbids it.
	vendastaReadOnly = []string{
		"displayName", "emailVerified", "emailSet", "profileImage", "createdAt", "updatedAt",
		"isPartnerUser", "isBusinessUser", "isBotUser", "isGuestUser", "isSelf", "phoneNumberSet",
	}
)

// vendastaFeatures is the enum of platformAccess ([P]).
var vendastaFeatures = func() []string {
	all := []string{
		"pc:access", "pc:canCustomizeWhitelabel", "pc:canAccessBilling", "pc:canManageSales",
		"pc:canManageAccounts", "pc:canManageTasks", "pc:canAccessBrands", "pc:canAccessMarketing",
		"pc:canAccessDashboard", "pc:canAccessOrders", "pc:canManageAdmins", "pc:canAccessMarketplace",
		"pc:canEnableApps", "pc:canAccessCompanyProfile", "pc:canAccessAutomations",
		"ssc:access", "ssc:manage", "tm:access", "tm:manage",
	}
	for _, object := range []string{"contacts", "companies", "custom_objects"} {
		for _, right := range []string{"write:own", "write:ownunowned", "write:all", "manage"} {
			all = append(all, "crm:"+object+":"+right)
		}
	}
	return all
}()

// vendastaChecker reads a body.
type vendastaChecker struct {
	checker
	patch bool
}

// attributes checks the attributes and returns them under their current names.
func (k *vendastaChecker) attributes(v any) map[string]any {
	const at = "/data/attributes"
	result := map[string]any{}
	if v == nil {
		return result // nullable, says the schema ([P])
	}
	names := []string{
		"email", "givenName", "familyName", "greetingName", "languageLocaleCode",
		"phoneNumbersSet", "phoneNumbers", "address", "timeZone",
	}
	m, _ := k.object(at, v, append(names, vendastaReadOnly...)...)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		value, pointer := m[name], at+"/"+name
		switch name {
		case "phoneNumbers":
			if list, ok := k.phones(pointer, value); ok {
				result[name] = list
			}
		case "address":
			if address, ok := k.address(pointer, value); ok {
				result[name] = address
			}
		case "phoneNumbersSet": // accepted as in [P]'s examples; it means nothing here
			if _, ok := value.(bool); !ok {
				k.wrong(pointer, "must be a boolean")
			}
		case "email", "givenName", "familyName", "greetingName", "languageLocaleCode", "timeZone":
			if s, ok := k.scalar(name, pointer, value); ok {
				result[name] = s
			}
		default:
			if slices.Contains(vendastaReadOnly, name) {
				k.wrong(pointer, "is read-only")
			}
		}
	}
	return result
}

func (k *vendastaChecker) scalar(name, pointer string, value any) (string, bool) {
	s, ok := k.text(pointer, value)
	if !ok {
		return "", false
	}
	if s == "" && k.patch { // clearing again
		k.wrong(pointer, "must not be empty")
		return "", false
	}
	switch name {
	case "email":
		ok = utf8.RuneCountInString(s) >= 5 && isEmail(s) // 5 is documented
	case "languageLocaleCode":
		ok = vendastaLocale.MatchString(s)
	case "timeZone": // an IANA name ([P]); no pattern is given, so none is checked
	default:
		ok = utf8.RuneCountInString(s) <= 50
	}
	if !ok {
		k.wrong(pointer, "does not have the documented format")
	}
	return s, ok
}

func (k *vendastaChecker) phones(pointer string, v any) ([]any, bool) {
	list, ok := v.([]any)
	if !ok {
		k.wrong(pointer, "must be an array")
		return nil, false
	}
	result := make([]any, 0, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s/%d", pointer, i)
		m, ok := k.object(at, item, "number", "typeCode")
		if !ok {
			continue
		}
		// Both members are required in an item ([P]).
		number, ok := k.text(at+"/number", m["number"])
		if ok && strings.TrimSpace(number) == "" {
			k.wrong(at+"/number", "must not be empty")
		}
		kind, ok := k.text(at+"/typeCode", m["typeCode"])
		if ok && !slices.Contains(vendastaPhoneTypes, kind) {
			k.wrong(at+"/typeCode", "must be one of %s", strings.Join(vendastaPhoneTypes, ", "))
		}
		result = append(result, map[string]any{"number": number, "typeCode": kind})
	}
	return result, true
}

// vendastaOldNames are deprecated and still in the schema ([P], used in [SEED]).
var vendastaOldNames = map[string]string{"streetAddress": "line1", "additionalAddress": "line2"}

// address returns the address under the current names. Both names of a field
// may be given with one value, as in [P]'s example; two values are refused
// (assumed). No least length is documented for the texts without a pattern, so
// that "" is let through for them.
func (k *vendastaChecker) address(pointer string, v any) (map[string]any, bool) {
	m, ok := k.object(pointer, v, "line1", "line2", "streetAddress", "additionalAddress",
		"city", "postalCode", "regionCode", "countryCode")
	if !ok {
		return nil, false
	}
	result := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		s, ok := k.text(pointer+"/"+name, m[name])
		if !ok {
			continue
		}
		if name == "regionCode" && !vendastaRegion.MatchString(s) || name == "countryCode" && !vendastaCountry.MatchString(s) {
			k.wrong(pointer+"/"+name, "does not have the documented format")
			continue
		}
		current := name
		if newer, ok := vendastaOldNames[name]; ok {
			current = newer
		}
		if other, given := result[current]; given && other != s {
			k.wrong(pointer+"/"+name, "contradicts the same field under its other name")
		}
		result[current] = s
	}
	return result, true
}

// list reads a to-many relationship's data, as a set.
func (k *vendastaChecker) list(pointer string, v any, kind string) []string {
	items, ok := v.([]any)
	if !ok {
		k.wrong(pointer, "must be an array")
		return nil
	}
	ids := []string{}
	for i, item := range items {
		at := fmt.Sprintf("%s/%d", pointer, i)
		id, ok := k.linkage(at, item, kind)
		switch {
		case !ok:
		case kind == "appFeatures" && !slices.Contains(vendastaFeatures, id):
			k.wrong(at+"/id", "is not a documented feature")
		case kind == "businessLocations" && !strings.HasPrefix(id, "AG-"):
			k.wrong(at+"/id", "must begin with AG-")
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	if kind == "appFeatures" {
		k.oneWriteScope(pointer, ids)
	}
	return ids
}

// linkage reads one {type, id}; no other members are allowed ([P]).
func (k *vendastaChecker) linkage(pointer string, v any, kind string) (string, bool) {
	m, ok := k.object(pointer, v, "type", "id")
	if !ok {
		return "", false
	}
	if m["type"] != kind {
		k.wrong(pointer+"/type", "must be %q", kind)
	}
	id, ok := m["id"].(string)
	if !ok || id == "" {
		k.wrong(pointer+"/id", "must be a string that is not empty")
		return "", false
	}
	return id, true
}

// oneWriteScope refuses two write scopes of one CRM object ([G-PARTNER]).
func (k *vendastaChecker) oneWriteScope(pointer string, ids []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		object, _, ok := strings.Cut(id, ":write:")
		if !ok {
			continue
		}
		if seen[object] {
			k.wrong(pointer, "has more than one write scope for %s", object)
		}
		seen[object] = true
	}
}
