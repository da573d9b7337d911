// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A world is what the records of a roster made. Its tables hold values, and what
// those point to is never written to once it is in a table, so that a copy of the
// tables is a copy of the world.
type world struct {
	accounts  table[Key, Account]
	devices   table[Key, DeviceState]
	logs      table[digest.Hash, Log]
	invites   table[Key, InviteState]
	rights    table[rightKey, Right]     // that was ended if it has no calls
	asks      table[digest.Hash, uint64] // sequences below are settled
	changed   table[Key, Position]       // when an account, device, invite or log (by its id) last changed
	kems      table[digest.Hash, bool]   // hashes of KEM keys that devices have or had
	ofAccount table[Key, []Key]          // devices that an account has or had; not to be written to
	epochs    []EpochState
	epochDue  bool
	worn      bool // since the newest epoch an invite closed, or a device got another KEM key
	erased    []Erasure
	snapshots []SnapshotState
	readers   int           // how many boxes an epoch has now
	logTurns  []digest.Hash // logs as something was said of them; see LogTurns
}

type rightKey struct {
	account, on Key
	what        string
}

func newWorld() world {
	return world{
		accounts: newTable[Key, Account](), devices: newTable[Key, DeviceState](), logs: newTable[digest.Hash, Log](),
		invites: newTable[Key, InviteState](), rights: newTable[rightKey, Right](), asks: newTable[digest.Hash, uint64](),
		changed: newTable[Key, Position](), kems: newTable[digest.Hash, bool](), ofAccount: newTable[Key, []Key](),
	}
}

// clone returns a copy. What is appended to in place is appended to by w only, behind what
// the copy reads.
func (w *world) clone() world {
	return world{
		accounts: w.accounts.clone(), devices: w.devices.clone(), logs: w.logs.clone(),
		invites: w.invites.clone(), rights: w.rights.clone(), asks: w.asks.clone(),
		changed: w.changed.clone(), kems: w.kems.clone(), ofAccount: w.ofAccount.clone(),
		epochs: slices.Clip(w.epochs), epochDue: w.epochDue, worn: w.worn, erased: slices.Clip(w.erased),
		snapshots: slices.Clip(w.snapshots), readers: w.readers, logTurns: slices.Clip(w.logTurns),
	}
}

// An Account is a person in the topic.
type Account struct {
	Key      Key
	Role     Role     // None once it was removed
	Since    Position // of its newest admission
	Time     int64    // of that record, milliseconds since 1970
	Ask      AskRef   // that admitted it
	Invite   Key      // that admitted it; zeros if none did
	KEM      []byte   // not to be written to
	Recovery []byte   // not to be written to
}

// Belongs reports whether the account is one of the topic's.
func (a Account) Belongs() bool { return a.Role != None }

// A DeviceState is one of an account's stores.
type DeviceState struct {
	Key     Key
	Account Key
	Parent  Key // that it is a copy of; zeros if of none
	Belongs bool
	Since   Position // of its newest admission
	Time    int64
	Ask     AskRef
	KEM     []byte        // not to be written to
	Log     digest.Hash   // the newest of Logs
	Logs    []digest.Hash // all that were admitted, oldest first; not to be written to
	next    uint64        // no lower number can be admitted
}

// A Log is a data log that the roster names.
type Log struct {
	ID        digest.Hash
	Account   Key // zeros if it is one of an open topic that was cut and never admitted
	Device    Key
	PageBytes uint32
	Number    uint64
	Writes    bool     // events of the application in it count
	Admitted  Position // size 0 if it never was
	Forked    bool     // a cut showed a fork of it
	Cuts      []Cut    // in the order of the roster; not to be written to
}

// A Cut is how much of a log counts, from a position on.
type Cut struct {
	At   Position
	Size uint64
	Root digest.Hash
}

// Cut returns how much of the log counts, or false if all of it does.
func (l Log) Cut() (Cut, bool) {
	if len(l.Cuts) == 0 {
		return Cut{}, false
	}
	return l.Cuts[len(l.Cuts)-1], true
}

// An InviteState is an invite that the roster names.
type InviteState struct {
	Invite
	Open  bool
	Used  uint16
	By    Key // account on whose authority it was made
	Since Position
	Time  int64
	Ended int64 // time of the record that closed it; 0 while it is open
}

// An EpochState is an epoch and since when it is.
type EpochState struct {
	Epoch
	At   Position
	Time int64
}

// An Erasure is what an admin had erased. It takes effect once as many days as
// genesis says have passed since its time.
type Erasure struct {
	Ranges []LogRange
	By     Key // account
	At     Position
	Time   int64
}

// A SnapshotState is a snapshot and the account that vouches for it.
type SnapshotState struct {
	ViewState
	By   Key
	At   Position
	Time int64
}

// setLog stores a log, and when it changed.
func (w *world) setLog(l Log, at Position) {
	w.logs.set(l.ID, l)
	w.changed.set(Key(l.ID), at)
	w.logTurns = append(w.logTurns, l.ID)
}

// admitLog makes a log of a device count.
func (s *State) admitLog(d *DeviceState, pageBytes uint32, number uint64, at when) {
	id := DataLog(s.topic, d.Key, pageBytes, number)
	s.setLog(Log{
		ID: id, Account: d.Account, Device: d.Key, PageBytes: pageBytes, Number: number,
		Writes: s.accounts.at(d.Account).Role.Writes(), Admitted: at.pos,
	}, at.pos)
	d.Log, d.Logs, d.next = id, append(slices.Clip(d.Logs), id), number+1
}

// cut cuts a log, which counts if it is the first cut or the log is forked.
func (s *State) cut(l Log, size uint64, root digest.Hash, at Position) {
	if len(l.Cuts) > 0 && !l.Forked {
		return
	}
	l.Cuts = append(slices.Clip(l.Cuts), Cut{at, size, root})
	s.setLog(l, at)
}

// cutAll cuts logs of a device: as named, and at 0 if it is neither named nor
// cut already. In an open topic that takes in the log that counts without
// admission.
func (s *State) cutAll(d DeviceState, named map[digest.Hash]Prefix, at Position) {
	logs := d.Logs
	if open := DataLog(s.topic, d.Key, s.genesis.PageBytes, 0); !s.hasKEM() && !slices.Contains(logs, open) {
		logs = append(slices.Clip(logs), open)
	}
	for _, id := range logs {
		l, known := s.logs.get(id)
		if !known {
			l = Log{ID: id, Account: d.Account, Device: d.Key, PageBytes: s.genesis.PageBytes, Writes: true}
		}
		if p, ok := named[id]; ok {
			s.cut(l, p.Size, p.Root, at)
		} else if len(l.Cuts) == 0 {
			s.cut(l, 0, digest.Empty, at)
		}
	}
}

func byLog(cuts []Prefix) map[digest.Hash]Prefix {
	m := make(map[digest.Hash]Prefix, len(cuts))
	for _, p := range cuts {
		m[p.Log] = p
	}
	return m
}

// knowKEM notes a KEM key that a device has.
func (w *world) knowKEM(kem []byte) {
	if len(kem) > 0 {
		w.kems.set(digest.Sum(kem), true)
	}
}
