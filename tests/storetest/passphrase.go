// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/passwork"
)

func init() { passwork.Log2 = 4 }

// Says is a passphrase that is always the same.
func Says(passphrase string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// SeedOf returns the seed of a store.
func SeedOf(t testing.TB, dir, passphrase string) identity.Seed {
	t.Helper()
	s, err := identity.LoadSeed(filepath.Join(dir, "identity.key"), Says(passphrase))
	Must(t, err)
	return s
}
