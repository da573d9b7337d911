// SPDX-License-Identifier: MPL-2.0

//go:build darwin || freebsd

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// readWhereabouts reads inode numbers and birth times. A known gap: the machine,
// the volume and the disk are not told apart here, so that a volume copied bit
// by bit counts as the same place.
func readWhereabouts(dir, file string) (w Whereabouts, err error) {
	if w.Dir, err = readInode(dir); err != nil {
		return Whereabouts{}, err
	}
	if w.File, err = readInode(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Whereabouts{}, err
	}
	return w, nil
}

func readInode(name string) (n Inode, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return n, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return n, nil
	}
	n.Number = st.Ino
	if born := st.Birthtimespec; born.Sec > 0 { // -1 and 0 are of file systems without
		n.Born = time.Unix(born.Unix()).UnixNano()
	}
	return n, nil
}
