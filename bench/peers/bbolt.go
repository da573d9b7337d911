// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"encoding/binary"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Bbolt is the B+ tree of etcd: one writer, synced at each commit.
var Bbolt = &Peer{
	Name:    "bbolt",
	Module:  "go.etcd.io/bbolt",
	Promise: "synced to disk",
	Tuning:  "`Batch` for single events of many callers; pages filled whole, as keys only ascend",
	Open: func(dir string, h Hint) (Store, error) {
		db, err := bbolt.Open(filepath.Join(dir, "bolt.db"), 0o600, &bbolt.Options{NoSync: h.Unsynced, FreelistType: bbolt.FreelistMapType})
		if err != nil {
			return nil, err
		}
		db.MaxBatchSize = max(h.Callers, 1)
		err = db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists(events)
			return err
		})
		return &boltStore{db: db, gathers: h.Batch <= 1 && h.Callers > 1}, err
	},
}

var events = []byte("events")

type boltStore struct {
	db      *bbolt.DB
	gathers bool
}

func (s *boltStore) Append(payloads [][]byte) error {
	put := func(tx *bbolt.Tx) error {
		b := tx.Bucket(events)
		b.FillPercent = 1
		for _, p := range payloads {
			seq, err := b.NextSequence()
			if err == nil {
				err = b.Put(key(seq-1), p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if s.gathers {
		return s.db.Batch(put)
	}
	return s.db.Update(put)
}

func (s *boltStore) Iterate(fn func([]byte) error) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(events).ForEach(func(_, v []byte) error { return fn(v) })
	})
}

func (s *boltStore) Get(seq int) (payload []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(events).Get(key(uint64(seq)))
		if v == nil {
			return fmt.Errorf("bbolt: no event %d", seq)
		}
		payload = append(payload, v...)
		return nil
	})
	return payload, err
}

func (s *boltStore) Close() error { return s.db.Close() }

// key puts sequences in the order of bytes.
func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }
