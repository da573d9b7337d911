// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// successors returns keys, and a genesis that names all but the last, of which two are
// wanted.
func successors(n int) (keys []ed25519.PrivateKey, g *Genesis) {
	for i := range n {
		keys = append(keys, ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i+1))))
	}
	named := keys[:n-1]
	slices.SortFunc(named, func(a, b ed25519.PrivateKey) int { return strings.Compare(string(a[32:]), string(b[32:])) })
	g = &Genesis{Need: 2}
	for _, k := range named {
		g.Successors = append(g.Successors, [32]byte(identity.PublicKey(k)))
	}
	return keys, g
}

func testSuccession() *Succession {
	return &Succession{Topic: digest.Hash{7}, Term: Term{Last: Prefix{Log: digest.Hash{1}, Size: 9, Root: digest.Hash{2}}, Term: 3, Steward: Key{4}, By: BySuccessors}}
}

// A succession goes from one successor to the next as text, until enough have signed.
func TestSuccession(t *testing.T) {
	keys, g := successors(4)
	s := testSuccession()
	for i, key := range []ed25519.PrivateKey{keys[2], keys[2], keys[0]} {
		if err := s.Check(s.Topic, g); !errors.Is(err, ErrUnsigned) {
			t.Fatalf("with %d signatures: %v", len(s.Term.Signed), err)
		}
		if err := s.Sign(g, key); err != nil {
			t.Fatal(err)
		}
		back, err := ParseSuccession(" " + s.String() + "\n")
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		s = back
	}
	if err := s.Check(s.Topic, g); err != nil || !s.Term.Verify(s.Topic, g) {
		t.Fatalf("with all that are wanted: %v, verified %v", err, s.Term.Verify(s.Topic, g))
	}
	if err := s.Sign(g, keys[1]); err != nil || len(s.Term.Signed) != g.Need {
		t.Fatalf("one more than is wanted: %v, %d signatures", err, len(s.Term.Signed))
	}
	if err := s.Sign(g, keys[3]); !errors.Is(err, ErrNotSuccessor) {
		t.Fatalf("a stranger signs: %v", err)
	}
	if err := s.Check(digest.Hash{8}, g); !errors.Is(err, ErrSuccession) {
		t.Fatalf("of another topic: %v", err)
	}
	s.Term.Signed[0].Sig[5] ^= 1
	if err := s.Check(s.Topic, g); !errors.Is(err, ErrSuccession) {
		t.Fatalf("with a false signature: %v", err)
	}
}

// No changed byte, and no part, of a succession's text is one.
func TestSuccessionDamaged(t *testing.T) {
	keys, g := successors(3)
	s := testSuccession()
	if err := s.Sign(g, keys[0]); err != nil {
		t.Fatal(err)
	}
	text := s.String()
	for i := range text {
		for _, damaged := range []string{text[:i], text[:i] + string(text[i]^1) + text[i+1:]} {
			if _, err := ParseSuccession(damaged); !errors.Is(err, ErrSuccession) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
}

func FuzzParseSuccession(f *testing.F) {
	keys, g := successors(3)
	s := testSuccession()
	f.Add(s.String())
	if err := s.Sign(g, keys[0]); err != nil {
		f.Fatal(err)
	}
	f.Add(s.String())
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSuccession(text)
		if err != nil {
			return
		}
		if back := s.String(); back != strings.TrimSpace(text) {
			t.Fatalf("%q was read, and is written %q", text, back)
		}
		_ = s.Check(s.Topic, g)
	})
}
