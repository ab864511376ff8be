package plan_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/plan"
	"rollcall/providers"
	"rollcall/providers/registry"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// A stay is what the roster gives one person at a provider: lines of his own entry
// and of his access block, as YAML, and what the vendor's record has then, by dotted
// place; keeps are places of it that the roster leaves alone.
type stay struct {
	person, block string
	record        map[string]any
	keeps         []string
}

// A walk is what has to be known of a kind to take people through every state.
// Each stay states as much as the next one changes.
type walk struct {
	settings string // of the provider in rollcall.yaml
	entry    string // of everybody, beside the names; {person} stands for his own
	address  string // the place of the address in a record
	welcome  string // what has a mail sent to a new user; empty: nothing has
	mails    bool   // the vendor mails every new user
	world    simulator.Options
	minimal  stay
	full     stay // everything that the roster can state
	scalar   stay // full, with single values that differ
	grants   stay // other grants in every list
	more     stay // a member more in each of them
	reorder  stay // more, in another order
	fewer    stay // a member less
	scope    stay // another role or scope
}

// walks has every kind of the registry.
var walks = map[string]walk{
	"vendasta": {
		settings: "partner: ABC", address: "attributes.email", welcome: "welcomeEmail: true",
		minimal: stay{
			block:  `platformAccess: ["tm:access"]`,
			record: map[string]any{"platformAccess": list("tm:access"), "attributes.givenName": "Ana"},
			keeps:  []string{"businessLocations", "attributes.greetingName", "attributes.phoneNumbers", "attributes.address", "attributes.timeZone"},
		},
		full: stay{
			person: `nickname: Annie, locale: en-US, timeZone: America/Regina, phones: [{number: "+1 306 555 1234 ext. 5", type: mobile}], address: {line1: 190 11th Street E., city: Saskatoon, region: CA-SK, country: CA}`,
			block:  `platformAccess: ["tm:access", "pc:access"], businessLocations: ["AG-1"]`,
			record: map[string]any{
				"platformAccess": list("tm:access", "pc:access"), "businessLocations": list("AG-1"), "attributes.greetingName": "Annie", "attributes.languageLocaleCode": "en-US",
				"attributes.timeZone": "America/Regina", "attributes.phoneNumbers": list(map[string]any{"number": "+1 306 555 1234 ext. 5", "typeCode": "mobile"}),
				"attributes.address.line1": "190 11th Street E.", "attributes.address.city": "Saskatoon", "attributes.address.regionCode": "CA-SK",
			},
		},
		scalar: stay{
			person: `nickname: Nina, timeZone: Europe/Rome, phones: [{number: "+39 06 1234", type: work}], address: {city: Roma}`,
			block:  `platformAccess: ["tm:access", "pc:access"], businessLocations: ["AG-1"], languageLocaleCode: it`,
			record: map[string]any{
				"platformAccess": list("tm:access", "pc:access"), "businessLocations": list("AG-1"), "attributes.greetingName": "Nina", "attributes.languageLocaleCode": "it",
				"attributes.timeZone": "Europe/Rome", "attributes.phoneNumbers": list(map[string]any{"number": "+39 06 1234", "typeCode": "work"}), "attributes.address.city": "Roma",
			},
			keeps: []string{"attributes.address.line1", "attributes.address.regionCode", "attributes.address.countryCode"},
		},
		grants: stay{
			block:  `platformAccess: ["ssc:access"], businessLocations: ["AG-7", "AG-8"]`,
			record: map[string]any{"platformAccess": list("ssc:access"), "businessLocations": list("AG-7", "AG-8")},
		},
		more: stay{
			block:  `platformAccess: ["ssc:access", "tm:manage"], businessLocations: ["AG-7", "AG-8", "AG-9"]`,
			record: map[string]any{"platformAccess": list("ssc:access", "tm:manage"), "businessLocations": list("AG-7", "AG-8", "AG-9")},
		},
		reorder: stay{
			block:  `platformAccess: ["tm:manage", "ssc:access"], businessLocations: ["AG-9", "AG-7", "AG-8"]`,
			record: map[string]any{"platformAccess": list("ssc:access", "tm:manage"), "businessLocations": list("AG-7", "AG-8", "AG-9")},
		},
		fewer: stay{
			block:  `platformAccess: ["tm:manage"], businessLocations: ["AG-8"]`,
			record: map[string]any{"platformAccess": list("tm:manage"), "businessLocations": list("AG-8")},
		},
		scope: stay{
			block:  `platformAccess: ["pc:access", "pc:canManageSales", "crm:contacts:write:own"], businessLocations: []`,
			record: map[string]any{"platformAccess": list("pc:access", "pc:canManageSales", "crm:contacts:write:own"), "businessLocations": list()},
		},
	},
	"partoo": {
		address: "email", welcome: "welcomeEmail: true",
		minimal: stay{
			block:  `role: PUBLISHER`,
			record: map[string]any{"role": "PUBLISHER", "first_name": "Ana", "last_name": "Souza"},
			keeps:  []string{"custom_role", "phone", "keywords", "lang", "org_id", "sso_only", "sidebar_pages"},
		},
		full: stay{
			person: `locale: pt-BR, phones: [{number: "+55 11 5555 1234", type: work}]`,
			block:  `role: GROUP_MANAGER, accesses: [[1, 2], [3]], custom_role: regional, sidebar_pages: [posts, messages], keywords: [north, south], org_id: 42, sso_only: true, receive_reviews_email_notifications: true`,
			record: map[string]any{
				"role": "GROUP_MANAGER", "accesses": list(list(1, 2), list(3)), "custom_role": "regional", "sidebar_pages": list("posts", "messages"),
				"keywords": list("north", "south"), "lang": "pt-br", "phone": "+55 11 5555 1234", "org_id": 42, "sso_only": true,
			},
		},
		scalar: stay{
			person: `phones: [{number: "+39 06 1234", type: mobile}]`,
			block:  `role: GROUP_MANAGER, accesses: [[1, 2], [3]], custom_role: local, sidebar_pages: [posts, messages], keywords: [north, south], lang: it, sso_only: false, org_id: 43`,
			record: map[string]any{
				"role": "GROUP_MANAGER", "accesses": list(list(1, 2), list(3)), "custom_role": "local", "lang": "it", "phone": "+39 06 1234", "sso_only": false, "org_id": 43,
			},
		},
		grants: stay{
			block:  `role: GROUP_MANAGER, accesses: [[7]], sidebar_pages: [diffusion], keywords: [east]`,
			record: map[string]any{"role": "GROUP_MANAGER", "accesses": list(list(7)), "sidebar_pages": list("diffusion"), "keywords": list("east")},
		},
		more: stay{
			block:  `role: GROUP_MANAGER, accesses: [[7], [8, 9]], sidebar_pages: [diffusion, posts], keywords: [east, west]`,
			record: map[string]any{"role": "GROUP_MANAGER", "accesses": list(list(7), list(8, 9)), "sidebar_pages": list("diffusion", "posts"), "keywords": list("east", "west")},
		},
		reorder: stay{
			block:  `role: GROUP_MANAGER, accesses: [[9, 8], [7]], sidebar_pages: [posts, diffusion], keywords: [west, east]`,
			record: map[string]any{"role": "GROUP_MANAGER", "accesses": list(list(7), list(8, 9)), "sidebar_pages": list("diffusion", "posts"), "keywords": list("east", "west")},
		},
		fewer: stay{
			block:  `role: GROUP_MANAGER, accesses: [[8, 9]], sidebar_pages: [posts], keywords: []`,
			record: map[string]any{"role": "GROUP_MANAGER", "accesses": list(list(8, 9)), "sidebar_pages": list("posts"), "keywords": list()},
		},
		scope: stay{
			block:  `role: BUSINESS_MANAGER, business_ids: ["5f1", "5f2"]`,
			record: map[string]any{"role": "BUSINESS_MANAGER", "business_ids": list("5f1", "5f2"), "accesses": nil},
		},
	},
	"mykaarma": {
		settings: "dealerUUID: d-1, departments: [dep-1], roleNames: {r-1: Service Advisor, r-2: Technician, r-3: Service Administrator, r-4: BDC Rep}, assume: [update, suspend]",
		address:  "emailAddress", welcome: "userInvite: true, sendEmail: true",
		// Else an update could not be sent whole.
		world: simulator.Options{MyKaarma: simulator.MyKaarmaOptions{ListShowsAll: true}},
		minimal: stay{
			block:  `departmentUUID: dep-1, roleUUID: r-1`,
			record: map[string]any{"dealerUUID": "d-1", "departmentUUID": "dep-1", "roleUUID": "r-1", "firstName": "Ana", "lastName": "Souza", "isValid": true},
			keeps:  []string{"phone", "textNumber", "bio", "imageUrl", "dmsID", "username", "nickName"},
		},
		full: stay{
			person: `phones: [{number: "+1 306 555 1234", type: work}, {number: "+1 306 555 9999", type: mobile}]`,
			block:  `departmentUUID: dep-1, roleUUID: r-2, bio: Sells cars, imageUrl: "https://i.example.com/a.png", dealerUUID: d-1, sendEmail: false`,
			record: map[string]any{
				"departmentUUID": "dep-1", "roleUUID": "r-2", "phone": "+1 306 555 1234", "textNumber": "+1 306 555 9999", "bio": "Sells cars", "imageUrl": "https://i.example.com/a.png",
			},
			keeps: []string{"username", "dmsID", "nickName"},
		},
		scalar: stay{
			person: `phones: [{number: "+39 06 1234", type: work}]`,
			block:  `departmentUUID: dep-1, roleUUID: r-2, textNumber: "+39 333 1234", bio: Sells lorries, imageUrl: "https://i.example.com/b.png"`,
			record: map[string]any{
				"roleUUID": "r-2", "phone": "+39 06 1234", "textNumber": "+39 333 1234", "bio": "Sells lorries", "imageUrl": "https://i.example.com/b.png",
			},
			keeps: []string{"username", "departmentUUID"},
		},
		grants: stay{
			block:  `departmentUUID: dep-1, roleUUID: r-3`,
			record: map[string]any{"departmentUUID": "dep-1", "roleUUID": "r-3"},
			keeps:  []string{"phone", "textNumber", "bio", "imageUrl"},
		},
		more: stay{
			block:  `departmentUUID: dep-1, roleUUID: r-4, bio: Sells vans`,
			record: map[string]any{"roleUUID": "r-4", "bio": "Sells vans"},
			keeps:  []string{"phone", "textNumber", "imageUrl"},
		},
		reorder: stay{
			block:  `bio: Sells vans, roleUUID: r-4, departmentUUID: dep-1`,
			record: map[string]any{"roleUUID": "r-4", "bio": "Sells vans"},
		},
		fewer: stay{
			block:  `departmentUUID: dep-1, roleUUID: r-1`,
			record: map[string]any{"roleUUID": "r-1"},
			keeps:  []string{"bio", "phone"},
		},
		scope: stay{
			block:  `departmentUUID: dep-1, roleUUID: r-2`,
			record: map[string]any{"departmentUUID": "dep-1", "roleUUID": "r-2"},
		},
	},
	"intelagree": {
		settings: "assume: [update]", entry: "id: {person}, displayName: Ana Souza", address: "email",
		minimal: stay{
			block:  `userPermissions: null, permissionPresets: [Reader]`,
			record: map[string]any{"permissionPresets": list("Reader"), "name": "Ana Souza"},
			keeps:  []string{"legalName", "title", "hasAllOrganizations", "primaryLegalEntityId", "businessKeys"},
		},
		full: stay{
			person: `legalName: Ana Maria Souza, title: Buyer`,
			block:  `userPermissions: null, permissionPresets: [Reviewer, 7, {id: 3}], hasAllOrganizations: true, primaryLegalEntityId: 40`,
			record: map[string]any{
				"permissionPresets": list("Reviewer", 7, map[string]any{"id": 3}), "legalName": "Ana Maria Souza", "title": "Buyer", "hasAllOrganizations": true,
				"primaryLegalEntityId": 40,
			},
		},
		scalar: stay{
			person: `legalName: Ana Lima, title: Head of Buying`,
			block:  `userPermissions: null, permissionPresets: [Reviewer, 7, {id: 3}], hasAllOrganizations: false, primaryLegalEntityId: 41, name: Anna`,
			record: map[string]any{
				"permissionPresets": list("Reviewer", 7, map[string]any{"id": 3}), "legalName": "Ana Lima", "title": "Head of Buying", "hasAllOrganizations": false,
				"primaryLegalEntityId": 41, "name": "Anna",
			},
		},
		grants: stay{
			block:  `permissionPresets: null, userPermissions: [Contracts.View]`,
			record: map[string]any{"permissionPresets": list(), "userPermissions": list("Contracts.View")},
		},
		more: stay{
			block:  `permissionPresets: null, userPermissions: [Contracts.View, {id: 4, on: [1, 2]}]`,
			record: map[string]any{"permissionPresets": list(), "userPermissions": list("Contracts.View", map[string]any{"id": 4, "on": list(1, 2)})},
		},
		reorder: stay{
			block:  `permissionPresets: null, userPermissions: [{on: [2, 1], id: 4}, Contracts.View]`,
			record: map[string]any{"permissionPresets": list(), "userPermissions": list("Contracts.View", map[string]any{"id": 4, "on": list(1, 2)})},
		},
		fewer: stay{
			block:  `permissionPresets: null, userPermissions: [{id: 4, on: [1, 2]}]`,
			record: map[string]any{"permissionPresets": list(), "userPermissions": list(map[string]any{"id": 4, "on": list(1, 2)})},
		},
		scope: stay{
			block:  `userPermissions: null, permissionPresets: [Approver]`,
			record: map[string]any{"permissionPresets": list("Approver"), "userPermissions": list()},
		},
	},
	"myreports": {
		settings: "region: na, account: 00000000-0000-0000-0000-000000000000, deleteEverywhere: true", address: "email", mails: true,
		minimal: stay{
			block:  `roles: [customer.admin]`,
			record: map[string]any{"roles": list("account.user", "customer.admin")},
			keeps:  []string{"displayName", "primaryTenant", "accounts"},
		},
		full: stay{
			person: `displayName: Annie Souza`,
			block:  `roles: [user.admin, customer.admin]`,
			record: map[string]any{"displayName": "Annie Souza", "roles": list("account.user", "user.admin", "customer.admin")},
			keeps:  []string{"primaryTenant", "accounts"},
		},
		scalar: stay{
			block:  `displayName: Nina, roles: [user.admin, customer.admin]`,
			record: map[string]any{"displayName": "Nina", "roles": list("account.user", "user.admin", "customer.admin")},
		},
		grants: stay{
			block:  `roles: [account.user, branding.admin]`,
			record: map[string]any{"roles": list("account.user", "branding.admin")},
			keeps:  []string{"displayName"},
		},
		more: stay{
			block:  `roles: [account.user, branding.admin, webhooks.admin]`,
			record: map[string]any{"roles": list("account.user", "branding.admin", "webhooks.admin")},
		},
		reorder: stay{
			block:  `roles: [webhooks.admin, branding.admin]`,
			record: map[string]any{"roles": list("account.user", "branding.admin", "webhooks.admin")},
		},
		fewer: stay{
			block:  `roles: [webhooks.admin]`,
			record: map[string]any{"roles": list("account.user", "webhooks.admin")},
		},
		scope: stay{
			block:  `roles: []`,
			record: map[string]any{"roles": list("account.user")},
		},
	},
}

