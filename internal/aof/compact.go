// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/PowerDNS/lmdb-go/lmdb"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A data file larger than this, with less than a quarter of it in use, is copied
// without its free pages at Open: LMDB never gives a file's space back, and a
// pipeline that stood still once would cost its disk space for ever.
const compactBytes = 32 << 20

// compact copies the environment if that is worth it. A crash leaves the old
// file or the whole new one.
func compact(fsys durable.FS, dir string) error {
	path := filepath.Join(dir, dataFile)
	info, err := fsys.Stat(path)
	if err != nil || info.Size() < compactBytes {
		return err
	}
	tmp := filepath.Join(dir, newDir)
	copied, err := compactTo(fsys, dir, tmp, info.Size())
	if err != nil || !copied {
		// The old file is as good as before; a full disk must not keep it shut.
		return fsys.RemoveAll(tmp)
	}
	return moveIn(fsys, tmp, dir)
}

// compactTo makes the copy in tmp, synced and checked.
func compactTo(fsys durable.FS, dir, tmp string, size int64) (bool, error) {
	if err := fsys.RemoveAll(tmp); err != nil {
		return false, err
	}
	copied, err := copyEnv(fsys, dir, tmp, uint64(size/4))
	if err != nil || !copied {
		return false, err
	}
	path := filepath.Join(tmp, dataFile)
	if err := syncFile(fsys, path); err != nil {
		return false, err
	}
	return true, precheck(fsys, path)
}

// copyEnv copies the pages in use if they are fewer than limit bytes.
func copyEnv(fsys durable.FS, dir, to string, limit uint64) (copied bool, err error) {
	s, err := openRows(fsys, dir, minMapBytes)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.env.Close()) }()
	var used uint64
	err = s.env.View(func(tx *lmdb.Txn) error {
		var st Stats
		v := &View{s: s, tx: tx}
		pages, err := v.usedPages(&st)
		used = pages * uint64(st.PageBytes)
		return err
	})
	if err != nil || used >= limit {
		return false, lmdbError(err)
	}
	if err := fsys.MkdirAll(to, 0o700); err != nil {
		return false, err
	}
	return true, lmdbError(s.env.CopyFlag(fsys.SystemPath(to), lmdb.CopyCompact))
}

func syncFile(fsys durable.FS, path string) error {
	f, err := fsys.Open(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// moveIn puts the synced data file of tmp in its place.
func moveIn(fsys durable.FS, tmp, dir string) error {
	if err := fsys.Rename(filepath.Join(tmp, dataFile), filepath.Join(dir, dataFile)); err != nil {
		return err
	}
	if err := fsys.RemoveAll(tmp); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
