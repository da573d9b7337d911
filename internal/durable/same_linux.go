// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sameAt reports whether a path below a directory, or the working directory if dir is
// nil, leads to the file that held is of. It does not ask for times: a file of which
// somebody saw the time of its last change gets another one with its next write, which
// costs the sync behind that a page of the journal (multigrain timestamps, Linux 6.13).
func sameAt(dir *os.File, path string, held fs.FileInfo) (same bool, err error) {
	want, ok := held.Sys().(*syscall.Stat_t)
	if !ok {
		return false, &os.PathError{Op: "statx", Path: path, Err: errors.ErrUnsupported}
	}
	look := func(at int) {
		var st unix.Statx_t
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Statx(at, path, 0, unix.STATX_INO, &st)
		}
		same = err == nil && unix.Mkdev(st.Dev_major, st.Dev_minor) == want.Dev && st.Ino == want.Ino
	}
	if dir == nil {
		look(unix.AT_FDCWD)
	} else if conn, e := dir.SyscallConn(); e != nil {
		return false, e
	} else if e := conn.Control(func(fd uintptr) { look(int(fd)) }); e != nil {
		return false, e
	}
	if err != nil {
		err = &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return same, err
}