// A desire is one state that the roster can want somebody to be in.
type desire struct {
	name    string
	stay    func(w walk) stay
	entry   string // more lines of his entry, such as his status
	team    bool   // the access is a team's
	none    bool   // no access is stated at all
	renamed bool   // he has got another address
	shouts  bool   // his address is written in capitals
	welcome bool   // a welcome mail is wanted for a new user
	leaves  bool   // he is a leaver
	later   bool   // his access has not begun
	deletes bool   // in the order below: leavers are deleted
	does    plan.Action
	// needs are the operations without which a vendor has no such state. Where nobody
	// can be suspended, what comes after such states does something else.
	needs     string
	otherwise plan.Action
}

// desires are those that a kind can follow.
func (w *walker) desires() []desire {
	kind, _ := w.kind.Configure(w.h.config.Providers[0])
	can := func(d desire) bool {
		for _, operation := range strings.Fields(d.needs) {
			if kind.Cannot(operation) != "" {
				return false
			}
		}
		return !d.welcome || w.walk.welcome != "" || kind.Cannot("delete") == ""
	}
	var all []desire
	for _, d := range desires {
		if d.otherwise != "" && kind.Cannot("suspend") != "" {
			d.does = d.otherwise
		}
		if can(d) {
			all = append(all, d)
		}
	}
	return all
}

