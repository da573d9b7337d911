// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func TestWordList(t *testing.T) {
	const want = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	if got := digest.Sum([]byte(englishText)).String(); got != want {
		t.Errorf("list %s, want %s", got, want)
	}
	list := english()
	if len(list) != 2048 || !slices.IsSorted(list) {
		t.Errorf("%d words, sorted %v", len(list), slices.IsSorted(list))
	}
	starts := map[string]bool{}
	for _, w := range list {
		start := w[:min(4, len(w))]
		if starts[start] {
			t.Errorf("two words begin %q", start)
		}
		starts[start] = true
	}
}

// slowPhrase does with one large number what Phrase does with bits.
func slowPhrase(w Words) string {
	sum := sha256.Sum256(w.Secret[:])
	n := new(big.Int).SetBytes(append(w.Secret[:], sum[0]))
	var words []string
	for range WordCount {
		var word big.Int
		n.DivMod(n, big.NewInt(2048), &word)
		words = append(words, english()[word.Int64()])
	}
	slices.Reverse(words)
	return strings.Join(words, " ")
}

// The vectors of BIP39 for 256 bits (Trezor's, of which only the words count).
func TestPublishedWords(t *testing.T) {
	for _, v := range []struct {
		fill   byte
		phrase string
	}{
		{0x00, strings.Repeat("abandon ", 23) + "art"},
		{0x7f, "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title"},
		{0x80, "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless"},
		{0xff, strings.Repeat("zoo ", 23) + "vote"},
	} {
		var w Words
		for i := range w.Secret {
			w.Secret[i] = v.fill
		}
		if w.Phrase() != v.phrase || slowPhrase(w) != v.phrase {
			t.Errorf("%#x: %s\n want %s", v.fill, w.Phrase(), v.phrase)
		}
		if got, err := ParseWords(v.phrase); err != nil || got != w {
			t.Errorf("%#x: %v", v.fill, err)
		}
	}
}

func TestWordsForgive(t *testing.T) {
	w, err := NewWords(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := w.Phrase()
	for _, s := range []string{p, strings.ToUpper(p), "\n " + strings.ReplaceAll(p, " ", " \t\r\n") + " ", strings.ReplaceAll(p, " ", "\u00a0")} {
		if got, err := ParseWords(s); err != nil || got != w {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestWordsRefuse(t *testing.T) {
	p := strings.Fields(Words{testSecret}.Phrase())
	for n := range 30 {
		if n != WordCount {
			if _, err := ParseWords(strings.Repeat("abandon ", n)); !errors.Is(err, ErrWords) || !strings.Contains(err.Error(), fmt.Sprint(n)) {
				t.Errorf("%d words: %v", n, err)
			}
		}
	}
	passed := 0
	for i := range p {
		for _, other := range []string{"abandon", "zoo", "letter", "music"} {
			q := slices.Clone(p)
			if q[i] == other {
				continue
			}
			q[i] = other
			if _, err := ParseWords(strings.Join(q, " ")); err == nil {
				passed++ // one of 256
			} else if !errors.Is(err, ErrWordsChecksum) || !errors.Is(err, ErrWords) {
				t.Errorf("word %d: %v", i+1, err)
			}
		}
	}
	if passed > 4 {
		t.Errorf("%d of 96 wrong words passed", passed)
	}
}

func TestUnknownWordIsNamed(t *testing.T) {
	for word, near := range map[string]string{
		"abandn": "abandon", "abnadon": "abandon", "zooo": "zoo", "musik": "music", "recieve": "receive", "qqqqqqqqqqqqqqqqqqqqqqqq": "", "ünit": "unit",
	} {
		p := strings.Fields(Words{testSecret}.Phrase())
		p[6] = word
		_, err := ParseWords(strings.Join(p, " "))
		var unknown *WordError
		if !errors.As(err, &unknown) || !errors.Is(err, ErrWords) || errors.Is(err, ErrWordsChecksum) {
			t.Fatalf("%s: %v", word, err)
		}
		if unknown.At != 7 || unknown.Word != word || (near != "") != (len(unknown.Near) > 0) || near != "" && !slices.Contains(unknown.Near, near) {
			t.Errorf("%s: %+v, want %q", word, unknown, near)
		}
	}
}

// slowDistance is the recursion that editDistance fills a table for.
func slowDistance(a, b string) int {
	switch {
	case a == "" || b == "":
		return len(a) + len(b)
	case a[len(a)-1] == b[len(b)-1]:
		return slowDistance(a[:len(a)-1], b[:len(b)-1])
	}
	d := 1 + min(slowDistance(a[:len(a)-1], b), slowDistance(a, b[:len(b)-1]), slowDistance(a[:len(a)-1], b[:len(b)-1]))
	if m, n := len(a), len(b); m > 1 && n > 1 && a[m-1] == b[n-2] && a[m-2] == b[n-1] {
		d = min(d, 1+slowDistance(a[:m-2], b[:n-2]))
	}
	return d
}

func TestEditDistance(t *testing.T) {
	words := append([]string{"", "a", "ab", "ba", "abc", "cab"}, english()[:40]...)
	for _, a := range words {
		for _, b := range words[:12] {
			if got, want := editDistance(a, b), slowDistance(a, b); got != want {
				t.Errorf("%q to %q: %d, want %d", a, b, got, want)
			}
		}
	}
}

// Home comes whole from the words, and has a genesis that passes.
func TestHome(t *testing.T) {
	h, again, other := Words{testSecret}.Home(), Words{testSecret}.Home(), Words{Secret{1}}.Home()
	if err := h.Genesis.Check(); err != nil {
		t.Error(err)
	}
	if h.Genesis.ID() != again.Genesis.ID() || h.Genesis.ID() == other.Genesis.ID() || h.Lobby == other.Lobby || h.Account == other.Account {
		t.Error("home does not depend on the words, or not on them alone")
	}
	if [KeyBytes]byte(public(h.Account.Key())) != h.Genesis.Owner || LobbyHash(h.Lobby) != h.Genesis.LobbyHash {
		t.Error("home's genesis does not name its own keys")
	}
}

func FuzzParseWords(f *testing.F) {
	f.Add(Words{testSecret}.Phrase(), testSecret[:])
	f.Add(strings.Repeat("abandon ", 24), []byte("\xff"))
	f.Fuzz(func(t *testing.T, phrase string, entropy []byte) {
		if w, err := ParseWords(phrase); err == nil {
			if w.Phrase() != strings.Join(strings.Fields(strings.ToLower(phrase)), " ") {
				t.Errorf("%q is written %q", phrase, w.Phrase())
			}
		} else if !errors.Is(err, ErrWords) {
			t.Errorf("%q: untyped error %v", phrase, err)
		}
		var w Words
		copy(w.Secret[:], entropy)
		if got, err := ParseWords(w.Phrase()); err != nil || got != w || w.Phrase() != slowPhrase(w) {
			t.Errorf("%x: %v", w.Secret[:], err)
		}
	})
}
