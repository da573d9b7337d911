// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Unasked returns what is kept of where in a data log nothing is asked for; an empty
// stretch if nothing is, or the log has other events by now.
func (s *Store) Unasked(l *Log) (at layout.Stretch, err error) {
	err = s.aof.View(func(v *aof.View) error {
		at, _, err = aof.Row(v, layout.Unasked, l.ID)
		return err
	})
	if err != nil || at.To == 0 {
		return layout.Stretch{}, err
	}
	if root, err := s.rootAt(l, at.To); err != nil || root != at.Root {
		return layout.Stretch{}, nil
	}
	return at, nil
}

// UnaskedRows returns the change that keeps where in data logs nothing is asked for; roots
// are put in.
func (s *Store) UnaskedRows(all map[digest.Hash]layout.Stretch) (Change, error) {
	rows := Puts{}
	for id, at := range all {
		l, err := s.Log(id)
		if err != nil {
			return nil, err
		}
		if at.Root, err = s.rootAt(l, at.To); err != nil {
			return nil, err
		}
		rows = append(rows, putOf(layout.Unasked, id, at))
	}
	return rows, nil
}
