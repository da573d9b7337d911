// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// The rows of a topic's logs say as a rule what is published of them, so that
// whoever goes through all logs has none loaded, whose files would be looked at.

// errUnsaid is returned for a log whose row does not say what is published of it,
// because its head is of another size.
var errUnsaid = errors.New("the row has no root at the log's size")

// idle returns what is published of a log, from its row if that says it.
func (s *Store) idle(id digest.Hash) (info syncer.LogInfo, err error) {
	l, err := s.catalog.absent(id, func() error {
		info, err = s.rowInfo(id)
		return err
	})
	if errors.Is(err, errUnsaid) {
		l, err = s.Log(id)
	}
	if l != nil {
		return l.info()
	}
	return info, err
}

// rowInfo returns what a log's row says of it; the log is not in memory.
func (s *Store) rowInfo(id digest.Hash) (info syncer.LogInfo, err error) {
	var row aof.LogRow
	var found bool
	err = s.aof.View(func(v *aof.View) (err error) {
		row, found, err = v.Log(id)
		return err
	})
	if h := s.catalog.headOf(id); h.Size > row.HeadSize { // that the row does not have yet
		row.HeadSize, row.HeadRoot, row.HeadSig = h.Size, h.Root, h.Sig
	}
	switch {
	case err != nil:
		return info, err
	case !found:
		return info, ErrUnknownLog
	case row.HeadSize != row.Size || row.HighWater > row.Size:
		return info, errUnsaid
	case row.Size == 0:
		row.HeadRoot = digest.Empty
	}
	t, err := s.Topic(row.Topic)
	if err != nil {
		return info, err
	}
	if cut, err := s.cutOf(t.ID, row.Kind, id); err != nil || cut != nil {
		return info, cmp.Or(err, errUnsaid)
	}
	outside, err := s.outside(row.Name(), id)
	if err != nil {
		return info, err
	}
	info = syncer.LogOf(row.ID, row.Name(), t.Genesis)
	info.Own, info.Frozen, info.Ends = row.Own, row.Frozen, row.Closed != 0
	info.Provisional = outside
	info.Size, info.Pages, info.SealedSize, info.Root, info.Head, info.Right = row.Size, row.SealedPages, row.SealedSize, row.HeadRoot, row.Head(), row.Right
	if info.Ends {
		info.End = row.Size
	}
	return info, nil
}
