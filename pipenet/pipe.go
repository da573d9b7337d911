// SPDX-License-Identifier: MPL-2.0

package pipenet

import (
	"io"
	"net"
)

// asConn makes a net.Conn of rw. What has no deadlines is read and written by
// two goroutines, which end with it: a Read that Close does not wake, as that
// of a terminal, keeps one of them until it returns.
func asConn(rw io.ReadWriteCloser) net.Conn {
	if c, ok := rw.(net.Conn); ok {
		return c
	}
	near, far := net.Pipe()
	go func() {
		io.Copy(far, rw)
		far.Close()
	}()
	go func() {
		io.Copy(rw, far)
		rw.Close()
		far.Close()
	}()
	return near
}
