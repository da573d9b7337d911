// SPDX-License-Identifier: MPL-2.0

// Package muxnet makes a transport.Conn of any ordered flow of bytes that is
// not one yet: a TCP connection, a unix socket, the pipes of a child process.
// tcpnet and pipenet stand on it (docs/xsp.md, "Carriers and streams").
//
// TLS 1.3 as package peertls has it proves both keys; yamux makes streams of
// what is inside. One thing yamux has no words for is said on the first stream of a
// connection, which nobody else sees: why the connection ends.
//
// Nothing is sent while nothing happens. A peer that is gone is noticed by who
// has something to send, after Options.StallTimeout.
//
// Start with Node, which owns connections and listeners; conn.go and stream.go
// are the carrier's contract over yamux, goodbye.go is the first stream.
package muxnet