func minimal(w walk) stay { return w.minimal }
func full(w walk) stay    { return w.full }

// desires in an order in which one person may live through them, with what each
// asks for then: nothing where the name says that it is the same as before.
var desires = []desire{
	{name: "not begun", stay: full, entry: "from: 2027-01-01", later: true},
	{name: "joined with little", stay: minimal, does: plan.Create},
	{name: "everything", stay: full, does: plan.Update},
	{name: "the same by a team", stay: full, team: true},
	{name: "capitals in the address", stay: full, shouts: true},
	{name: "single values", stay: func(w walk) stay { return w.scalar }, does: plan.Update},
	{name: "other grants", stay: func(w walk) stay { return w.grants }, does: plan.Update},
	{name: "a member more", stay: func(w walk) stay { return w.more }, does: plan.Update},
	{name: "another order", stay: func(w walk) stay { return w.reorder }},
	{name: "a member less", stay: func(w walk) stay { return w.fewer }, does: plan.Update},
	{name: "another scope", stay: func(w walk) stay { return w.scope }, does: plan.Update},
	{name: "no access stated", none: true},
	{name: "suspended", stay: func(w walk) stay { return w.scope }, entry: "status: suspended", leaves: true, does: plan.Suspend, needs: "suspend"},
	{name: "departed while suspended", stay: full, entry: "status: departed", leaves: true, needs: "suspend"},
	{name: "back with less", stay: func(w walk) stay { return w.fewer }, does: plan.Restore, needs: "suspend restore"},
	{name: "departed", stay: func(w walk) stay { return w.fewer }, entry: "status: departed", leaves: true, does: plan.Suspend, needs: "suspend"},
	{name: "not begun again", stay: full, entry: "from: 2027-01-01", later: true},
	{name: "back with everything", stay: full, does: plan.Restore, needs: "suspend restore"},
	{name: "expired", stay: full, entry: "until: 2026-11-20", leaves: true, does: plan.Suspend, needs: "suspend"},
	{name: "prolonged", stay: full, entry: "until: 2026-11-21", does: plan.Restore, needs: "suspend restore"},
	{name: "another address", stay: full, renamed: true, otherwise: plan.Update},
	{name: "another address and other grants", stay: func(w walk) stay { return w.grants }, renamed: true, does: plan.Update},
	{name: "departed for good", stay: full, entry: "status: departed", leaves: true, deletes: true, does: plan.Delete, needs: "delete"},
	{name: "still gone", stay: full, entry: "status: departed", leaves: true, deletes: true, needs: "delete"},
	{name: "made anew, with a mail", stay: full, welcome: true, does: plan.Create, needs: "delete"},
	{name: "no second mail", stay: func(w walk) stay { return w.more }, welcome: true, does: plan.Update, needs: "delete"},
}

