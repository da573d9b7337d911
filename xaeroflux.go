// SPDX-License-Identifier: MPL-2.0

// Package xaeroflux is an append-only event store without a server in the
// middle. Open a directory as you would an embedded database, append events,
// read them back; every device that shares a topic converges on the same
// events, each proven by a Merkle tree its author signed.
//
//	db, err := xaeroflux.Open("notes.xf", nil)
//	defer db.Close()
//	r, err := db.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello")})
//	for rec, err := range db.Events(ctx, xaeroflux.Query{}) { … }
//	head := db.Head()
//	p, err := db.Prove(ctx, r.Seq, head.Size)
//	err = xaeroflux.Verify(rec, p, head)
//
// A topic is a set of logs that are shared together. Each device appends to a
// log of its own in it and replicates everybody else's. Share a topic with
// Invite and Join, connect with Listen and Connect, or give Options.Listen and
// Options.Peers and forget about it.
//
// All methods are safe for use by many goroutines. How it is made:
// docs/architecture.md; the files: docs/format.md; the protocol: docs/xsp.md.
package xaeroflux
