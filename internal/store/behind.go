// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A store that is an older copy of itself finds out by a head of its own that a
// peer has. That it signed so much is in the row of its log before the first event
// comes back: if it is stopped meanwhile, opening it expects the pages that are
// there already, and it takes no appends before all is back.

// SignedMore notes that this store signed Size events of a log of its own, of
// which it holds fewer.
type SignedMore struct {
	Log  digest.Hash
	Size uint64
}

// News reports whether that is not known yet.
func (m *SignedMore) News(s *Store) (bool, error) {
	l, err := s.Log(m.Log)
	return err == nil && l.Own && l.Row().HighWater < m.Size, err
}

func (m *SignedMore) log() digest.Hash { return m.Log }

func (m *SignedMore) write(c *Committer, t *aof.Txn) error {
	row, err := c.row(t, m.Log, nil)
	if err != nil || !row.Own || row.HighWater >= m.Size || m.Size > aof.MaxSize {
		return err
	}
	row.HighWater = m.Size
	if err := t.PutLog(row); err != nil {
		return err
	}
	// What was cosigned is as old as this log.
	return aof.PutRow(t, layout.Forgets, layout.Only{}, c.s.opts.Now())
}

func (m *SignedMore) made(*Store) error { return nil }

// Behind returns the logs of this store of which it held less than it signed when
// it was opened.
func (s *Store) Behind() (logs []*Log, err error) {
	for _, id := range s.behind {
		l, err := s.Log(id)
		if err != nil {
			return logs, err
		}
		if l.Own && l.Row().HighWater > l.Whole().Size {
			logs = append(logs, l)
		}
	}
	return logs, nil
}
