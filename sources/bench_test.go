package sources_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/sources"
)

// manyPeople is a roster of n people of about 300 bytes each.
func manyPeople(n int) string {
	var text strings.Builder
	text.WriteString("version: 1\nteams:\n  seller: {access: {vendasta: {platformAccess: [\"tm:access\"]}}}\npeople:\n")
	for i := range n {
		fmt.Fprintf(&text, `  - email: person.%d@example.com
    id: E-%d
    givenName: William
    familyName: Smith-%d # a name
    phones: [{number: "+1 306 555 %04d", type: mobile}]
    locale: en-US
    timeZone: America/Regina
    address: {line1: 190 11th Street E., city: Saskatoon, region: CA-SK, country: CA}
    teams: [seller]
    until: 2027-06-30
    access:
      vendasta: {businessLocations: ["AG-%d"]}
`, i, i, i, i%10000, i)
	}
	return text.String()
}

// BenchmarkLoad loads, resolves and hashes a roster of 10,000 people.
func BenchmarkLoad(b *testing.B) {
	roster := manyPeople(10_000)
	dir := folder(b, map[string]string{"rollcall.yaml": minimal, "roster.yaml": roster})
	b.SetBytes(int64(len(roster)))
	b.ReportAllocs()
	for b.Loop() {
		_, r, ds := sources.Load(b.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
		if len(ds) > 0 || len(r.People) != 10_000 {
			b.Fatal(ds)
		}
	}
}

// BenchmarkLoadMistakes loads a roster in which everybody is wrong.
func BenchmarkLoadMistakes(b *testing.B) {
	roster := strings.ReplaceAll(manyPeople(10_000), "locale: en-US", "locale: en_US")
	dir := folder(b, map[string]string{"rollcall.yaml": minimal, "roster.yaml": roster})
	b.SetBytes(int64(len(roster)))
	b.ReportAllocs()
	for b.Loop() {
		_, _, ds := sources.Load(b.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
		if len(ds) != 10_000 {
			b.Fatal(len(ds))
		}
	}
}

// BenchmarkResolve resolves and hashes the effective access of 10,000 people.
func BenchmarkResolve(b *testing.B) {
	dir := folder(b, map[string]string{"rollcall.yaml": minimal, "roster.yaml": manyPeople(10_000)})
	config, roster, ds := sources.Load(b.Context(), filepath.Join(dir, "rollcall.yaml"), sources.Options{Rules: rules})
	if len(ds) > 0 {
		b.Fatal(ds)
	}
	instant := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		sources.Digest(sources.Resolve(roster, config, rules, instant))
	}
}