// A walker is somebody who is taken through states, at one provider.
type walker struct {
	t    *testing.T
	h    *house
	kind *providers.Kind
	walk walk
	list bool // lookup: list
	mail int64
	// chaos begins anew with each step.
	chaos simulator.Chaos
}

// addresses are the two that a person has: the first, and the one after he was
// renamed.
func addresses(person string) [2]string {
	return [2]string{person + "@example.com", person + ".new@example.com"}
}

// entry is a person's part of the roster, and his team's.
func (w *walker) entry(person string, d desire) (entry, team string) {
	both := addresses(person)
	now, before := both[0], both[1]
	if d.renamed {
		now, before = before, now
	}
	if d.shouts {
		now = strings.ToUpper(now)
	}
	lines := []string{"email: " + now, "previousEmails: [" + before + "]", "givenName: Ana", "familyName: Souza"}
	if w.walk.entry != "" {
		lines = append(lines, strings.ReplaceAll(w.walk.entry, "{person}", person))
	}
	if d.entry != "" {
		lines = append(lines, d.entry)
	}
	if d.none {
		return "  - {" + strings.Join(lines, ", ") + "}\n", ""
	}
	s := d.stay(w.walk)
	if s.person != "" {
		lines = append(lines, s.person)
	}
	block := s.block
	if d.welcome && w.walk.welcome != "" {
		block += ", " + w.walk.welcome
	}
	access := fmt.Sprintf("access: {%s: {%s}}", w.kind.Name, block)
	if d.team {
		team, access = fmt.Sprintf("  %s: {%s}\n", person, access), "teams: ["+person+"]"
	}
	return "  - {" + strings.Join(append(lines, access), ", ") + "}\n", team
}

