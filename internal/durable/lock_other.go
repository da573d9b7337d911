// SPDX-License-Identifier: MPL-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package durable

import (
	"errors"
	"io/fs"
	"os"
)

// lock creates LOCK and is refused while it exists. A process that died leaves
// it behind, and it has to be removed by hand. A sharer only looks for it.
func (d *Dir) lock(shared bool) (unlock func() error, err error) {
	if shared {
		if _, err := d.root.Stat(LockName); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(ErrLocked, err)
		}
		return func() error { return nil }, nil
	}
	f, err := openIn(d.root, LockName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(f.Close(), d.root.Remove(LockName)) }, nil
}
