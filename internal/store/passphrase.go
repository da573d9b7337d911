// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// The seed in identity.key opens all that is sealed in a store: rows of secrets and the
// generation in FORMAT. A passphrase seals that one file, so that to set or to remove one
// writes nothing else anew.

// loadSeed reads identity.key, unless this store wrote it just now.
func (s *Store) loadSeed() (err error) {
	if s.key != nil {
		return nil
	}
	if s.locked, err = identity.SeedSealed(s.path(seedName)); err != nil {
		return err
	}
	if s.device.Seed, err = identity.LoadSeed(s.path(seedName), s.opts.Passphrase); err == nil {
		s.key = s.device.Seed.StoreKey()
	}
	return err
}

// createSeed writes the seed, unless a creation that was stopped did.
func (s *Store) createSeed(n *CreateOptions) (err error) {
	if s.device.Seed = n.Seed; n.Seed == (identity.Seed{}) {
		err = s.newSeed(n.Passphrase)
	} else {
		err = s.writeSeed(n.Passphrase)
	}
	if errors.Is(err, fs.ErrExist) {
		err = s.takeSeed(n.Passphrase)
	}
	return err
}

// newSeed draws a seed and writes it.
func (s *Store) newSeed(passphrase []byte) (err error) {
	if s.device.Seed, err = identity.NewSeed(rand.Reader); err != nil {
		return err
	}
	return s.writeSeed(passphrase)
}

func (s *Store) writeSeed(passphrase []byte) error {
	err := identity.CreateSeed(s.path(seedName), s.device.Seed, passphrase)
	if err == nil {
		s.key, s.locked = s.device.Seed.StoreKey(), len(passphrase) > 0
	}
	return err
}

// takeSeed goes on with the seed that a creation that was stopped wrote. It gets the
// passphrase that it is to have.
func (s *Store) takeSeed(passphrase []byte) error {
	if s.opts.Passphrase == nil && len(passphrase) > 0 {
		s.opts.Passphrase = func() ([]byte, error) { return append([]byte(nil), passphrase...), nil }
	}
	if err := s.loadSeed(); err != nil || s.locked || len(passphrase) == 0 {
		return err
	}
	s.locked = true
	return identity.ReplaceSeed(s.path(seedName), s.device.Seed, passphrase)
}

// renewFormat writes FORMAT of a store of the version before, in which secrets lay in
// the clear. It comes before the AOF is written anew, as an earlier program would take
// sealed rows for damage.
func (s *Store) renewFormat() error {
	if !s.format.Clear {
		return nil
	}
	s.format.Clear = false
	return device.WriteFormat(s.opts.FS, s.dir, s.format, s.key)
}

// ErrClear is returned if a passphrase is to be set while secrets of the store lie in
// the clear, from the time of an earlier version.
var ErrClear = errors.New("keys lie in the clear, as an earlier version wrote them")

// SetPassphrase seals identity.key with another passphrase, or writes it in the clear if
// that is empty. Whenever it is interrupted, the old one opens the store or the new one.
func (s *Store) SetPassphrase(next []byte) error {
	if err := s.hidden(); err != nil && len(next) > 0 {
		return err
	}
	if err := s.expectSeed(); err != nil {
		return err
	}
	if err := identity.ReplaceSeed(s.path(seedName), s.device.Seed, next); err != nil {
		return fmt.Errorf("store %s: %w", s.dir, err)
	}
	s.locked = len(next) > 0
	return nil
}

// expectSeed forgets which file identity.key is, so that another one is no sign of a
// copy: the next opening learns it. A store that is taken for a copy stays one.
func (s *Store) expectSeed() error {
	now, err := device.PlaceOf(s.dir, s.opts.Place)
	if err != nil {
		return err
	}
	if same, _ := s.place.Same(now); !same {
		return nil
	}
	s.place = s.place.WithoutFile()
	s.format.Place = s.place
	err = s.aof.Commit(func(t *aof.Txn) error { return aof.PutRow(t, layout.Places, layout.Only{}, s.place) })
	if err != nil {
		return err
	}
	return device.WriteFormat(s.opts.FS, s.dir, s.format, s.key)
}
