// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// failedFile holds the number of a commit that failed, in decimal. LMDB answers a
// meta page that could not be written by writing that page's old number over
// it, with the new roots: the page then looks as one does whose number was
// changed by accident, and only this file tells the two apart. It is there from
// a failed commit to the next one that succeeds.
const failedFile = "failed"

// noteFailed writes down that the commit after the last good one failed. On a
// disk that takes no more, the next Open may have to refuse the data file.
func (s *Store) noteFailed() {
	info, err := s.env.Info()
	if err != nil {
		return
	}
	text := strconv.FormatInt(info.LastTxnID+1, 10)
	_ = s.fs.WriteFileAtomic(filepath.Join(s.dir, failedFile), []byte(text), 0o600)
}

// readFailed returns the number of the commit that failed, or 0.
func readFailed(fsys durable.FS, dir string) (uint64, error) {
	b, err := fsys.ReadFile(filepath.Join(dir, failedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, nil // it is damaged and tells nothing
	}
	return n, nil
}

// settleFailed commits something after a commit that failed, which puts the meta
// page right, and forgets the failure.
func (s *Store) settleFailed() error {
	failed, err := readFailed(s.fs, s.dir)
	if err != nil || failed == 0 {
		return err
	}
	err = s.Commit(func(t *Txn) error {
		return t.fail(t.tx.Put(s.dbs[dbFormat], formatKey, sealRow(dbFormat, formatKey, s.format), 0))
	})
	if err != nil {
		return err
	}
	if err := s.fs.Remove(filepath.Join(s.dir, failedFile)); err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}
