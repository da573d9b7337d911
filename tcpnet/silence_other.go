// SPDX-License-Identifier: MPL-2.0

//go:build !linux

package tcpnet

import (
	"net"
	"time"
)

// boundSilence is for Linux: elsewhere the system's own retries and muxnet's
// StallTimeout count.
func boundSilence(net.Conn, time.Duration) {}