// load reads a roster in which each person has his desire.
func (w *walker) load(people map[string]desire, onLeave sources.OnLeave) {
	w.t.Helper()
	var entries, teams strings.Builder
	for _, person := range slices.Sorted(maps.Keys(people)) {
		entry, team := w.entry(person, people[person])
		entries.WriteString(entry)
		teams.WriteString(team)
	}
	roster := "version: 1\npeople:\n" + entries.String()
	if teams.Len() > 0 {
		roster += "teams:\n" + teams.String()
	}
	lookup := sources.LookupSearch
	if w.list {
		lookup = sources.LookupList
	}
	leave := "onLeave: " + string(onLeave)
	if kind, _ := w.kind.Configure(w.h.config.Providers[0]); kind.Cannot(string(onLeave)) != "" {
		leave = ""
	}
	w.h.load(configure(w.kind, w.walk.settings, leave, "lookup: "+string(lookup)), roster)
}

// records are the users at the vendor who have one of a person's addresses.
func (w *walker) records(person string) []simulator.User {
	return slices.DeleteFunc(w.h.world.Users(w.kind.Name), func(u simulator.User) bool {
		both := addresses(person)
		return !sources.SameEmail(u.Email, both[0]) && !sources.SameEmail(u.Email, both[1])
	})
}

