// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"testing"
)

// TestStoreKeyVectors opens what another program sealed.
func TestStoreKeyVectors(t *testing.T) {
	for _, v := range readVectors(t).StoreSealed {
		k := Seed(v.Seed).StoreKey()
		if check := k.Check(); !bytes.Equal(check[:], v.Check) {
			t.Errorf("check %x, want %x", check, v.Check)
		}
		if got, err := k.Open(v.Place, v.Sealed); err != nil || !bytes.Equal(got, v.Secret) {
			t.Errorf("%q: %x, %v, want %x", v.Place, got, err, v.Secret)
		}
		if got, err := newStoreKey([KeyBytes]byte(v.Key)).Open(v.Place, v.Sealed); err != nil || !bytes.Equal(got, v.Secret) {
			t.Errorf("by its key: %x, %v", got, err)
		}
	}
}

// What is sealed opens in its place and whole, under its key, and nowhere else; no two
// are alike.
func TestStoreKey(t *testing.T) {
	k, place, what := Seed{1}.StoreKey(), []byte("place"), []byte("what is secret")
	a, b := k.Seal(place, what), k.Seal(place, what)
	if bytes.Equal(a, b) || bytes.Contains(a, what) || len(a) != len(what)+SealedOverhead {
		t.Errorf("sealed to %x and %x", a, b)
	}
	if got, err := k.Open(place, a); err != nil || !bytes.Equal(got, what) {
		t.Errorf("opened to %q, %v", got, err)
	}
	refused := map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return Seed{2}.StoreKey().Open(place, a) },
		"another place": func() ([]byte, error) { return k.Open([]byte("other"), a) },
		"nothing":       func() ([]byte, error) { return k.Open(place, nil) },
	}
	for i := range a {
		bad := bytes.Clone(a)
		bad[i] ^= 1
		refused["byte "+string(rune('0'+i))] = func() ([]byte, error) { return k.Open(place, bad) }
		refused["cut at "+string(rune('0'+i))] = func() ([]byte, error) { return k.Open(place, a[:i]) }
	}
	for name, open := range refused {
		if got, err := open(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	if k.Check() == (Seed{2}).StoreKey().Check() {
		t.Error("two keys have one check")
	}
}
