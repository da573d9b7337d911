// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Each kind says by its Salvage what becomes of the rows of a damaged AOF. Those
// that are weighed are read where what follows from them is decided: topics,
// generation, place, how often the store was closed, the default topic.

// putRest keeps the rows of the old AOF that are kept as they are.
func (s *rows) putRest(t *aof.Txn) error {
	if s.old == nil {
		return nil
	}
	for bucket, rows := range s.old.Rows {
		for key, value := range rows {
			if !layout.Salvaged(bucket.String(), []byte(key), value) {
				continue
			}
			if err := t.Put(bucket, []byte(key), value); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellLosses says what it costs that the AOF was made again: what is given up,
// and which rows are what could be found of them.
func (s *rows) tellLosses(old *aof.Salvage) {
	for _, k := range layout.Kinds {
		if k.Salvage == layout.GiveUp && k.Loss != "" {
			s.r.doneBut(digest.Hash{}, remedyForRows(k), "%s is given up: %s", k.Name, k.Loss)
		}
	}
	if old == nil {
		s.r.done(digest.Hash{}, "no row of the AOF was left: remembered peers, what is followed, and how far actors were are gone with it")
	} else {
		s.r.done(digest.Hash{}, "remembered peers, what is followed, and how far actors were are as the newest row says that could be read")
	}
}

// freezeForked freezes the logs of which the proof of a fork was kept.
func (s *rows) freezeForked() error {
	var forked []proof.Fork
	err := s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Forks, func(id digest.Hash, f proof.Fork) error {
			if !s.logs[id].Frozen {
				forked = append(forked, f)
			}
			return nil
		})
	})
	if err != nil || len(forked) == 0 {
		return err
	}
	return s.aof.Commit(func(t *aof.Txn) error {
		for _, f := range forked {
			row, found := s.logs[f.Log()]
			if !found {
				row = aof.NewLogRow(f.LogName, false)
			}
			row.Frozen = true
			if err := t.PutLog(&row); err != nil {
				return err
			}
			s.logs[row.ID] = row
		}
		return nil
	})
}

// forget notes that newer heads may have been cosigned than the rows say: a
// witness that does not know would cosign a second history. Keys of a new device
// cosigned nothing.
func (s *rows) forget() error {
	if s.r.o.CosignAgain {
		return s.remember()
	}
	if s.r.retire || s.rebuilt == "" && !s.r.behind && !s.dropped[&layout.Cosigned.Kind] {
		return nil
	}
	s.r.doneBut(digest.Hash{}, RemedyCosign, "which heads of others this store cosigned last is not known any more: it cosigns none")
	return s.aof.Commit(func(t *aof.Txn) error {
		_, known, err := aof.Row(&t.View, layout.Forgets, layout.Only{})
		if err != nil || known {
			return err
		}
		return aof.PutRow(t, layout.Forgets, layout.Only{}, s.r.o.Now)
	})
}

// remember lets the store cosign again, as a person says so.
func (s *rows) remember() error {
	s.r.done(digest.Hash{}, "heads of others are cosigned again")
	return s.aof.Commit(func(t *aof.Txn) error { return aof.DeleteRow(t, layout.Forgets, layout.Only{}) })
}

// tellUnfrozen says of a log that was frozen, whose proof is lost.
func (l *logMend) tellUnfrozen() error {
	if l.old == nil || !l.old.Frozen {
		return nil
	}
	return l.r.rows.aof.View(func(v *aof.View) error {
		_, found, err := aof.Row(v, layout.Forks, l.info.id)
		if err == nil && !found {
			l.r.done(l.info.id, "it was frozen, and the proof of its fork is only in %s, if there: peers that know of the fork send it again", layout.ForksName)
		}
		return err
	})
}