// step has the roster want something else, applies the plan and looks: the vendor
// has what the roster says, and the next plan is empty. It returns what the plan
// did for each person.
func (w *walker) step(people map[string]desire, onLeave sources.OnLeave) map[string]plan.Action {
	w.t.Helper()
	onLeave = w.leaving(onLeave)
	before := make(map[string][]simulator.User)
	for person, d := range people {
		before[person] = w.records(person)
		if (d.welcome && w.walk.welcome != "" || w.walk.mails && !d.none && !d.later && !d.leaves) && len(before[person]) == 0 {
			w.mail++
		}
	}
	w.load(people, onLeave)
	w.h.world.SetChaos(w.chaos)
	p := w.h.plan()
	r := w.h.apply(p)
	if r.Exit != plan.ExitOK {
		w.t.Fatalf("exit %d:\n%s\n%s", r.Exit, p.Text(plan.Style{}), r.Text(plan.Style{}))
	}
	manual := 0
	for person, d := range people {
		manual += w.arrived(person, d, onLeave, before[person])
	}
	if next := w.h.plan(); len(next.Changes)+len(next.Held) > 0 || len(next.Manual) != manual {
		w.t.Fatalf("the plan after the apply is not empty, or has not %d manual:\n%s", manual, next.Text(plan.Style{}))
	}
	if got := w.h.count().Mails; got != w.mail {
		w.t.Fatalf("%d mails, want %d", got, w.mail)
	}
	did := make(map[string]plan.Action)
	for _, c := range p.Changes {
		person, _, _ := strings.Cut(strings.ToLower(c.Email), "@")
		did[strings.TrimSuffix(person, ".new")] = c.Action
	}
	return did
}

