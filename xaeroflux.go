// SPDX-License-Identifier: MPL-2.0

// Package xaeroflux is an append-only event store without a server in the
// middle. Open a directory as you would an embedded database, append events,
// read them back; every device that shares a topic converges on the same
// events, each proven by a Merkle tree that its author signed.
//
//	db, err := xaeroflux.Open("notes.xf", nil)
//	defer db.Close()
//	r, err := db.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello")})
//	for rec, err := range db.Events(ctx, xaeroflux.Query{}) { … }
//
// All methods are safe for use by many goroutines.
//
// # Topics, logs and events
//
// A topic is a set of logs that are shared together, and a log is the events of one
// author, who alone appends to it. A store has one log of its own in each topic that it
// takes part in, and holds those of the others. A [Record] is an [Event] in its place: the
// sequence in its log, from 0, and the time when its author appended it. Methods of [DB]
// speak of the default topic; those of [Topic] are the same for any.
//
// An append returns when its event is synced to disk and counted in the log's root.
// [Topic.Append] says how it may fail, and [WithID] and [Event].ID make it safe to try
// again: what was appended before is not appended twice.
//
// # Reading
//
// [DB.Events] yields what is there, [DB.Subscribe] goes on with what comes, and
// [DB.Process] hands events to a function from a cursor that outlives the process, in
// batches, again if the function fails. A [Frontier] says how far each log was read: with
// one of its own, kept beside what was made of the events, a program counts each of them
// once. [DB.Spawn] does for an actor what Process does for a function.
//
// # Sharing
//
// [Topic.Invite] makes an invite, and whoever has it takes part: [DB.Join] joins its
// topic. [DB.Listen], [DB.Connect] and [DB.Sync] meet peers; with [Options].Listen and
// [Options].Peers a store does so by itself. Everything that comes from a peer is verified
// before it is stored. [DB.SyncStatus] says of each peer and log what is missing, since
// when and why, and [DB.SyncEvents] what happens.
//
// A store needs not hold all of a topic: [Topic.Follow] names the logs that are wanted,
// and [Topic.Fetch] brings a piece of one, the newest events before the others.
//
// # Proving
//
// Each log is an RFC 6962 tree. [Log.Head] is its size and root as the author signed
// them, [Log.Prove] makes the proof that an event is in it, and [Verify] checks it without
// a store. [Log.ProveConsistency] and [VerifyConsistency] show that a log only grew.
// Package proof has the text forms, which other software checks: C2SP checkpoints,
// proof files, cosignatures ([Log.Cosigned]) and forks ([DB.Forks]).
//
// # Care
//
// A store that is copied is a new device ([DB.Moved]); [DB.Backup] makes copies, also of
// one that runs. [Check] verifies every byte, [Repair] mends what it finds, from peers if
// need be. Bad bytes are an [ErrCorrupt], and trouble of the machine never is.
//
// # Extending
//
// [DB.Handle] and [DB.Call] let peers talk of something else over the connections that
// the sync uses. [Options].NewCarrier puts another network below it.
//
// How it is made: docs/architecture.md; the files: docs/format.md; the protocol:
// docs/xsp.md.
package xaeroflux
