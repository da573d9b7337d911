// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// rewrite makes a new data file of what is no secret of the store: a copy of
// which rows are deleted would keep their bytes in pages that are not full.
// Rows of event ids are left out too, as their keys come from the seed.
func (n *Snapshot) rewrite(from *aof.Store) error {
	to, err := aof.Open(n.AOF, aof.Options{})
	if err != nil {
		return err
	}
	logs := append([]SnapshotLog(nil), n.Logs...)
	err = to.Commit(func(t *aof.Txn) error {
		return from.View(func(v *aof.View) error {
			for i := range n.Logs {
				logs[i].LogRow = notOwn(n.Logs[i].LogRow)
				if err := copyLog(t, v, &logs[i].LogRow); err != nil {
					return err
				}
			}
			return n.copyRows(t, v)
		})
	})
	n.Logs = logs
	return errors.Join(err, to.Close())
}

// notOwn returns the row of a log as that of somebody else.
func notOwn(row aof.LogRow) aof.LogRow {
	if row.Own {
		row.Own, row.HighWater, row.Right = false, 0, nil
	}
	return row
}

func copyLog(t *aof.Txn, v *aof.View, row *aof.LogRow) error {
	num := row.Num
	row.Num = 0
	if err := t.PutLog(row); err != nil {
		return err
	}
	return v.Events(num, row.SealedSize, row.Size, func(first uint64, count int, records []byte) error {
		return t.AppendEvents(row.Num, first, records, count)
	})
}

// secretMeta are the rows that only the store itself has a use for.
var secretMeta = []*layout.Kind{&layout.Generations.Kind, &layout.Places.Kind, &layout.Moves.Kind, &layout.Restores.Kind, &layout.Unmet.Kind, &layout.Forgets.Kind, &layout.SuccessorKeys.Kind, &layout.Petnames.Kind}

func (n *Snapshot) copyRows(t *aof.Txn, v *aof.View) error {
	put := func(b aof.Bucket) func(key, value []byte) error {
		return func(key, value []byte) error { return t.Put(b, key, value) }
	}
	err := aof.EachRow(v, layout.Topics, func(num uint32, topic *Topic) error {
		topic.Account = identity.AccountSecret{}
		return aof.PutRow(t, layout.Topics, num, topic)
	})
	meta := v.ForEach(aof.Meta, nil, func(key, value []byte) error {
		if slices.Contains(secretMeta, layout.KindOf(aof.Meta.String(), key)) {
			return nil
		}
		return t.Put(aof.Meta, key, value)
	})
	return errors.Join(err, meta, v.ForEach(aof.Peers, nil, put(aof.Peers)), v.ForEach(aof.Cursors, nil, put(aof.Cursors)),
		v.ForEach(aof.Ranges, nil, put(aof.Ranges)))
}
