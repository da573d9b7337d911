// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"path/filepath"

	"github.com/PowerDNS/lmdb-go/lmdb"
)

// Stats says how large the environment is.
type Stats struct {
	MapBytes  int64 // of the memory map, which grows by doubling
	FileBytes int64 // of the data file, which never shrinks while open
	PageBytes int   // of LMDB's pages
	UsedPages uint64
	FreePages uint64 // of the file, for later use
	Logs      uint64
	Chunks    uint64 // rows of events
	LastTxn   uint64 // number of the last commit
}

// Stats returns the size of the environment now.
func (s *Store) Stats() (Stats, error) {
	var st Stats
	err := s.View(func(v *View) error {
		info, err := v.s.env.Info()
		if err != nil {
			return lmdbError(err)
		}
		st.MapBytes, st.LastTxn = info.MapSize, uint64(info.LastTxnID)
		if st.UsedPages, err = v.usedPages(&st); err != nil {
			return err
		}
		st.FreePages = uint64(info.LastPNO) + 1 - min(st.UsedPages, uint64(info.LastPNO)+1)
		return nil
	})
	if err != nil {
		return Stats{}, err
	}
	file, err := s.fs.Stat(filepath.Join(s.dir, dataFile))
	if err != nil {
		return Stats{}, err
	}
	st.FileBytes = file.Size()
	return st, nil
}

// usedPages sums over the named databases and LMDB's own two, 0 for the free
// list and 1 for the names.
func (v *View) usedPages(st *Stats) (uint64, error) {
	used := uint64(2) // meta pages
	for i, dbi := range append([]lmdb.DBI{0, 1}, v.s.dbs[:]...) {
		db, err := v.tx.Stat(dbi)
		if err != nil {
			return 0, lmdbError(err)
		}
		used += db.BranchPages + db.LeafPages + db.OverflowPages
		switch i - 2 {
		case dbEvents:
			st.Chunks = db.Entries
		case dbLogs:
			st.Logs = db.Entries
		}
		st.PageBytes = int(db.PSize)
	}
	return used, nil
}
