// SPDX-License-Identifier: MPL-2.0

package naming

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

func TestCheck(t *testing.T) {
	for _, good := range []string{"Ben", "Ada Lovelace", "Zoë", "李小龙", "महेश", "O'Neill", "🙂", strings.Repeat("x", MaxBytes)} {
		if err := Check(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", strings.Repeat("x", MaxBytes+1), "\xff", " Ben", "Ben ", "Ben  Two", "Ben\n", "\x1b[31mBen", "Be\x00n", "\u202enеВ", "Be\u200bn", "\u2066Ben",
		"Be\u00adn", "\u3164", "\u2800", "\u0301Ben", "Ben\u00a0Two", "Ben\u2028", "Ben\ufe0f", "Be\u034fn", "\u115f",
	} {
		if err := Check(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzCheck: a name that is taken has no character that is not printed, so that it may
// stand in any line.
func FuzzCheck(f *testing.F) {
	f.Add("Ben")
	f.Add("\u202eBen")
	f.Fuzz(func(t *testing.T, name string) {
		err := Check(name)
		if err != nil && !errors.Is(err, ErrName) {
			t.Errorf("untyped error %v", err)
		}
		if err == nil && (len(name) > MaxBytes || strings.ContainsFunc(name, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r)
		})) {
			t.Errorf("%q is taken", name)
		}
	})
}

func key(b byte) [32]byte { return [32]byte{b} }

func TestShow(t *testing.T) {
	for _, c := range []struct {
		all  []Person
		want []string
	}{
		{[]Person{{key(1), "", "Ben"}, {key(2), "", ""}}, []string{`"Ben"`, ""}},
		{[]Person{{key(1), "Ben", "Benny"}, {key(2), "", "Ada"}}, []string{"Ben", `"Ada"`}},
		{[]Person{{key(1), "", "Ben"}, {key(2), "", "ben"}}, []string{`"Ben" (01000000)`, `"ben" (02000000)`}},
		{[]Person{{key(1), "Ben", ""}, {key(2), "", "Вeп"}}, []string{"Ben (01000000)", `"Вeп" (02000000)`}},
		{[]Person{{key(1), "Ben", ""}, {key(2), "Ben", ""}}, []string{"Ben (01000000)", "Ben (02000000)"}},
		{[]Person{{key(1), "Dad", "Ben"}, {key(2), "", "Ben"}}, []string{"Dad", `"Ben" (02000000)`}}, // one may know the other as Ben
		{[]Person{{key(1), "", "Bern"}, {key(2), "", "Bem"}}, []string{`"Bern" (01000000)`, `"Bem" (02000000)`}},
		{[]Person{{key(1), "", "Be\u0301n"}}, []string{"\"Be\u0301n\" (01000000)"}},
		{[]Person{{key(1), "", "𝐁en"}}, []string{`"𝐁en" (01000000)`}},
		{[]Person{{key(1), "", "Ben (1e5a134f)"}}, []string{`"Ben (1e5a134f)" (01000000)`}},
		{[]Person{{key(1), "", `Ben" (1e5`}}, []string{`"Ben\" (1e5"`}},
		{[]Person{{key(1), "", "田中さくら"}}, []string{`"田中さくら"`}},
		{[]Person{{key(1), "", "🙂"}, {key(2), "", "🙃"}}, []string{`"🙂"`, `"🙃"`}},
	} {
		shown := Show(c.all)
		for i, p := range c.all {
			if shown[p.Key] != c.want[i] {
				t.Errorf("%+v is shown as %s, want %s", p, shown[p.Key], c.want[i])
			}
		}
	}
}

// FuzzShow: no two people are shown alike, whatever they call themselves.
func FuzzShow(f *testing.F) {
	f.Add("Ben", "ben", "Ben")
	f.Add("Ben (0200000", "", `"Ben"`)
	f.Fuzz(func(t *testing.T, a, b, petname string) {
		all := []Person{{Key: key(1), Claim: a}, {Key: key(2), Claim: b}, {Key: key(3), Petname: petname}}
		for i := range all {
			if Check(all[i].name()) != nil {
				return
			}
		}
		seen := map[string]bool{}
		for _, s := range Show(all) {
			if seen[s] {
				t.Errorf("two are shown as %s", s)
			}
			seen[s] = true
		}
	})
}
