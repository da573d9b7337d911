// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// SetPassphrase gives the store in dir, which must not be open, another passphrase, or
// none if next is empty. old asks for the one that it has, and is called only if it has
// one. Only identity.key is written anew: it is an age file then, which holds the seed that opens
// all other secrets of the store. Whenever it is interrupted, the old passphrase opens the store
// or the new one. What lay on the disk before may stay on it: that of a store that had none
// opens what it holds from now on as well. The error is ErrPassphrase, ErrClear, or one of
// Open's.
func SetPassphrase(dir string, old func() ([]byte, error), next []byte) (err error) {
	defer out(&err)
	if err := notBackup(dir); err != nil {
		return err
	}
	st, err := store.Open(dir, store.Options{Look: true, Passphrase: old})
	if err != nil {
		return err
	}
	err = st.SetPassphrase(next)
	if closed := st.Close(); err == nil {
		err = closed
	}
	return err
}

// HasPassphrase reports whether the store in dir has a passphrase.
func HasPassphrase(dir string) (_ bool, err error) {
	defer out(&err)
	return identity.SeedSealed(filepath.Join(dir, layout.SeedName))
}
