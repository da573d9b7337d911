// SPDX-License-Identifier: MPL-2.0

//go:build linux || darwin || freebsd

package durable

import (
	"os"
	"syscall"
)

// FreeBytes returns how many bytes this user may still write to the file system
// of a directory.
func FreeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	for {
		err := syscall.Statfs(dir, &st)
		switch err {
		case nil:
			return uint64(max(st.Bavail, 0)) * uint64(st.Bsize), nil
		case syscall.EINTR:
			continue
		}
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
}
