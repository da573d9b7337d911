// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/xaeroflux/xaeroflux/internal/passwork"
)

func init() { passwork.Log2 = 4 }

func says(passphrase string) Passphrase {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

func unasked(t *testing.T) Passphrase {
	return func() ([]byte, error) {
		t.Error("a passphrase was asked for")
		return nil, io.EOF
	}
}

// sealedWith is a seed file of little work, as `age -p` makes one.
func sealedWith(t testing.TB, text []byte, to ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func cheap(t testing.TB, passphrase string) age.Recipient {
	t.Helper()
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(2)
	return to
}

// TestSealedSeedVectors opens files that another program made.
func TestSealedSeedVectors(t *testing.T) {
	for _, v := range readVectors(t).SealedSeeds {
		if s, err := openSeed(v.File, says(v.Passphrase)); err != nil || s != Seed(v.Seed) {
			t.Errorf("%q: %v", v.Passphrase, err)
		}
		if _, err := openSeed(v.File, says(v.Passphrase+" ")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("another passphrase: %v", err)
		}
	}
}

// A file that gets a passphrase, another one, and none again: it always opens with the
// one that it has, and age opens it too. Without one it never asks.
func TestReplaceSeed(t *testing.T) {
	path := seedPath(t)
	if err := CreateSeed(path, testSeed, nil); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadSeed(path, unasked(t)); err != nil || s != testSeed {
		t.Errorf("without a passphrase: %v", err)
	}
	if err := ReplaceSeed(path, testSeed, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadSeed(path, says("one")); err != nil || s != testSeed {
		t.Errorf("with a passphrase: %v", err)
	}
	if sealed, err := SeedSealed(path); !sealed || err != nil {
		t.Errorf("sealed %v, %v", sealed, err)
	}
	b, err := os.ReadFile(path)
	if err != nil || bytes.Contains(b, []byte("5a5a")) {
		t.Errorf("the file shows the seed: %q, %v", b, err)
	}
	key, err := age.NewScryptIdentity("one")
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(b), key)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, encodeSeed(testSeed)) {
		t.Errorf("age reads %q, %v", text, err)
	}
	if err := ReplaceSeed(path, testSeed, nil); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadSeed(path, unasked(t)); err != nil || s != testSeed {
		t.Errorf("with none again: %v", err)
	}
	wantOnly(t, path)
}

// What is given, or not, is told apart from damage; no text quotes a secret.
func TestSealedSeedErrors(t *testing.T) {
	good := sealedWith(t, encodeSeed(testSeed), cheap(t, "one"))
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	stopped := errors.New("nobody is there")
	for name, x := range map[string]struct {
		file []byte
		ask  Passphrase
		want error
	}{
		"nobody to ask":  {good, nil, ErrPassphrase},
		"nothing":        {good, says(""), ErrPassphrase},
		"another one":    {good, says("two"), ErrPassphrase},
		"asking ended":   {good, func() ([]byte, error) { return nil, stopped }, stopped},
		"a byte changed": {flipped, says("one"), ErrSeedFile},
		"cut":            {good[:len(good)-1], says("one"), ErrSeedFile},
		"cut early":      {good[:40], says("one"), ErrSeedFile},
		"for a key":      {sealedWith(t, encodeSeed(testSeed), other.Recipient()), says("one"), ErrSeedFile},
		"another text":   {sealedWith(t, []byte("a diary"), cheap(t, "one")), says("one"), ErrSeedFile},
		"much work":      {bytes.Replace(good, []byte(" 2\n"), []byte(" 28\n"), 1), says("one"), ErrSeedFile},
	} {
		path := seedPath(t)
		if err := os.WriteFile(path, x.file, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := LoadSeed(path, x.ask)
		if !errors.Is(err, x.want) || s != (Seed{}) || strings.Contains(err.Error(), "5a5a") || strings.Contains(err.Error(), "two") {
			t.Errorf("%s: %v", name, err)
		}
		if x.want != ErrSeedFile && (!errors.Is(err, ErrPassphrase) || errors.Is(err, ErrSeedFile)) {
			t.Errorf("%s is damage: %v", name, err)
		}
	}
}

// One that asks once asks once, hands out copies, and forgets.
func TestPassphraseOnce(t *testing.T) {
	asked := 0
	once, forget := Passphrase(func() ([]byte, error) { asked++; return []byte("one"), nil }).Once()
	for range 3 {
		b, err := once()
		if err != nil || string(b) != "one" {
			t.Errorf("%q, %v", b, err)
		}
		clear(b)
	}
	if forget(); asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if once, forget := Passphrase(nil).Once(); once != nil {
		t.Error("nobody to ask became somebody")
	} else {
		forget()
	}
}

// What a write that was cut off left is removed, and nothing else.
func TestRemoveSeedTemps(t *testing.T) {
	path := seedPath(t)
	if err := CreateSeed(path, testSeed, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".identity-12345.tmp"), encodeSeed(testSeed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RemoveSeedTemps(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, path)
}

func FuzzSealedSeed(f *testing.F) {
	good := sealedWith(f, encodeSeed(testSeed), cheap(f, "one"))
	f.Add(good)
	f.Add(good[:100])
	f.Add(sealedWith(f, []byte("a diary"), cheap(f, "one")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Contains(b, []byte("scrypt")) && !bytes.Contains(b, []byte(" 2\n")) {
			t.Skip("a larger work factor takes seconds, and its refusal has a test of its own")
		}
		s, err := openSeed(b, says("one"))
		if err != nil && (!typedSeedError(err) && !errors.Is(err, ErrPassphrase) || s != Seed{}) {
			t.Errorf("%q: %v", b, err)
		}
	})
}
