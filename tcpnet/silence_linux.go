// SPDX-License-Identifier: MPL-2.0

package tcpnet

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// boundSilence ends a connection whose bytes stay unanswered for so long. The
// kernel would retry for a quarter of an hour.
func boundSilence(c net.Conn, d time.Duration) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
}
