// SPDX-License-Identifier: MPL-2.0

// Package nodeapi is how the commands of the node binary work through a node
// that already has the store open: HTTP on a unix socket inside the store's
// directory, for the store's owner only.
//
// Backend is what commands need of a store. The binary implements it once, on
// an open store; Serve offers that to other processes, and a Client is the same
// interface at the other end, so that no command knows where it works.
//
// Rule: what is told is of the types of package xaeroflux, as JSON; the types here
// are what a person asks, in whose words logs and topics are named, and what is put
// together for one command.
//
// Start with Backend; server.go and client.go mirror each other, socket.go says
// where the socket is.
package nodeapi

import (
	"context"
	"io"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// A Backend is a store as commands use it. Topic is an id, a name or a unique
// prefix of an id, "" for the default; log likewise, "" or "own" for the log
// that the store appends to in the topic.
type Backend interface {
	// Info describes a topic and the own log in it.
	Info(ctx context.Context, topic string) (Info, error)
	// Heads lists the logs of a topic.
	Heads(ctx context.Context, topic string) ([]Head, error)
	// Append appends events to the own log, all or none. The id of the first one,
	// if it has one, names them all: if they were appended before, the receipt is
	// that of the first time.
	Append(ctx context.Context, topic string, events []xaeroflux.Event) (xaeroflux.Receipt, error)
	// Events calls yield for each record of a query; the record is valid until
	// yield returns. With Query.Follow it goes on until ctx ends, and then
	// returns no error.
	Events(ctx context.Context, q Query, yield func(*Record) error) error
	// Note returns the newest head of a log as a C2SP checkpoint.
	Note(ctx context.Context, topic, log string) ([]byte, error)
	// Cosigned returns the newest head of a log with at least n cosignatures of
	// connected peers, or with those at hand if n is 0.
	Cosigned(ctx context.Context, topic, log string, n int) ([]byte, error)
	// Forks returns the proofs of all forks that are known, as fork files.
	Forks(ctx context.Context) ([][]byte, error)
	// Followed returns what is followed of a topic.
	Followed(ctx context.Context, topic string) (Followed, error)
	// Follow sets it.
	Follow(ctx context.Context, topic string, f Followed) error
	// Prove returns a C2SP tlog-proof file, or a consistency proof.
	Prove(ctx context.Context, p Prove) ([]byte, error)
	// Join joins the topic of an invite.
	Join(ctx context.Context, invite string) (Info, error)
	// Sync syncs with a peer until both hold what either held.
	Sync(ctx context.Context, peer string) (SyncReport, error)
	// Fetch brings a part of a log from peers. Log is the id of a log or the key of its
	// author; the beginning of one that is known will do. It stands for f.Log and f.Author.
	Fetch(ctx context.Context, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error)
	// FetchOver is Fetch from one peer at the other end of a pair of pipes,
	// which it closes. Place says for people where they lead.
	FetchOver(ctx context.Context, rw io.ReadWriteCloser, place, topic, log string, f xaeroflux.Fetch) (xaeroflux.FetchReport, error)
	// Gaps says what is held and what is missing of a log, or with "" of each
	// log of the topic.
	Gaps(ctx context.Context, topic, log string) ([]Gaps, error)
	// SyncOver is Sync over a pair of pipes, which it closes. Place says for
	// people where they lead.
	SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (SyncReport, error)
	// ServeOver runs one session on a pair of pipes, which it closes, and
	// returns when the peer has left.
	ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error
	// Check verifies every byte.
	Check(ctx context.Context, progress func(done, total int64)) (CheckReport, error)
	// Backup writes a backup to a directory, whose path is absolute, or brings the one
	// there up to date.
	Backup(ctx context.Context, dir string, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error)
	// BackupOver writes one as a tar archive to a pipe, which it closes. The report
	// leaves out the logs, and o.Progress is not called.
	BackupOver(ctx context.Context, rw io.ReadWriteCloser, o xaeroflux.BackupOptions) (xaeroflux.BackupReport, error)
	// NetworkChanged says that this machine may be in another network, or was asleep.
	NetworkChanged(ctx context.Context) error
	// Status tells of actors and peers.
	Status(ctx context.Context) (Status, error)
}

// Followed is what a store follows of a topic: all of it, or the logs and
// authors of those names beside its own log.
type Followed struct {
	All   bool             `json:"all"`
	Names []xaeroflux.Name `json:"names,omitempty"`
}

// Info describes a topic and the own log in it.
type Info struct {
	Author  xaeroflux.AuthorKey `json:"author"`
	Log     xaeroflux.LogID     `json:"log"`
	Topic   xaeroflux.TopicID   `json:"topic"`
	VKey    string              `json:"vkey"`
	Witness string              `json:"witness,omitempty"` // key under which it cosigns heads of others
	Invite  string              `json:"invite"`
}

// A Head is a log with its newest signed head.
type Head struct {
	Log      xaeroflux.LogID     `json:"log"`
	Author   xaeroflux.AuthorKey `json:"author"`
	Size     uint64              `json:"size"` // events held
	Root     xaeroflux.Hash      `json:"root"` // over those
	Own      bool                `json:"own"`
	HeadSize uint64              `json:"head_size"`        // signed; more than Size while events are still coming
	Frozen   bool                `json:"frozen,omitempty"` // forked by its author
}

// At returns a time as JSON can hold it: RFC 3339 ends with the year 9999, and a clock
// that was wrong once may have said more.
func At(t time.Time) time.Time {
	if last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC); t.After(last) {
		return last
	}
	return t.UTC()
}

