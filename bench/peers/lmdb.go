// SPDX-License-Identifier: MPL-2.0

package peers

import (
	"github.com/PowerDNS/lmdb-go/lmdb"
)

// LMDB is the database under Xaeroflux's own AOF, used plainly: one key an
// event.
var LMDB = &Peer{
	Name:    "lmdb",
	Module:  "github.com/PowerDNS/lmdb-go",
	Promise: "synced to disk",
	Tuning:  "group commit by the benchmark, up to 4096 events; keys appended",
	Floor:   true,
	Open: func(dir string, h Hint) (Store, error) {
		env, err := lmdb.NewEnv()
		if err != nil {
			return nil, err
		}
		if err := env.SetMapSize(32 << 30); err != nil {
			return nil, err
		}
		var flags uint
		if h.Unsynced {
			flags = lmdb.NoSync
		}
		if err := env.Open(dir, flags, 0o600); err != nil {
			return nil, err
		}
		s := &lmdbStore{env: env}
		if err := env.Update(s.open); err != nil {
			return nil, err
		}
		s.g = gather(s.commit)
		return s, nil
	},
}

type lmdbStore struct {
	env  *lmdb.Env
	dbi  lmdb.DBI
	g    *gatherer
	next uint64 // of the gatherer's goroutine
}

func (s *lmdbStore) open(txn *lmdb.Txn) (err error) {
	if s.dbi, err = txn.OpenRoot(0); err != nil {
		return err
	}
	st, err := txn.Stat(s.dbi)
	if err == nil {
		s.next = st.Entries
	}
	return err
}

func (s *lmdbStore) commit(payloads [][]byte) error {
	err := s.env.Update(func(txn *lmdb.Txn) error {
		for i, p := range payloads {
			if err := txn.Put(s.dbi, key(s.next+uint64(i)), p, lmdb.Append); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.next += uint64(len(payloads))
	}
	return err
}

func (s *lmdbStore) Append(payloads [][]byte) error { return s.g.append(payloads) }

func (s *lmdbStore) Iterate(fn func([]byte) error) error {
	return s.env.View(func(txn *lmdb.Txn) error {
		txn.RawRead = true
		cur, err := txn.OpenCursor(s.dbi)
		if err != nil {
			return err
		}
		defer cur.Close()
		for {
			_, v, err := cur.Get(nil, nil, lmdb.Next)
			if lmdb.IsNotFound(err) {
				return nil
			}
			if err == nil {
				err = fn(v)
			}
			if err != nil {
				return err
			}
		}
	})
}

func (s *lmdbStore) Get(seq int) (payload []byte, err error) {
	err = s.env.View(func(txn *lmdb.Txn) error {
		payload, err = txn.Get(s.dbi, key(uint64(seq)))
		return err
	})
	return payload, err
}

func (s *lmdbStore) Close() error {
	s.g.close()
	return s.env.Close()
}
