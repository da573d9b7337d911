// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import (
	"io/fs"
	"os"
	"syscall"
)

// SameFD returns nil if a library that opens files by itself has the file open
// that Stat returned for name, else a *ChangedError. The descriptor stays the
// library's.
func SameFD(name string, fd uintptr, held fs.FileInfo) error {
	var st syscall.Stat_t
	for {
		err := syscall.Fstat(int(fd), &st)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			return &os.PathError{Op: "fstat", Path: name, Err: err}
		}
	}
	if want, ok := held.Sys().(*syscall.Stat_t); ok && (st.Dev != want.Dev || st.Ino != want.Ino) {
		return &ChangedError{Name: name, How: Replaced}
	}
	return nil
}
