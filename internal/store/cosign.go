// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// ErrNotCosigned is returned for a head that this store does not cosign.
var ErrNotCosigned = errors.New("store: the head is not cosigned")

// As a witness, a store cosigns heads of the histories it holds, which are
// verified, and never of two histories of one log: what it cosigned last is
// stored before the signature leaves, and holds where the store is put back
// from a backup.
//
//	offset  bytes  field
//	     0      8  size
//	     8     32  root
const cosignedRow = 8 + digest.Size

func cosignedKey(log digest.Hash) []byte { return append([]byte("cosigned "), log[:]...) }

// Cosignable checks that this store may cosign a head, and returns the small
// row to be made durable first, or nil where it is there.
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
	if err := s.isRoot(l, size, root); err != nil {
		return nil, err
	}
	lastSize, lastRoot, err := s.lastCosigned(l)
	switch {
	case err != nil:
		return nil, err
	case lastSize > p.Size:
		return nil, fmt.Errorf("%w: %d events were cosigned, held are %d; this store is an older copy", ErrNotCosigned, lastSize, p.Size)
	case lastSize > 0:
		if err := s.isRoot(l, lastSize, lastRoot); err != nil {
			return nil, err
		}
	}
	if lastSize >= size {
		return nil, nil
	}
	row := binary.LittleEndian.AppendUint64(nil, size)
	return &Put{Bucket: aof.Meta, Key: cosignedKey(l.ID), Value: append(row, root[:]...)}, nil
}

func (s *Store) isRoot(l *Log, size uint64, root digest.Hash) error {
	m, err := s.MountainsAt(l, size)
	if err == nil && m.Root() != root {
		err = fmt.Errorf("%w: root %s at %d, held is %s", ErrNotCosigned, root.Short(), size, m.Root().Short())
	}
	return err
}

func (s *Store) lastCosigned(l *Log) (size uint64, root digest.Hash, err error) {
	b, err := s.small(aof.Meta, cosignedKey(l.ID))
	if err != nil || b == nil {
		return 0, root, err
	}
	if len(b) != cosignedRow {
		return 0, root, &CorruptError{Where: "aof, meta", What: fmt.Sprintf("a row of %d bytes on what was cosigned", len(b))}
	}
	return binary.LittleEndian.Uint64(b), digest.Hash(b[8:]), nil
}

// small returns a copy of a small row, or nil.
func (s *Store) small(bucket aof.Bucket, key []byte) (b []byte, err error) {
	err = s.aof.View(func(v *aof.View) error {
		value, found, err := v.Get(bucket, key)
		if found {
			b = append([]byte{}, value...)
		}
		return err
	})
	return b, err
}

// A Cosigned is a head with cosignatures that were collected for it.
type Cosigned struct {
	Head   proof.Head
	Cosigs []proof.Cosignature // at most proof.MaxCosignatures, each of another witness
}

// maxCosigned bounds the heads of a log whose cosignatures are kept, the newest.
const maxCosigned = 4

const (
	cosigRow  = 32 + 8 + 64
	cosigHead = 8 + 32 + 64 + 1
)

func cosigsKey(log digest.Hash) []byte { return append([]byte("cosignatures "), log[:]...) }

// Cosigned returns the newest heads of a log that are cosigned, newest first.
func (s *Store) Cosigned(log digest.Hash) ([]Cosigned, error) {
	b, err := s.small(aof.Meta, cosigsKey(log))
	if err != nil {
		return nil, err
	}
	var all []Cosigned
	for len(b) > 0 {
		if len(b) < cosigHead || len(b) < cosigHead+int(b[cosigHead-1])*cosigRow {
			return nil, &CorruptError{Where: "aof, meta", What: "a row of cosignatures that is too short"}
		}
		c := Cosigned{Head: proof.Head{Log: log, Size: binary.LittleEndian.Uint64(b), Root: digest.Hash(b[8:])}}
		copy(c.Head.Sig[:], b[40:])
		n := int(b[cosigHead-1])
		for b = b[cosigHead:]; n > 0; n, b = n-1, b[cosigRow:] {
			one := proof.Cosignature{Witness: [32]byte(b), Time: binary.LittleEndian.Uint64(b[32:])}
			copy(one.Sig[:], b[40:])
			c.Cosigs = append(c.Cosigs, one)
		}
		all = append(all, c)
	}
	return all, nil
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
	var row []byte
	for _, c := range all[:min(len(all), maxCosigned)] {
		row = binary.LittleEndian.AppendUint64(row, c.Head.Size)
		row = append(append(row, c.Head.Root[:]...), c.Head.Sig[:]...)
		cosigs := c.Cosigs[:min(len(c.Cosigs), proof.MaxCosignatures)]
		row = append(row, byte(len(cosigs)))
		for _, one := range cosigs {
			row = binary.LittleEndian.AppendUint64(append(row, one.Witness[:]...), one.Time)
			row = append(row, one.Sig[:]...)
		}
	}
	return &Put{Bucket: aof.Meta, Key: cosigsKey(c.Head.Log), Value: row}, nil
}
