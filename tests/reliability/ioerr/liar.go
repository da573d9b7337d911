// SPDX-License-Identifier: MPL-2.0

package ioerr

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A liar is a disk that says that what failed was done: the control.
type liar struct{ durable.FS }

func (l liar) Open(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := l.FS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return liarFile{f}, nil
}

// Over puts the liar over another disk, below what it was over before.
func (l liar) Over(fsys durable.FS) durable.FS {
	if w, ok := l.FS.(interface{ Over(durable.FS) durable.FS }); ok {
		return liar{w.Over(fsys)}
	}
	return liar{fsys}
}

type liarFile struct{ durable.File }

func (f liarFile) WriteAt(p []byte, off int64) (int, error) {
	if n, err := f.File.WriteAt(p, off); err != nil && !injected(err) {
		return n, err
	}
	return len(p), nil
}

func (f liarFile) Truncate(size int64) error { return hide(f.File.Truncate(size)) }

func hide(err error) error {
	if injected(err) {
		return nil
	}
	return err
}

func injected(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
