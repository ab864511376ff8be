package sources_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"rollcall/sources"
)

func TestCanonicalEmail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, address, want string }{
		{"plain", "ana@example.com", "ana@example.com"},
		{"case on both sides", "Ana.Souza@EXAMPLE.Com", "ana.souza@example.com"},
		{"plus and dots count", "a.n.a+x@example.com", "a.n.a+x@example.com"},
		{"blanks around", " \tana@example.com\r\n\u00a0", "ana@example.com"},
		{"apostrophe and other marks", "o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com"},
		{"NFC", "jos\u00e9@example.com", "jos\u00e9@example.com"},
		{"NFD", "jose\u0301@example.com", "jos\u00e9@example.com"},
		{"capital NFD", "JOSE\u0301@example.com", "jos\u00e9@example.com"},
		{"both sigmas", "\u039d\u03b9\u03ba\u03bf\u03c2@example.com", "\u03bd\u03b9\u03ba\u03bf\u03c3@example.com"},
		{"IDN", "ana@B\u00fccher.example", "ana@xn--bcher-kva.example"},
		{"IDN in NFD", "ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"},
		{"IDN in ASCII", "ana@XN--BCHER-KVA.example", "ana@xn--bcher-kva.example"},
		{"sharp s is a letter of its own", "ana@stra\u00dfe.example", "ana@xn--strae-oqa.example"},
		{"ideographic full stop", "ana@example\u3002com", "ana@example.com"},
		{"dotted capital I", "\u0130nci@example.com", "\u0130nci@example.com"},
		{"dotless i", "\u0131nci@example.com", "\u0131nci@example.com"},
		{"Kelvin sign", "\u212aim@example.com", "\u212aim@example.com"},
		{"long s", "\u017fam@example.com", "\u017fam@example.com"},
		{"fullwidth letters", "\uff21na@example.com", "\uff41na@example.com"},
		{"a domain without a dot", "ana@localhost", "ana@localhost"},
		{"as long as it can be", strings.Repeat("a", 242) + "@example.com", strings.Repeat("a", 242) + "@example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := sources.CanonicalEmail(test.address)
			if err != nil || got != test.want {
				t.Errorf("CanonicalEmail(%q) = %q, %v, want %q", test.address, got, err, test.want)
			}
		})
	}
}

func TestNoEmail(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", " ", "@", "ana", "ana@", "@example.com", "ana@@example.com", "ana@example.com@evil.example", "ana souza@example.com",
		"ana\u00a0souza@example.com", "ana\u200b@example.com", "ana\u202e@example.com", "ana\x00@example.com", "ana\n@example.com",
		`"ana"@example.com`, `"a@b"@example.com`, "Ana <ana@example.com>", "ana@example.com,bill@example.com", "ana;bill@example.com",
		"ana@example.com.", "ana@.example.com", "ana@example..com", "ana@exa mple.com", "ana@exam_ple.com", "ana@[127.0.0.1]", "ana@-example.com",
		"ana@" + strings.Repeat("a", 64) + ".com", "ana@" + strings.Repeat("a.", 127) + "com", "ana\u037e@example.com\xff",
		strings.Repeat("a", 243) + "@example.com", strings.Repeat("a", 1<<20) + "@example.com", strings.Repeat("@", 1<<20),
	} {
		if got, err := sources.CanonicalEmail(address); err == nil {
			t.Errorf("CanonicalEmail(%.80q) = %q, want an error", address, got)
		}
		if sources.SameEmail(address, address) {
			t.Errorf("SameEmail(%.80q) with itself, but it is no address", address)
		}
	}
}

// TestNothingFoldsIntoASCII goes through all of Unicode.
func TestNothingFoldsIntoASCII(t *testing.T) {
	t.Parallel()
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		folded := sources.FoldText(string(r))
		if strings.ContainsFunc(folded, func(f rune) bool { return f < utf8.RuneSelf }) {
			t.Errorf("U+%04X folds into %q", r, folded)
		}
		if again := sources.FoldText(folded); again != folded {
			t.Errorf("U+%04X folds into %q and that into %q", r, folded, again)
		}
	}
}

func TestSameEmail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"Ana@Example.com", "ana@example.COM", true},
		{"jose\u0301@b\u00fccher.example", "JOS\u00c9@xn--bcher-kva.EXAMPLE", true},
		{"ana@example.com", "ana+x@example.com", false},
		{"ana@example.com", "a.na@example.com", false},
		{"kim@example.com", "\u212aim@example.com", false},
		{"inci@example.com", "\u0130nci@example.com", false},
		{"ana@example.com", "an\u0430@example.com", false},
		{"", "", false},
	} {
		if got := sources.SameEmail(test.a, test.b); got != test.same {
			t.Errorf("SameEmail(%q, %q) = %t", test.a, test.b, got)
		}
	}
}

// emails are texts that are often addresses, of letters that are hard to fold.
func emails() *rapid.Generator[string] {
	letters := rapid.SampledFrom([]rune("aAkKiI\u0130\u0131\u212a\u017f\u00e9\u0301\u0327\u03a3\u03c2\u03c3\u1fef\u037e\u00df\u1e9e\u01c5\ufb01\uff21\u05d0\u0627.+-'_1\u3002"))
	part := rapid.StringOfN(rapid.OneOf(letters, rapid.Rune()), 1, 12, -1)
	return rapid.Custom(func(t *rapid.T) string {
		return part.Draw(t, "local") + "@" + part.Draw(t, "domain") + rapid.SampledFrom([]string{"", ".example", ".EXAMPLE.com", "."}).Draw(t, "rest")
	})
}

func TestCanonicalEmailIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkCanonical(t, emails().Draw(t, "email")) })
}