// arrived fails unless the vendor has of a person what the roster says. It returns
// how many manual steps are left: an address that is not the wanted one.
func (w *walker) arrived(person string, d desire, onLeave sources.OnLeave, before []simulator.User) (manual int) {
	w.t.Helper()
	now := w.records(person)
	if len(now) > 1 || len(now) > 0 && len(before) > 0 && now[0].ID != before[0].ID {
		w.t.Fatalf("%s: there were %v and are %v", person, before, now)
	}
	switch {
	case d.none, d.later:
		if diff := cmp.Diff(before, now); diff != "" {
			w.t.Fatalf("%s is to be left alone:\n%s", person, diff)
		}
		return 0
	case d.leaves:
		was := len(before) > 0 && w.suspended(before[0])
		deleted := onLeave == sources.LeaveDelete && w.kind.Cannot("delete") == "" && !was && d.entry != "status: suspended"
		if (len(now) > 0) != (len(before) > 0 && !deleted) || len(now) > 0 && !w.suspended(now[0]) {
			w.t.Fatalf("%s has left and is %v", person, now)
		}
		return 0
	}
	if len(now) == 0 {
		w.t.Fatalf("%s is not there", person)
	}
	want := d.stay(w.walk).record
	for place, value := range want {
		if !has(now[0].Data, map[string]any{place: value}) {
			w.t.Fatalf("%s: %s is not %v: %v", person, place, value, now[0].Data)
		}
	}
	for _, place := range d.stay(w.walk).keeps {
		if len(before) > 0 && !has(now[0].Data, map[string]any{place: at(before[0].Data, place)}) {
			w.t.Fatalf("%s: %s is not what it was, %v: %v", person, place, at(before[0].Data, place), now[0].Data)
		}
	}
	if w.suspended(now[0]) {
		w.t.Fatalf("%s is suspended: %v", person, now[0].Data)
	}
	wanted := addresses(person)[0]
	if d.renamed {
		wanted = addresses(person)[1]
	}
	if !sources.SameEmail(now[0].Email, wanted) {
		return 1
	}
	return 0
}

// suspended reports whether a user is suspended, where there is such a state.
func (w *walker) suspended(u simulator.User) bool {
	state := w.kind.Suspension.Suspended
	return len(state) > 0 && has(u.Data, state)
}

// leaving is what happens to leavers: where nobody can be suspended, they are deleted.
func (w *walker) leaving(wanted sources.OnLeave) sources.OnLeave {
	kind, _ := w.kind.Configure(w.h.config.Providers[0])
	if wanted == sources.LeaveSuspend && kind.Cannot("suspend") != "" && kind.Cannot("delete") == "" {
		return sources.LeaveDelete
	}
	return wanted
}

// at is what stands at a dotted place of a record.
func at(record map[string]any, place string) any {
	var found any = record
	for part := range strings.SplitSeq(place, ".") {
		object, _ := found.(map[string]any)
		found = object[part]
	}
	return found
}

// has reports whether a record has these values, nil being none. Lists are sets.
func has(record, places map[string]any) bool {
	for place, want := range places {
		got := at(record, place)
		if providers.Empty(got) && providers.Empty(want) {
			continue
		}
		x, _ := json.Marshal(sources.Normal(got))
		y, _ := json.Marshal(sources.Normal(want))
		if string(x) != string(y) {
			return false
		}
	}
	return true
}

