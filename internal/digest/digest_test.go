// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/race"
)

// leafSlow is RFC 6962's leaf hash as it is written there.
func leafSlow(data []byte) Hash { return sha256.Sum256(append([]byte{0}, data...)) }

// rootSlow is MTH of RFC 6962, section 2.1.
func rootSlow(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return Empty
	case 1:
		return leaves[0]
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return Node(rootSlow(leaves[:k]), rootSlow(leaves[k:]))
	}
}

// Leaf takes a short way for short data: every length around its limit.
func TestLeafAgainstTheObvious(t *testing.T) {
	for n := range 1100 {
		data := bytes.Repeat([]byte{byte(n), 0x5a}, n)[:n]
		if got, want := Leaf(data), leafSlow(data); got != want {
			t.Fatalf("%d bytes: %v, want %v", n, got, want)
		}
	}
}

func TestLeafAndNodeAreApart(t *testing.T) {
	l, r := Sum([]byte("l")), Sum([]byte("r"))
	if Leaf(append(l[:], r[:]...)) == Node(l, r) {
		t.Error("a leaf hashes like a node")
	}
	if Node(l, r) == Node(r, l) {
		t.Error("left and right are the same")
	}
}

// No two lists of parts, however they are cut, hash alike.
func TestTaggedCutsMatter(t *testing.T) {
	seen := map[Hash]string{}
	var walk func(parts []string, rest string)
	walk = func(parts []string, rest string) {
		for n := range len(rest) + 1 {
			p := append(parts[:len(parts):len(parts)], rest[:n])
			if n == len(rest) {
				args := make([][]byte, len(p)-1)
				for i, s := range p[1:] {
					args[i] = []byte(s)
				}
				name, h := strings.Join(p, "|"), Tagged(p[0], args...)
				if was, ok := seen[h]; ok {
					t.Errorf("%q hashes like %q", name, was)
				}
				seen[h] = name
			} else if len(p) < 4 {
				walk(p, rest[n:])
			}
		}
	}
	walk(nil, "abcd")
	if len(seen) < 20 {
		t.Errorf("only %d lists tried", len(seen))
	}
}

func TestText(t *testing.T) {
	h := Sum([]byte("x"))
	if h.String()[:8] != h.Short() || len(h.String()) != 64 || h.IsZero() || !(Hash{}).IsZero() {
		t.Error(h, h.Short())
	}
	b, err := json.Marshal(map[string]Hash{"h": h})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]Hash
	if err := json.Unmarshal(b, &back); err != nil || back["h"] != h {
		t.Errorf("%s: %v, %v", b, back, err)
	}
	for _, bad := range []string{"", h.String()[1:], h.String() + "0", "g" + h.String()[1:], " " + h.String()[1:], strings.Repeat("é", 32)} {
		if got, err := Parse(bad); err == nil || !got.IsZero() {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
		keep := h
		if keep.UnmarshalText([]byte(bad)) == nil || keep != h {
			t.Errorf("%q: was decoded to %v", bad, keep)
		}
	}
}

// A wrong digit anywhere is an error, and what was decoded before it is not
// handed out.
func TestParseRefusesEveryWrongDigit(t *testing.T) {
	good := Sum([]byte("x")).String()
	if h, err := Parse(strings.ToUpper(good)); err != nil || h.String() != good {
		t.Errorf("upper case: %v, %v", h, err)
	}
	for i := range good {
		for _, c := range []string{"g", "G", " ", "-", "/", ":", "@", "`", "\x00", "\xff"} {
			if h, err := Parse(good[:i] + c + good[i+1:]); err == nil || h != (Hash{}) {
				t.Errorf("%q as digit %d: %v, %v", c, i, h, err)
			}
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes sync.Pool forget: make norace runs it")
	}
	data := make([]byte, 300)
	var h Hash
	if n := testing.AllocsPerRun(100, func() { h = Node(Leaf(data), h) }); n != 0 {
		t.Errorf("%v allocations for a leaf and a node", n)
	}
}

func FuzzLeaf(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, 511))
	f.Add(make([]byte, 512))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, want := Leaf(data), leafSlow(data); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(Empty.String())
	f.Add("zz")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err == nil && h.String() != strings.ToLower(s) || err != nil && !h.IsZero() {
			t.Errorf("%q: %v, %v", s, h, err)
		}
	})
}

func BenchmarkLeaf(b *testing.B) {
	data := make([]byte, 60)
	for b.Loop() {
		Leaf(data)
	}
}

func BenchmarkNode(b *testing.B) {
	h := Empty
	for b.Loop() {
		h = Node(h, h)
	}
}
