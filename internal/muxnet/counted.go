// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"net"
	"sync/atomic"
)

// A counted connection counts the bytes that pass below TLS.
type counted struct {
	net.Conn
	in, out atomic.Uint64
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Add(uint64(n))
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(uint64(n))
	return n, err
}