func FuzzCanonicalEmail(f *testing.F) {
	for _, address := range []string{"ana@example.com", "JOSE\u0301@B\u00fccher.example", "\u212aim@\u212aim.com", "a@" + strings.Repeat("\u00fc.", 60) + "de", "a@xn--0.com", "@", "a@\u05d0.com", "a@\u1f88\u0300", "\u226e@a"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) { checkCanonical(t, address) })
}

// checkCanonical checks the laws of the canonical form.
func checkCanonical(t interface{ Errorf(string, ...any) }, address string) {
	canonical, err := sources.CanonicalEmail(address)
	if err != nil {
		return
	}
	if again, err := sources.CanonicalEmail(canonical); err != nil || again != canonical {
		t.Errorf("%q is canonically %q, and that is %q, %v", address, canonical, again, err)
	}
	// The other normal form is another spelling of the same address, unless it
	// loses a letter to ASCII.
	if other := norm.NFD.String(address); !strings.ContainsAny(address, "\u037e\u1fef\u212a") && !sources.SameEmail(other, address) && len(other) <= 1000 {
		t.Errorf("%q is not the same as %q", address, other)
	}
	local, domain, _ := strings.Cut(canonical, "@")
	if len(canonical) > 254 || local == "" || domain == "" || strings.ContainsAny(canonical, " \t\n\x00<>\"") {
		t.Errorf("%q is canonically %q", address, canonical)
	}
	if strings.ContainsFunc(domain, func(r rune) bool { return r >= utf8.RuneSelf || unicode.IsUpper(r) }) {
		t.Errorf("%q has the domain %q", address, domain)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern   string
		match, no []string
	}{
		{"Owner@Example.com", []string{"owner@example.com", "OWNER@EXAMPLE.COM"}, []string{"co-owner@example.com", "owner@example.com.evil.example", "owner"}},
		{"*@example.com", []string{"a@example.com", "A@EXAMPLE.com"}, []string{"a@sub.example.com", "a@evilexample.com", "a@example.community"}},
		{"*@*.example.com", []string{"a@sub.example.com", "a@b.c.example.com"}, []string{"a@example.com", "a@sub.example.com.evil.example"}},
		{"*@*", []string{"a@b", "ana@example.com"}, []string{"", "ana"}},
		{"admin*@example.com", []string{"admin@example.com", "Admin-2@example.com"}, []string{"an-admin@example.com"}},
		{"*admin*@ex*le.com", []string{"an-admin-2@example.com", "admin@exle.com"}, []string{"adm@example.com"}},
		{"JOSE\u0301*@B\u00fccher.example", []string{"jos\u00e9@xn--bcher-kva.example", "jose\u0301.x@b\u00fccher.EXAMPLE"}, []string{"jose@b\u00fccher.example"}},
		{"*@xn--*.example", []string{"a@b\u00fccher.example"}, []string{"a@bucher.example"}},
		{"*", nil, nil},
		{"example.com", nil, nil},
		{"@example.com", nil, nil},
		{"*@", nil, nil},
		{"*@@example.com", nil, nil},
		{"a b*@example.com", nil, nil},
		{"*@exa mple.com", nil, nil},
		{"*@example.com.", nil, nil},
		{"*@.example.com", nil, nil},
		{"*@b\u00fc*.example", nil, nil},
		{"\"*\"@example.com", nil, nil},
		{"ana@example..com", nil, nil},
		{"*@\u00e9*", nil, nil},
		{"*@exam_ple.com", nil, nil},
		{"*@a_*.com", nil, nil},
		{strings.Repeat("*", 1<<20) + "@example.com", nil, nil},
	} {
		pattern, err := sources.ParsePattern(test.pattern)
		if wrong := test.match == nil && test.no == nil; wrong != (err != nil) {
			t.Errorf("ParsePattern(%.60q): %v", test.pattern, err)
			continue
		} else if wrong {
			continue
		}
		if pattern.String() != test.pattern {
			t.Errorf("%q prints as %q", test.pattern, pattern)
		}
		for _, address := range test.match {
			if !pattern.Match(address) {
				t.Errorf("%q does not match %q", test.pattern, address)
			}
		}
		for _, address := range test.no {
			if pattern.Match(address) {
				t.Errorf("%q matches %q", test.pattern, address)
			}
		}
	}
}

// TestPatternsAreCheap matches what takes exponential time with backtracking.
func TestPatternsAreCheap(t *testing.T) {
	t.Parallel()
	pattern, err := sources.ParsePattern(strings.Repeat("*a", 400) + "b@example.com")
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Repeat("a", 240) + "@example.com"
	start := time.Now()
	for range 1000 {
		if pattern.Match(address) {
			t.Fatal("it matches")
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("1000 matches took %s", took)
	}
}

// A readable form compares equal to the address, and is its own readable form.
func TestReadableEmail(t *testing.T) {
	for address, want := range map[string]string{
		"Ana@XN--BCHER-KVA.Example":  "ana@bücher.example",
		"ana@bu\u0308cher.example":   "ana@bücher.example",
		"Ana@Example.com":            "ana@example.com",
		"ana@xn--a.example":          "",
		"ana":                        "",
		"zoe\u0308@xn--fa-hia.de":    "zo\u00eb@faß.de",
		"ana@xn--bcher-kva.xn--p1ai": "ana@bücher.рф",
	} {
		got, err := sources.ReadableEmail(address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", address, got, err, want)
		}
		if again, _ := sources.ReadableEmail(got); got != "" && (again != got || !sources.SameEmail(got, address)) {
			t.Errorf("%s: %q, and of that %q", address, got, again)
		}
	}
}