// mild is chaos that every step gets through, whatever comes first: no call can meet
// more of it than it is repeated. Requests are one too many, answers to writes are
// lost, and one to a search is cut.
var mild = simulator.Chaos{Fail: []simulator.Rule{
	{Operation: simulator.Create, First: 1, Fault: simulator.FaultLostAnswer},
	{Operation: simulator.Update, First: 2, Fault: simulator.FaultLostAnswer},
	{Operation: simulator.Delete, First: 1, Fault: simulator.FaultLostAnswer},
	{Operation: simulator.Search, Nth: 3, Fault: simulator.FaultCutBody},
	{Nth: 2, Fault: simulator.FaultStatus, Status: 429, RetryAfter: 2 * time.Second},
	{Nth: 7, Fault: simulator.FaultStatus, Status: 429, RetryAfter: 2 * time.Second},
}}

// everyWay runs a test for every kind of the registry, in each way to look users up
// and under each chaos, and looks that nobody else was touched.
func everyWay(t *testing.T, chaos map[string]simulator.Chaos, f func(w *walker)) {
	for _, kind := range registry.Kinds() {
		known, ok := walks[kind.Name]
		if !ok {
			t.Errorf("there is no walk for %s", kind.Name)
			continue
		}
		for _, lookup := range kind.Lookups {
			for name, chaos := range chaos {
				t.Run(fmt.Sprintf("%s/%s/%s", kind.Name, lookup, name), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						h := newHouse(t, configure(kind, known.settings, ""), "version: 1\n")
						h.world = simulator.New(known.world)
						w := &walker{t: t, h: h, kind: kind, walk: known, list: lookup == sources.LookupList}
						// Somebody at the vendor whom no roster names.
						w.step(map[string]desire{"stranger": {stay: full}}, sources.LeaveSuspend)
						stranger := w.records("stranger")
						w.chaos = chaos
						f(w)
						if diff := cmp.Diff(stranger, w.records("stranger")); diff != "" {
							t.Errorf("somebody whom no roster names was changed:\n%s", diff)
						}
						for _, fault := range []string{"lost-answer", "status-429", "cut-body"} {
							if fired := h.count().Faults[fault] > 0; fired != (len(chaos.Fail) > 0) {
								t.Errorf("the fault %s fired: %v", fault, fired)
							}
						}
					})
				})
			}
		}
	}
}

// TestEveryDesire takes one person through all states in their order, beside one
// who stays as he is.
func TestEveryDesire(t *testing.T) {
	ways := map[string]simulator.Chaos{"calm": {}, "mild chaos": mild}
	if raced {
		delete(ways, "calm")
	}
	everyWay(t, ways, func(w *walker) {
		still := desire{stay: full}
		w.step(map[string]desire{"bill": still}, sources.LeaveSuspend)
		bill := w.records("bill")
		for _, d := range w.desires() {
			onLeave := sources.LeaveSuspend
			if d.deletes {
				onLeave = sources.LeaveDelete
			}
			did := w.step(map[string]desire{"ana": d, "bill": still}, onLeave)
			if did["ana"] != d.does || did["bill"] != "" {
				w.t.Fatalf("%s: the plan has %q for her and %q for him, want %q and nothing", d.name, did["ana"], did["bill"], d.does)
			}
		}
		if diff := cmp.Diff(bill, w.records("bill")); diff != "" {
			w.t.Errorf("who stays as he is was changed:\n%s", diff)
		}
	})
}

// TestDesiresInAnyOrder takes several people through all states, each in an order of
// his own.
func TestDesiresInAnyOrder(t *testing.T) {
	once(t) // TestEveryDesire does the same in one order
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			everyWay(t, map[string]simulator.Chaos{"mild chaos": mild}, func(w *walker) {
				chance := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // repeatable on purpose
				desires := w.desires()
				people := []string{"ana", "bill", "cara", "dora"}
				orders := make(map[string][]int)
				for _, person := range people {
					orders[person] = chance.Perm(len(desires))
				}
				for i := range desires {
					step := make(map[string]desire)
					for _, person := range people {
						step[person] = desires[orders[person][i]]
					}
					w.step(step, []sources.OnLeave{sources.LeaveSuspend, sources.LeaveDelete}[chance.IntN(2)])
				}
			})
		})
	}
}