// A Query says which events are wanted.
type Query struct {
	Topic  string `json:"topic"`
	Log    string `json:"log"` // "" for all logs of the topic
	From   uint64 `json:"from"`
	Limit  int    `json:"limit"` // 0 for no limit
	Follow bool   `json:"follow"`
	Ranges bool   `json:"ranges,omitempty"` // what was fetched beyond gaps too
	Engine bool   `json:"engine,omitempty"` // the engine's own events too
	Leaves bool   `json:"leaves"`           // Leaf and Hash are wanted too
}

// A Record is an event in its place. Bytes are base64 in JSON.
type Record struct {
	Log       xaeroflux.LogID     `json:"log"`
	Author    xaeroflux.AuthorKey `json:"author"` // of the log
	Seq       uint64              `json:"seq"`
	Time      string              `json:"time"` // RFC 3339 with milliseconds, UTC
	Type      string              `json:"type"`
	TypeBytes []byte              `json:"type_bytes,omitempty"` // the type as it is, if it is not UTF-8
	Key       []byte              `json:"key"`
	Payload   []byte              `json:"payload"`
	ID        xaeroflux.EventID   `json:"id,omitzero"`    // if it has one
	Refs      []xaeroflux.Ref     `json:"refs,omitempty"` // events of other logs that it comes after
	Leaf      []byte              `json:"leaf,omitempty"` // RFC 6962 leaf data
	Hash      xaeroflux.Hash      `json:"hash,omitzero"`  // RFC 6962 leaf hash
}

// A SyncReport says what a sync moved.
type SyncReport struct {
	EventsIn   uint64  `json:"events_in"`
	EventsOut  uint64  `json:"events_out"`
	PagesIn    uint64  `json:"pages_in"`
	PagesOut   uint64  `json:"pages_out"`
	BytesIn    uint64  `json:"bytes_in"`
	BytesOut   uint64  `json:"bytes_out"`
	RoundTrips uint64  `json:"round_trips"`
	Seconds    float64 `json:"seconds"`

	// Own are logs of the store itself that are forked or behind afterwards.
	Own []OwnLog `json:"own,omitempty"`
}

// An OwnLog is a log of the store itself that takes no appends, or whose appends
// reach nobody.
type OwnLog struct {
	Topic string `json:"topic"`
	Log   string `json:"log"`
	State string `json:"state"`           // forked, behind or unmet
	Held  uint64 `json:"held"`            // events here
	Known uint64 `json:"known,omitempty"` // if it is behind: that a peer holds

	Backup time.Time `json:"backup,omitzero"` // if no peer was met since it was restored
}

// A CheckReport is what a check looked at and what it found wrong.
type CheckReport struct {
	Logs     int       `json:"logs"`    // of events
	Rosters  int       `json:"rosters"` // one a topic, looked at like logs
	Events   uint64    `json:"events"`
	Pages    uint64    `json:"pages"`
	Bytes    int64     `json:"bytes"`
	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"` // that are not listed
	Copy     string    `json:"copy,omitempty"` // why the store is taken for a copy, if it is
	Own      []OwnLog  `json:"own,omitempty"`  // as in Status
}

// A Finding is one flaw.
type Finding struct {
	Where string `json:"where"`
	What  string `json:"what"`
	Do    string `json:"do"`

	Kind   string `json:"kind,omitempty"`
	File   string `json:"file,omitempty"`
	Log    string `json:"log,omitempty"`
	Page   int64  `json:"page"`   // index in the log, or -1
	Offset int64  `json:"offset"` // in File, or -1
}

