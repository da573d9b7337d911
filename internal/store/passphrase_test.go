// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/passwork"
)

func init() { passwork.Log2 = 4 }

func says(passphrase string) identity.Passphrase {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// passwdStore creates a store that has no passphrase.
func passwdStore(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reopened opens and closes a store, and says if it was taken for a copy.
func reopened(t *testing.T, dir string, ask identity.Passphrase) (moved bool, err error) {
	t.Helper()
	s, err := Open(dir, Options{Passphrase: ask})
	if err != nil {
		return false, err
	}
	return s.Moved() != nil, s.Close()
}

// SetPassphrase that is cut off between any two of its steps leaves a store that the old
// passphrase opens or the new one, that is where it was, and without a file that shows
// the seed.
func TestSetPassphraseCutOff(t *testing.T) {
	dir := passwdStore(t)
	steps := map[string]func(s *Store) error{
		"nothing":                  func(*Store) error { return nil },
		"the place is forgotten":   func(s *Store) error { return s.expectSeed() },
		"a new file was begun":     func(s *Store) error { return leaveTemp(s) },
		"all, and not opened once": func(s *Store) error { return s.SetPassphrase([]byte("new")) },
	}
	for _, name := range []string{"nothing", "the place is forgotten", "a new file was begun", "all, and not opened once"} {
		s, err := Open(dir, Options{Look: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(steps[name](s), s.Close()); err != nil {
			t.Fatal(err)
		}
		ask := identity.Passphrase(nil)
		if name == "all, and not opened once" {
			ask = says("new")
		}
		if moved, err := reopened(t, dir, ask); err != nil || moved {
			t.Errorf("%s: taken for a copy: %v, %v", name, moved, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".identity-*")); len(left) > 0 {
			t.Errorf("%s: %q is left", name, left)
		}
	}
	if _, err := reopened(t, dir, nil); !errors.Is(err, identity.ErrPassphrase) {
		t.Errorf("without the passphrase: %v", err)
	}
}

func leaveTemp(s *Store) error {
	return os.WriteFile(filepath.Join(s.dir, ".identity-123.tmp"), s.device.Seed[:], 0o600)
}

// A store that was put back from files, so that only identity.key tells that it is
// another copy, stays one when its passphrase is set.
func TestSetPassphraseOfACopy(t *testing.T) {
	dir := passwdStore(t)
	w, err := durable.ReadWhereabouts(dir, seedName)
	if err != nil || w.File == (durable.Inode{}) {
		t.Skip("this system does not tell one file from another: ", err)
	}
	if _, err := reopened(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	seed, err := os.ReadFile(filepath.Join(dir, seedName))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "other"), seed, 0o600), os.Rename(filepath.Join(dir, "other"), filepath.Join(dir, seedName))); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{Look: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetPassphrase(nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	if moved, err := reopened(t, dir, nil); err != nil || !moved {
		t.Errorf("taken for a copy: %v, %v", moved, err)
	}
}

// A creation that was cut off after its seed was written goes on with that seed, and
// with the passphrase that the store is to have.
func TestCreationGoesOnWithAPassphrase(t *testing.T) {
	for name, before := range map[string][]byte{"with none": nil, "with it": []byte("new")} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, unfinishedName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		seed := identity.Seed{7}
		if err := identity.CreateSeed(filepath.Join(dir, seedName), seed, before); err != nil {
			t.Fatal(err)
		}
		if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Passphrase: []byte("new")}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, err := Open(dir, Options{Passphrase: says("new")})
		if err != nil {
			t.Fatal(err)
		}
		if s.device.Seed != seed || !s.Locked() {
			t.Errorf("%s: another seed, or no passphrase", name)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Another store's identity.key is said to be that, and nothing is changed or taken for
// damage.
func TestForeignIdentity(t *testing.T) {
	dir, other := passwdStore(t), passwdStore(t)
	b, err := os.ReadFile(filepath.Join(other, seedName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, seedName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reopened(t, dir, nil); !errors.Is(err, ErrIdentity) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "damaged")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was set aside: %v", err)
	}
}
