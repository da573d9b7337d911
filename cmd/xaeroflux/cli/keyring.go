// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"github.com/zalando/go-keyring"
)

const (
	keyringEnv     = "XAEROFLUX_KEYRING"
	keyringService = "xaeroflux" // of the entries; each is named after the directory of a store
)

// keyringDefault reads the default of --keyring from the environment.
func keyringDefault() bool {
	on, err := strconv.ParseBool(os.Getenv(keyringEnv))
	return on && err == nil
}

// fromKeyring returns the passphrase that the system's keyring has of the store, or nil if
// it has none.
func (a *app) fromKeyring() ([]byte, error) {
	name, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, err
	}
	found, err := keyring.Get(keyringService, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, nil
	}
	return []byte(found), inKeyring(err)
}

// toKeyring keeps the passphrase of the store in the system's keyring, or takes it out if
// that is empty. It does nothing without --keyring.
func (a *app) toKeyring(passphrase []byte) error {
	if !a.pass.keyring {
		return nil
	}
	name, err := filepath.Abs(a.dir)
	switch {
	case err != nil:
		return err
	case len(passphrase) > 0:
		return inKeyring(keyring.Set(keyringService, name, string(passphrase)))
	}
	if err = keyring.Delete(keyringService, name); errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return inKeyring(err)
}

// forKeyring returns why the keyring cannot keep a passphrase, if so: before anything is
// sealed with it.
func (a *app) forKeyring(passphrase []byte) error {
	if a.pass.keyring && !utf8.Valid(passphrase) {
		return usage("the system's keyring keeps text, and this passphrase is not UTF-8")
	}
	return nil
}

func inKeyring(err error) error {
	if err == nil {
		return nil
	}
	return hint(fmt.Errorf("the system's keyring: %w", err), "unlock it, or do the same without --keyring (and without "+keyringEnv+"): the passphrase is asked for then, or read by --passphrase-file")
}
