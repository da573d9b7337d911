// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Wait waits until the events of a receipt can be read in this store, with all that is
// before them in their log. After an append of its own that is at once; for the receipt
// of another device it is when a sync brought them, however long that takes: ctx bounds
// it. The log need not be known yet.
//
// The error is ErrOptions for a receipt of no log, ErrLogClosed or ErrFrozen for a log
// that takes nothing more before it comes there, ErrClosed, or that of ctx.
func (db *DB) Wait(ctx context.Context, r Receipt) (err error) {
	defer db.out(&err)
	if r.Log.IsZero() {
		return fmt.Errorf("wait: %w: the receipt names no log", ErrOptions)
	}
	end := r.Seq + uint64(max(r.Count, 1)) // of repeats alone, the one that is named
	t := db.hub.follow(digest.Hash(r.Log))
	defer db.hub.leave(digest.Hash(r.Log), t)
	for there := false; err == nil; _, err = t.next(ctx) {
		if there, err = db.holds(r.Log, end); there || err != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("wait for event %d of log %s: %w", end-1, r.Log.Short(), err)
	}
	return nil
}

// holds reports whether so many events of a log can be read. The error says why there will
// never be as many.
func (db *DB) holds(log LogID, size uint64) (bool, error) {
	done, err := db.reading()
	if err != nil {
		return false, err
	}
	defer done()
	l, err := db.shownLog(log)
	switch {
	case errors.Is(err, ErrUnknownLog):
		return false, nil
	case err != nil:
		return false, err
	case l.State().Size >= size:
		return true, nil
	}
	if end, why := l.Closed(); why != 0 && end < size {
		return false, fmt.Errorf("%w: it ends at %d events: %s", ErrLogClosed, end, why)
	}
	if row := l.Row(); row.Frozen && row.Size < size {
		return false, fmt.Errorf("%w, at %d events", ErrFrozen, row.Size)
	}
	return false, nil
}
