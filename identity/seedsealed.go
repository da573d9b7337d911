// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/xaeroflux/xaeroflux/internal/passwork"
)

// A seed file with a passphrase is an age file (age-encryption.org/v1, binary) of which
// scrypt is the one recipient, and in it the text of a seed file without one: `age -d`
// opens it, and an age file that `age -p` made of such a text is one.
const (
	seedSealedMagic = "age-encryption.org/v1\n"
	seedWorkLimit   = 20 // of a file that somebody else made, as package passwork counts
)

// A Passphrase asks for the passphrase of identity.key. It is called only if the file
// has one; what it returns is wiped after use.
type Passphrase func() ([]byte, error)

// ErrPassphrase is returned for a seed file with a passphrase if none is given, or
// another one.
var ErrPassphrase = errors.New("identity.key has a passphrase")

// What may be wrong with what was given.
var (
	errNoPassphrase    = fmt.Errorf("%w, and none was given: give it, or its file, to what opens the store", ErrPassphrase)
	errWrongPassphrase = fmt.Errorf("%w, and this is another one: type it again; a backup has the one that the store had when it was made", ErrPassphrase)
)

// Once returns a Passphrase that asks once, for work that needs it several times.
// forget wipes it.
func (ask Passphrase) Once() (once Passphrase, forget func()) {
	if ask == nil {
		return nil, func() {}
	}
	var kept []byte
	once = func() ([]byte, error) {
		if kept == nil {
			b, err := ask()
			if err != nil {
				return nil, err
			}
			kept = b
		}
		return bytes.Clone(kept), nil
	}
	return once, func() { clear(kept); kept = nil }
}

func sealedSeed(file []byte) bool { return bytes.HasPrefix(file, []byte(seedSealedMagic)) }

func sealSeed(s Seed, passphrase []byte) ([]byte, error) {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(passwork.Log2)
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to)
	if err != nil {
		return nil, err
	}
	text := encodeSeed(s)
	defer clear(text)
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	return file.Bytes(), err
}

// openSeed asks for the passphrase of a sealed seed file. Its errors quote neither.
func openSeed(file []byte, ask Passphrase) (Seed, error) {
	if ask == nil {
		return Seed{}, errNoPassphrase
	}
	passphrase, err := ask()
	if err != nil {
		return Seed{}, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	defer clear(passphrase)
	if len(passphrase) == 0 {
		return Seed{}, errNoPassphrase
	}
	text, err := openAge(file, passphrase)
	if err != nil {
		return Seed{}, err
	}
	defer clear(text)
	return decodeSeed(text)
}

func openAge(file, passphrase []byte) ([]byte, error) {
	key, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	key.SetMaxWorkFactor(seedWorkLimit)
	r, err := age.Decrypt(bytes.NewReader(file), key)
	switch {
	case errors.Is(err, age.ErrIncorrectIdentity) && bytes.Contains(file, []byte("\n-> scrypt ")):
		return nil, errWrongPassphrase
	case err != nil:
		return nil, fmt.Errorf("%w: an age file: %w", ErrSeedFile, err)
	}
	text, err := io.ReadAll(io.LimitReader(r, seedFileLimit))
	if err != nil {
		clear(text)
		return nil, fmt.Errorf("%w: an age file: %w", ErrSeedFile, err)
	}
	return text, nil
}
