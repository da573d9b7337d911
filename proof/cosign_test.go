// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func testWitness(name string) (ed25519.PrivateKey, Witness) {
	key, pub := testKey(name)
	w, err := NewWitness([32]byte(pub))
	if err != nil {
		panic(err)
	}
	return key, w
}

// outside checks cosignatures from the text of C2SP tlog-cosignature, with
// nothing of this package.
type outside struct {
	name string
	key  ed25519.PublicKey
}

func (o outside) Name() string { return o.name }

func (o outside) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(o.name+"\n\x04"), o.key...))
	return binary.BigEndian.Uint32(h[:4])
}

func (o outside) Verify(msg, sig []byte) bool {
	at := binary.BigEndian.Uint64(sig[:8])
	return ed25519.Verify(o.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n", at)+string(msg)), sig[8:])
}

// Somebody with only golang.org/x/mod/sumdb/note and the C2SP text opens a cosigned
// checkpoint, and finds author and witness.
func TestCosignedWithoutUs(t *testing.T) {
	key, author := testKey("author")
	h := Sign(key, testLog, 3, newTree(3).root(0, 3))
	wkey, w := testWitness("witness")
	text := h.Cosigned(author, []Cosignature{Cosign(wkey, h, 1_760_000_000)})
	a, err := note.NewVerifier(VKey(author, testLog))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(w.String(), "+")
	b, err := base64.StdEncoding.DecodeString(w.String()[len(parts[0])+len(parts[1])+2:])
	if err != nil || b[0] != 4 {
		t.Fatalf("key %q: %v", w, err)
	}
	n, err := note.Open(text, note.VerifierList(a, outside{parts[0], b[1:]}))
	if err != nil || len(n.Sigs) != 2 {
		t.Fatalf("%v, %+v of\n%s", err, n, text)
	}
	if n.Sigs[1].Name != w.Name() || parts[1] != fmt.Sprintf("%08x", n.Sigs[1].Hash) {
		t.Errorf("signed by %q %08x, the key is %q", n.Sigs[1].Name, n.Sigs[1].Hash, w)
	}
}

func TestPolicy(t *testing.T) {
	key, author := testKey("author")
	vkey := VKey(author, testLog)
	h := Sign(key, testLog, 3, newTree(3).root(0, 3))
	var all []note.Verifier
	var cosigs []Cosignature
	for i := range 4 {
		k, w := testWitness(fmt.Sprint("witness ", i))
		all = append(all, w)
		if i < 2 {
			c := Cosign(k, h, uint64(100+i))
			if err := c.Verify(h); err != nil {
				t.Fatal(err)
			}
			cosigs = append(cosigs, c)
		}
	}
	text := h.Cosigned(author, cosigs)
	other := h
	other.Size = 4
	forged := append([]Cosignature{}, cosigs...)
	forged[1].Time++
	for _, c := range []struct {
		what string
		text []byte
		p    Policy
		want error
	}{
		{"no policy", text, Policy{}, nil},
		{"none of all", text, Policy{K: 0, Witnesses: all}, nil},
		{"two of all", text, Policy{K: 2, Witnesses: all}, nil},
		{"three of all", text, Policy{K: 3, Witnesses: all}, ErrWitnesses},
		{"one of those who did not", text, Policy{K: 1, Witnesses: all[2:]}, ErrWitnesses},
		{"five of four", text, Policy{K: 5, Witnesses: all}, ErrWitnesses},
		{"fewer than none", text, Policy{K: -1, Witnesses: all}, ErrWitnesses},
		{"a witness who counts twice", text, Policy{K: 2, Witnesses: []note.Verifier{all[0], all[0]}}, ErrWitnesses},
		{"one cosignature twice", h.Cosigned(author, []Cosignature{cosigs[0], cosigs[0]}), Policy{K: 2, Witnesses: all}, ErrWitnesses},
		{"a time changed", h.Cosigned(author, forged), Policy{K: 1, Witnesses: all}, ErrSignature},
		{"of another head", other.Cosigned(author, cosigs), Policy{K: 1, Witnesses: all}, ErrSignature},
		{"no author", bytes.Replace(text, []byte("— xaeroflux/"+testLog.String()), []byte("— x"), 1), Policy{K: 1, Witnesses: all}, ErrSignature},
	} {
		got, names, err := VerifyCosigned(c.text, vkey, c.p)
		if !errors.Is(err, c.want) || err == nil && (got != h || len(names) < c.p.K) {
			t.Errorf("%s: %+v, %d names, %v; want %v", c.what, got, len(names), err, c.want)
		}
	}
	if err := forged[1].Verify(h); !errors.Is(err, ErrSignature) {
		t.Errorf("a time changed: %v", err)
	}
	if err := (Cosignature{Witness: [32]byte{1}}).Verify(h); !errors.Is(err, ErrKey) {
		t.Errorf("a key of small order: %v", err)
	}
	k, w := testWitness("late")
	late := Cosign(k, h, MaxTime+1)
	if _, _, err := VerifyCosigned(h.Cosigned(author, []Cosignature{late}), vkey, Policy{K: 1, Witnesses: []note.Verifier{w}}); !errors.Is(err, ErrSignature) || !errors.Is(late.Verify(h), ErrSignature) {
		t.Errorf("a time beyond 2^63-1: %v, %v", err, late.Verify(h))
	}
	if n := bytes.Count(h.Cosigned(author, make([]Cosignature, 40)), []byte("— ")); n != 1+MaxCosignatures {
		t.Errorf("%d signatures", n)
	}
}

func TestParseWitness(t *testing.T) {
	_, w := testWitness("witness")
	foreign := Witness{"witness.example/of-others", w.Key()}
	for _, w := range []Witness{w, foreign} {
		if got, err := ParseWitness(w.String()); err != nil || got != w {
			t.Errorf("%v, %v", got, err)
		}
	}
	_, author := testKey("author")
	small, _ := NewWitness([32]byte{1})
	for _, bad := range []string{"", "+", "++", w.String() + "=", w.Name(), "x" + w.String(), VKey(author, testLog), small.String()} {
		if _, err := ParseWitness(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
