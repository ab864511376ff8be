package vendasta

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/providers"
)

const (
	second = time.Second
	hour   = time.Hour
)

// features are the ids of platformAccess that [P] lists. Others are let through.
var features = []string{
	"pc:access", "pc:canCustomizeWhitelabel", "pc:canAccessBilling", "pc:canManageSales", "pc:canManageAccounts",
	"pc:canManageTasks", "pc:canAccessBrands", "pc:canAccessMarketing", "pc:canAccessDashboard", "pc:canAccessOrders",
	"pc:canManageAdmins", "pc:canAccessMarketplace", "pc:canEnableApps", "pc:canAccessCompanyProfile", "pc:canAccessAutomations",
	"ssc:access", "ssc:manage", "tm:access", "tm:manage",
	"crm:contacts:write:own", "crm:contacts:write:ownunowned", "crm:contacts:write:all", "crm:contacts:manage",
	"crm:companies:write:own", "crm:companies:write:ownunowned", "crm:companies:write:all", "crm:companies:manage",
	"crm:custom_objects:write:own", "crm:custom_objects:write:ownunowned", "crm:custom_objects:write:all", "crm:custom_objects:manage",
}

// crmScopes are the write scopes of a CRM object, each including those before it
// ([G-PARTNER]).
var crmScopes = []string{"own", "ownunowned", "all"}

// privilege reports whether going from one list of grants to another may give
// something that the first did not. Counting would mislead: pc:access alone means
// every feature of Partner Center, and listing features narrows it ([SEED],
// [G-SYNC]), so that taking a feature away can give all the others.
func privilege(attribute string, before, after any) bool {
	had, gets := texts(before), texts(after)
	if attribute != platformAccess {
		return slices.ContainsFunc(gets, func(id string) bool { return !slices.Contains(had, id) })
	}
	had, gets = powers(had), powers(gets)
	if slices.ContainsFunc(gets, func(id string) bool { return !slices.Contains(had, id) }) {
		return true
	}
	// An undocumented feature may be one that narrows pc:access in a way of its own:
	// losing it is in doubt more, not less, while there is something to narrow.
	return slices.Contains(gets, "pc:access") && slices.ContainsFunc(had, func(id string) bool {
		return strings.HasPrefix(id, "pc:") && id != wholePartnerCenter && !slices.Contains(features, id) && !slices.Contains(gets, id)
	})
}

// administrates reports whether features make an administrator of Partner Center
// ([SEED], [G-SYNC]).
func administrates(values map[string]any) bool {
	return slices.Contains(texts(values[platformAccess]), "pc:access")
}

// administratesAll reports of one whether he is known to manage the others: nothing
// narrows his pc:access, or he has pc:canManageAdmins, which is taken to mean what its
// name says (assumed). A service account is nobody who could sign in.
func administratesAll(user *providers.User) bool {
	person := !strings.HasSuffix(strings.ToLower(user.Email), serviceAccountDomain)
	return person && slices.Contains(powers(texts(user.Attributes[platformAccess].Data)), "pc:canManageAdmins")
}

// wholePartnerCenter stands for pc:access with nothing that narrows it.
const wholePartnerCenter = "pc:*"

// powers spells out what a list of features gives.
func powers(ids []string) []string {
	var given []string
	narrowed := slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "pc:") && id != "pc:access" })
	for _, id := range ids {
		object, scope, isWrite := crmWrite(id)
		switch {
		case id == "pc:access" && !narrowed:
			given = append(given, id, wholePartnerCenter)
			for _, feature := range features {
				if strings.HasPrefix(feature, "pc:") {
					given = append(given, feature)
				}
			}
		case isWrite:
			given = append(given, id)
			for _, lesser := range crmScopes[:max(0, slices.Index(crmScopes, scope))] {
				given = append(given, "crm:"+object+":write:"+lesser)
			}
		default:
			given = append(given, id)
		}
	}
	return given
}

// phonesFromPerson translates the roster's phones.
func phonesFromPerson(data any) any {
	list, _ := data.([]any)
	phones := make([]any, 0, len(list))
	for _, item := range list {
		phone, _ := item.(map[string]any)
		phones = append(phones, map[string]any{"number": phone["number"], "typeCode": phone["type"]})
	}
	return phones
}

// addressFields maps the roster's names of an address to the vendor's.
var addressFields = map[string]string{
	"line1": "line1", "line2": "line2", "city": "city", "region": "regionCode", "postalCode": "postalCode", "country": "countryCode",
}

// addressFromPerson translates the roster's address.
func addressFromPerson(data any) any {
	fields, isObject := data.(map[string]any)
	if !isObject {
		return data
	}
	address := make(map[string]any, len(fields))
	for name, value := range fields {
		if vendor, known := addressFields[name]; known {
			address[vendor] = value
		}
	}
	return address
}

// localeForm is the form of a locale there ([P]); looseLocale that of the roster.
var (
	localeForm  = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)
	looseLocale = regexp.MustCompile(`^([a-z]{2})(?:-[A-Z][a-z]{3})?(?:-(?:([A-Z]{2})|[0-9]{3}))?$`)
)

// localeFromPerson leaves out what Vendasta has no place for: a script, and a
// region that is a number (es-419 becomes es). A language of three letters stays
// as it is, for Vendasta to refuse.
func localeFromPerson(data any) any {
	locale, _ := data.(string)
	parts := looseLocale.FindStringSubmatch(locale)
	switch {
	case localeForm.MatchString(locale) || parts == nil:
		return data
	case parts[2] != "":
		return parts[1] + "-" + parts[2]
	default:
		return parts[1]
	}
}

// fitsLocale: the vendor takes languages of two letters with an optional region
// ([P]).
func fitsLocale(data any) string {
	if locale, _ := data.(string); !localeForm.MatchString(locale) {
		return "it takes a language of two letters with an optional region, such as en-US"
	}
	return ""
}

// maxName is how long a name may be, in characters ([P]).
const maxName = 50

func fitsName(data any) string {
	if name, _ := data.(string); utf8.RuneCountInString(name) > maxName {
		return fmt.Sprintf("it takes at most %d characters", maxName)
	}
	return ""
}

// normalPhones brings numbers into a form in which two spellings of one compare
// equal: the vendor's formatting is free, with an extension behind ",", ";" or
// "ext." ([P]).
func normalPhones(data any) any {
	list, isList := data.([]any)
	if !isList {
		return data
	}
	normal := make([]any, 0, len(list))
	for _, item := range list {
		phone, isObject := item.(map[string]any)
		number, isText := phone["number"].(string)
		if !isObject || !isText {
			normal = append(normal, item)
			continue
		}
		normal = append(normal, map[string]any{"number": providers.NormalPhone(number), "typeCode": phone["typeCode"]})
	}
	return normal
}