// A Status is a node at work.
type Status struct {
	Actors   []Actor   `json:"actors"`
	Peers    []Peer    `json:"peers"`
	Missing  []Missing `json:"missing"`             // logs of which a peer holds more
	ReadOnly string    `json:"read_only,omitempty"` // why, if it is

	// Listening is where the node listens.
	Listening []Listening `json:"listening,omitempty"`

	// Parts is what is followed of each topic of which that is not all.
	Parts []FollowedPart `json:"parts,omitempty"`

	// Moved is what the store did when it was last found in another place.
	Moved *Move `json:"moved,omitempty"`

	// Own are logs of the store itself that are forked or behind.
	Own []OwnLog `json:"own,omitempty"`

	// Frozen are logs of others that their authors forked.
	Frozen []string `json:"frozen,omitempty"`

	// Copies are the copies of the store that it heard of.
	Copies []Copy `json:"copies,omitempty"`
}

// A Listening is where a node listens.
type Listening struct {
	Address string `json:"address"`
	Trouble string `json:"trouble,omitempty"` // why nobody reaches it there at the moment
}

// A Copy is a log of a device that was made as a copy of the store.
type Copy struct {
	Topic  string    `json:"topic"`
	Log    string    `json:"log"`
	Author string    `json:"author"`
	Seen   time.Time `json:"seen"` // when its first event came
}

// A Move is what a store did when it was found in another place.
type Move struct {
	From string    `json:"from"`         // peer id before
	To   string    `json:"to,omitempty"` // and since; the same if the place was adopted, none if nothing was done yet
	Why  string    `json:"why"`
	At   time.Time `json:"at"`
}

// A FollowedPart is what is followed of a topic beside the own log.
type FollowedPart struct {
	Topic string   `json:"topic"`
	Names []string `json:"names"` // as in Followed
}

// A Missing is a log of which a peer holds more than the store.
type Missing struct {
	Topic  string    `json:"topic"`
	Log    string    `json:"log"`
	Held   uint64    `json:"held"`  // events here
	Known  uint64    `json:"known"` // events that the peer holds
	Events uint64    `json:"missing"`
	From   string    `json:"from"` // the peer that holds most
	Since  time.Time `json:"since"`
}

// An Actor is one line of the registry.
type Actor struct {
	Name      string `json:"name"`
	Phase     string `json:"phase"`
	Cursor    string `json:"cursor,omitempty"`
	Lag       uint64 `json:"lag,omitempty"` // events that it has still before it
	Queue     int64  `json:"queue"`
	Handled   uint64 `json:"handled"`
	Restarts  int64  `json:"restarts"`
	LastError string `json:"last_error,omitempty"`
}

// A Peer is a peer, connected or remembered.
type Peer struct {
	ID        string    `json:"id"`
	Address   string    `json:"address"`
	Carrier   string    `json:"carrier,omitempty"`
	State     string    `json:"state"` // greeting, syncing, in sync; dialing, pausing, known
	Connected bool      `json:"connected"`
	Kept      bool      `json:"kept"`
	Dialed    bool      `json:"dialed"`
	InSync    bool      `json:"in_sync"`
	Topics    int       `json:"topics,omitempty"`    // that are shared
	Unsettled int       `json:"unsettled,omitempty"` // of them: not known to be the same on both sides
	More      bool      `json:"more,omitempty"`      // further topics are offered, in turn
	Since     time.Time `json:"since,omitzero"`      // of the session, or when it was last here
	Moved     time.Time `json:"moved,omitzero"`      // when something last moved
	NextTry   time.Time `json:"next_try,omitzero"`   // not to be dialed before
	PeerTwin  time.Time `json:"peer_twin,omitzero"`  // when it last was found to be two live copies of one store
	OwnTwin   time.Time `json:"own_twin,omitzero"`   // when it last said that another live copy of this store is connected to it
	Waiting   string    `json:"waiting,omitempty"`   // for what
	LastError string    `json:"last_error,omitempty"`
	Missing   uint64    `json:"missing"` // events that it holds and the store does not
	BytesIn   uint64    `json:"bytes_in"`
	BytesOut  uint64    `json:"bytes_out"`
	RateIn    float64   `json:"rate_in"` // bytes a second
	RateOut   float64   `json:"rate_out"`
	EventsIn  uint64    `json:"events_in"`
	EventsOut uint64    `json:"events_out"`
}

// Gaps is what is held and what is missing of a log.
type Gaps struct {
	Log      xaeroflux.LogID  `json:"log"`
	HeadSize uint64           `json:"head_size"` // the newest that is known
	Held     []xaeroflux.Span `json:"held"`
	Gaps     []xaeroflux.Span `json:"gaps"`
}
