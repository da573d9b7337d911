// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/messages"
)

// seal moves a log's sealed cursor and trims the AOF below it. Of pages of a peer
// that are committed by it, the stage is to publish what they lead to.
func (c *Committer) seal(t *aof.Txn, m *messages.Sealed) error {
	row, err := c.row(t, m.Log, nil)
	if err != nil {
		return err
	}
	if m.Size > row.SealedSize {
		if why, ok := c.unsealable(row, m); !ok {
			if why != nil {
				c.done.Lost[m.Log] = why
			}
			return nil
		}
		if err := c.sealTo(t, row, m); err != nil {
			return err
		}
	}
	if m.Remote != nil {
		c.done.Durable = append(c.done.Durable, messages.Durable{Log: m.Log, Size: m.Size})
	}
	return nil
}

// unsealable returns whether pages may be sealed, or why not, if that is a loss:
// what the AOF holds is sealed with a later page.
func (c *Committer) unsealable(row *aof.LogRow, m *messages.Sealed) (why error, ok bool) {
	l, err := c.s.cached(m.Log)
	switch {
	case err != nil || l.epoch.Load() != m.Epoch:
		if m.Remote != nil {
			why = fmt.Errorf("%w: log %s: it was taken up anew", ErrOtherHistory, m.Log.Short())
		}
	case row.Closed != 0 && m.Size > row.Size:
		why = fmt.Errorf("%w: %w", ErrGap, closedError(row))
	case shadowed(row, m):
		why = fmt.Errorf("%w: log %s: pages to %d under events to %d of another history", ErrGap, m.Log.Short(), m.Size, row.Size)
	default:
		return nil, true
	}
	return why, false
}

func (c *Committer) sealTo(t *aof.Txn, row *aof.LogRow, m *messages.Sealed) error {
	row.SealedPages, row.SealedSize = m.Pages, m.Size
	if m.Size > row.Size {
		if m.Remote == nil {
			return fmt.Errorf("log %s sealed to %d, but holds %d", m.Log.Short(), m.Size, row.Size)
		}
		begins := row.Size == 0
		row.Size = m.Size
		setHead(row, m.Remote)
		if begins {
			if err := c.firstOfPages(t, row); err != nil {
				return err
			}
		}
	}
	return t.TrimEvents(row.Num, m.Size)
}
