package document

import (
	"fmt"
	"strings"
	"testing"
)

// roster writes a roster of n people of about 307 bytes each.
func roster(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\npeople:\n")
	for i := range n {
		fmt.Fprintf(&b, `  - email: person%06d@example.com
    id: E-%06d      # employee number
    givenName: Given%06d
    familyName: "Family %06d"
    title: Account executive
    locale: en-US
    teams: [seller, support, team%03d]
    from: 2026-12-01
    access:
      vendasta: {platformAccess: ["tm:access"], active: true}
      partoo:
        role: GROUP_MANAGER
`, i, i, i, i, i%100)
	}
	return []byte(b.String())
}

func benchmarkParse(b *testing.B, data []byte) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if root, problems := Parse(data, Limits{}); root == nil || len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkParse100(b *testing.B)   { benchmarkParse(b, roster(100)) }
func BenchmarkParse1000(b *testing.B)  { benchmarkParse(b, roster(1000)) }
func BenchmarkParse10000(b *testing.B) { benchmarkParse(b, roster(10_000)) }

func BenchmarkAny10000(b *testing.B) {
	root, problems := Parse(roster(10_000), Limits{})
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = root.Any()
	}
}
