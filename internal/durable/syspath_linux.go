// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"fmt"
	"os"
)

// procPath returns a path to an open directory that holds while it is open,
// whatever its names are, or "" if /proc is not mounted.
func procPath(d *os.File) (path string) {
	conn, err := d.SyscallConn()
	if err != nil {
		return ""
	}
	if conn.Control(func(fd uintptr) { path = fmt.Sprintf("/proc/self/fd/%d/.", fd) }) != nil {
		return ""
	}
	held, err := d.Stat()
	there, err2 := os.Stat(path)
	if err != nil || err2 != nil || !os.SameFile(held, there) {
		return ""
	}
	return path
}
