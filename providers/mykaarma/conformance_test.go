package mykaarma

import (
	"maps"
	"testing"

	"rollcall/providers/providertest"
	"rollcall/providers/simulator"
	"rollcall/sources"
)

// The laws of every provider hold for this one, where an update keeps what it does not
// send.
func TestConformance(t *testing.T) { providertest.Run(t, subject(merging)) }

// They hold too where an update replaces the whole user, and the vendor does what is not
// documented in the other way.
func TestConformanceOtherwise(t *testing.T) { providertest.Run(t, subject(replacing)) }

// The laws would find a provider that is broken.
func TestConformanceFinds(t *testing.T) { providertest.Prove(t, subject(merging)) }

const (
	merging   = false
	replacing = true
)

// subject is what the laws have to be told of myKaarma.
func subject(replaces bool) providertest.Subject {
	settings := map[string]string{dealerUUID: "d-1", updateSetting: merge}
	var looks, whole []string
	if replaces {
		settings[updateSetting] = "replace"
		looks = []string{"update"}
		for _, f := range fields {
			if f.update {
				whole = append(whole, f.name)
			}
		}
	}
	lists := map[string][]string{departmentsSetting: {"dep-1", "dep-2"}}
	tables := map[string]map[string]string{rolesSetting: {"r-1": "Service Advisor", "r-2": "Technician"}}
	assume := []string{"update", "suspend"}
	kind, _ := Kind().Configure(sources.ProviderConfig{Settings: settings, Lists: lists, Tables: tables, Assume: assume})
	set := func(name string, value any) providertest.Sample {
		return providertest.Sample{Name: name, Values: map[string]any{name: value}, With: whole}
	}
	create := func(name string, more map[string]any) providertest.Sample {
		values := map[string]any{"firstName": "Ana", "lastName": "Souza", departmentUUID: "dep-1", roleUUID: "r-1"}
		maps.Copy(values, more)
		return providertest.Sample{Name: name, Values: values, With: []string{dealerUUID, username}}
	}
	// said is of the values of a create those that are not kept.
	said := func(s providertest.Sample, mails int64) providertest.Sample {
		s.Record = maps.Clone(s.Values)
		for _, name := range []string{userInvite, sendEmail, sendText, inviteTemplate, "password"} {
			delete(s.Record, name)
		}
		if mails > 0 || s.Values[userInvite] == true {
			s.Record["inviteStatus"] = "PENDING"
		}
		s.Mails = mails
		return s
	}
	everything := said(create("with everything", map[string]any{
		dealerUUID: "d-1", "nickName": "Annie", username: "ana.s", "phone": "+1 306 555 1234", textNumber: "+1 306 555 9999", bio: "Sells cars", imageURL: "https://i.example.com/a.png",
		"dmsID": "DMS-7", "ssoFeatureEnabled": true, "mfaFeatureEnabled": true, userInvite: true, sendEmail: true, sendText: true, inviteTemplate: "SSO", "password": "Secret-7q1x",
	}), 1)
	byText := said(create("with an invitation by text alone", map[string]any{userInvite: true, sendEmail: false, sendText: true, textNumber: "1"}), 0)
	return providertest.Subject{
		Kind: kind, Settings: settings, Lists: lists, Tables: tables, Assume: assume,
		World:    simulator.Options{MyKaarma: simulator.MyKaarmaOptions{UpdateMerges: !replaces, ListShowsAll: true, ErrorsIn200: replaces}},
		Volatile: []string{"invitedAt"},
		Asks:     map[string]simulator.Operation{"get": simulator.Search},
		Looks:    looks,
		User: func(email string) map[string]any {
			return map[string]any{
				dealerUUID: "d-1", emailAddress: email, "firstName": "Ana", "lastName": "Souza", "nickName": "Annie", username: "as." + email, "phone": "+1 306 555 1234", textNumber: "+1 306 555 9999",
				bio: "Sells cars", imageURL: "https://i.example.com/a.png", departmentUUID: "dep-1", roleUUID: "r-1", "dmsID": "DMS-7", "ssoFeatureEnabled": true, "mfaFeatureEnabled": true, isValid: true,
			}
		},
		New: func(email string) map[string]any {
			return map[string]any{dealerUUID: "d-1", emailAddress: email, username: email, isValid: true}
		},
		Shown: map[string]map[string]any{roleUUID: {departmentUUID: "dep-2", roleUUID: "r-2"}},
		Creates: []providertest.Sample{
			create("with a role", nil), everything,
			said(create("with an invitation", map[string]any{userInvite: true, sendEmail: true}), 1), byText,
			said(create("with flags that send nothing", map[string]any{userInvite: false, sendEmail: true, sendText: true}), 0),
		},
		Updates: []providertest.Sample{
			set("firstName", "Anna-Lena"), set("lastName", "da Silva"), set(username, "anna.lena"), set("phone", "+49 89 123456"), set(textNumber, "+49 170 123456"),
			set(bio, "Sells lorries"), set(imageURL, "https://i.example.com/b.png"),
			{Name: "another role", Values: map[string]any{roleUUID: "r-2"}},
			{Name: "not valid", Values: map[string]any{isValid: false}},
		},
		Frozen: []providertest.Sample{set("nickName", "Nina"), {Name: "another department", Values: map[string]any{departmentUUID: "dep-2", "firstName": "Nina"}}},
		Without: map[string]string{
			"singular-error": "there is one form of errors", "429 twice, body": "no body of a 429 is documented",
		},
	}
}
