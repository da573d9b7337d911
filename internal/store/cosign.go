// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// ErrNotCosigned is returned for a head that this store does not cosign.
var ErrNotCosigned = errors.New("the head is not cosigned")

// As a witness, a store cosigns heads of the histories it holds, which are
// verified, never of two histories of one log, and never an older head after a
// newer one (https://c2sp.org/tlog-cosignature): what it cosigned last is
// stored before the signature leaves, and holds if the store is put back
// from a backup.

// Cosignable checks that this store may cosign a head, and returns the small
// row to be made durable first, or nil if it is there. Nobody may ask again of the
// same log before that row is durable.
func (s *Store) Cosignable(l *Log, size uint64, root digest.Hash) (*Put, error) {
	p := l.State()
	switch {
	case l.Own:
		return nil, fmt.Errorf("%w: log %s is our own", ErrNotCosigned, l.ID.Short())
	case l.Row().Frozen:
		return nil, fmt.Errorf("%w: %w", ErrNotCosigned, ErrFrozen)
	case size == 0 || size > p.Size:
		return nil, fmt.Errorf("%w: a head of %d, held are %d", ErrNotCosigned, size, p.Size)
	}
	if err := s.remembers(); err != nil {
		return nil, err
	}
	if err := s.isRoot(l, size, root); err != nil {
		return nil, err
	}
	last, err := s.lastCosigned(l)
	switch {
	case err != nil:
		return nil, err
	case last.Size > p.Size:
		return nil, fmt.Errorf("%w: %d events were cosigned, held are %d; this store is an older copy", ErrNotCosigned, last.Size, p.Size)
	case last.Size > size:
		return nil, fmt.Errorf("%w: a head of %d, and one of %d was cosigned since; ask for a newer one", ErrNotCosigned, size, last.Size)
	case last.Size > 0:
		if err := s.isRoot(l, last.Size, last.Root); err != nil {
			return nil, err
		}
	}
	if last.Size == size {
		return nil, nil
	}
	return putOf(layout.Cosigned, l.ID, layout.Tip{Size: size, Root: root}), nil
}

func (s *Store) isRoot(l *Log, size uint64, root digest.Hash) error {
	m, err := s.PeaksAt(l, size)
	if err == nil && m.Root() != root {
		err = fmt.Errorf("%w: root %s at %d, held is %s", ErrNotCosigned, root.Short(), size, m.Root().Short())
	}
	return err
}

// remembers returns an error if newer heads may have been cosigned than the rows
// say: of a log in another history, too.
func (s *Store) remembers() error {
	return s.aof.View(func(v *aof.View) error {
		at, forgot, err := aof.Row(v, layout.Forgets, layout.Only{})
		if err == nil && forgot {
			err = fmt.Errorf("%w: which heads were cosigned was lost, and found out on %s; repair the store with CosignAgain, if it holds no other histories than it cosigned",
				ErrNotCosigned, at.UTC().Format(time.DateOnly))
		}
		return err
	})
}

func (s *Store) lastCosigned(l *Log) (last layout.Tip, err error) {
	err = s.aof.View(func(v *aof.View) error {
		last, _, err = aof.Row(v, layout.Cosigned, l.ID)
		return err
	})
	return last, err
}

// A Cosigned is a head with cosignatures that were collected for it.
type Cosigned = layout.CosignedHead

// maxCosigned bounds the heads of a log whose cosignatures are kept, the newest.
const maxCosigned = 4

// Cosigned returns the newest heads of a log that are cosigned, newest first.
func (s *Store) Cosigned(log digest.Hash) (all []Cosigned, err error) {
	err = s.aof.View(func(v *aof.View) error {
		all, _, err = aof.Row(v, layout.Cosignatures, log)
		return err
	})
	return all, err
}

// PutCosigned returns the small row that adds a head with its cosignatures to
// those that are kept of its log.
func (s *Store) PutCosigned(c Cosigned) (*Put, error) {
	all, err := s.Cosigned(c.Head.Log)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o Cosigned) bool { return o.Head.Size == c.Head.Size })
	all = append(all, c)
	slices.SortFunc(all, func(a, b Cosigned) int { return cmp.Compare(b.Head.Size, a.Head.Size) })
	return putOf(layout.Cosignatures, c.Head.Log, all[:min(len(all), maxCosigned)]), nil
}
