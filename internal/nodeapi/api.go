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
	"encoding/json"
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
	// Topics changes a topic, unless c asks for nothing, and returns all of them, the
	// default first.
	Topics(ctx context.Context, c TopicChange) ([]TopicInfo, error)
	// Invite makes an invite to a topic.
	Invite(ctx context.Context, topic string, o Inviting) (string, error)
	// Members changes who belongs to a topic, unless c asks for nothing, and returns
	// who does.
	Members(ctx context.Context, topic string, c MemberChange) ([]xaeroflux.Member, error)
	// Roster changes who writes the roster of a topic, unless c asks for nothing, and
	// returns how far it is here.
	Roster(ctx context.Context, topic string, c RosterChange) (xaeroflux.RosterStatus, error)
	// Succession does something about a succession, or makes a successor's key, and returns
	// what there is then.
	Succession(ctx context.Context, topic string, c SuccessionChange) (Succession, error)
	// Link makes an invite that links a device to the store's person.
	Link(ctx context.Context, o Linking) (string, error)
	// Devices removes one of the devices of the store's person, or has this one keep the
	// list, unless c asks for nothing, and returns those that are left.
	Devices(ctx context.Context, c DeviceChange) ([]xaeroflux.Device, error)
	// RemoveEverywhere removes the device that c names from the list and from each topic,
	// and returns what became of that.
	RemoveEverywhere(ctx context.Context, c DeviceChange) ([]xaeroflux.DeviceRemoval, error)
	// Invites closes an open invite of a topic, unless c asks for nothing, and returns
	// those that are open.
	Invites(ctx context.Context, topic string, c InviteChange) ([]xaeroflux.OpenInvite, error)
	// Asks returns what this store asked the steward of a topic for.
	Asks(ctx context.Context, topic string) ([]xaeroflux.Ask, error)
	// Join joins the topic of an invite.
	Join(ctx context.Context, invite, words string) (Info, error)
	// Sync syncs with a peer until both hold what either held.
	Sync(ctx context.Context, peer string) (xaeroflux.SyncReport, error)
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
	SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (xaeroflux.SyncReport, error)
	// ServeOver runs one session on a pair of pipes, which it closes, and
	// returns when the peer has left.
	ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) error
	// Check verifies every byte.
	Check(ctx context.Context, progress func(done, total int64)) (xaeroflux.CheckReport, error)
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
	Kind    xaeroflux.TopicKind `json:"kind"` // open, private or plain
	VKey    string              `json:"vkey"`
	Witness string              `json:"witness,omitempty"` // key under which it cosigns heads of others
	Invite  string              `json:"invite,omitempty"`  // of an open topic; to others each is made for somebody
}

// A TopicChange asks for one thing.
type TopicChange struct {
	Topic   string              `json:"topic,omitempty"`   // which, of all but Create
	Create  *string             `json:"create,omitempty"`  // found one of this name
	Kind    xaeroflux.TopicKind `json:"kind"`              // of the one that is founded
	Recent  bool                `json:"recent,omitempty"`  // of the one that is founded: newcomers read no history
	Heirs   string              `json:"heirs,omitempty"`   // of the one that is founded: its successors' keys, with commas between
	Needed  int                 `json:"needed,omitempty"`  // of them; 0: just more than half
	Rename  *string             `json:"rename,omitempty"`  // call it this
	Default bool                `json:"default,omitempty"` // make it the default
	Leave   bool                `json:"leave,omitempty"`   // take no part in it any more
	Delete  bool                `json:"delete,omitempty"`  // and have what is held of it deleted
	Now     bool                `json:"now,omitempty"`     // and ask no steward
	Wait    time.Duration       `json:"wait,omitempty"`    // as of an Inviting
}

// Inviting says what an invite is for. Of an open topic that is nothing.
type Inviting struct {
	Role    xaeroflux.Role `json:"role,omitzero"`    // default: a writer
	Uses    uint16         `json:"uses,omitempty"`   // default: 1
	Expires time.Time      `json:"expires,omitzero"` // default: never
	Wait    time.Duration  `json:"wait,omitempty"`   // for the steward, if this store is another one; 0: until the call ends
}

// Linking says until when an invite links a device.
type Linking struct {
	Expires time.Time     `json:"expires,omitzero"` // default: never
	Wait    time.Duration `json:"wait,omitempty"`   // as of an Inviting
}

// A MemberChange asks for one thing. Account is the beginning of its key.
type MemberChange struct {
	Account string         `json:"account,omitempty"`
	Device  string         `json:"device,omitempty"`  // or, to remove one device, the beginning of that one's key
	Remove  bool           `json:"remove,omitempty"`  // it belongs to the topic no more
	Role    xaeroflux.Role `json:"role,omitzero"`     // give it this one
	Petname *string        `json:"petname,omitempty"` // call it this here
	Claim   *string        `json:"claim,omitempty"`   // or: this store's person wants to be called this
	Wait    time.Duration  `json:"wait,omitempty"`    // as of an Inviting
}

// A DeviceChange asks for one thing. Remove is the beginning of a device's key.
type DeviceChange struct {
	Remove string        `json:"remove,omitempty"` // it is none of the person's devices any more
	Keep   bool          `json:"keep,omitempty"`   // this store keeps the list of them
	Words  string        `json:"words,omitempty"`  // by these
	Wait   time.Duration `json:"wait,omitempty"`   // as of an Inviting
}

// An InviteChange asks for one thing. Close is the beginning of an invite's id.
type InviteChange struct {
	Close string        `json:"close,omitempty"` // nobody joins by it any more
	Wait  time.Duration `json:"wait,omitempty"`  // as of an Inviting
}

// A RosterChange asks for one thing.
type RosterChange struct {
	Trust    bool          `json:"trust,omitempty"`     // no member holds more of it than this store, which writes it
	Ask      bool          `json:"ask,omitempty"`       // this store wants to write it
	Handover string        `json:"handover,omitempty"`  // the beginning of the key of the device that is to write it
	TakeOver bool          `json:"take_over,omitempty"` // this store writes it, by the owner's key
	Words    string        `json:"words,omitempty"`     // with TakeOver: that lead to the owner's key; kept nowhere
	Signed   string        `json:"signed,omitempty"`    // with TakeOver: a succession that enough have signed
	Wait     time.Duration `json:"wait,omitempty"`      // as of an Inviting
}

// A SuccessionChange asks for one thing.
type SuccessionChange struct {
	NewKey  bool   `json:"new_key,omitempty"` // a key for a topic to come
	Propose bool   `json:"propose,omitempty"`
	Device  string `json:"device,omitempty"` // with Propose: the beginning of the key of the device that is to be the steward; this store's if empty
	Read    string `json:"read,omitempty"`   // a succession: what does it say?
	Sign    string `json:"sign,omitempty"`   // a succession
}

// A Succession is a successor's key, or what successors sign.
type Succession struct {
	Key string `json:"key,omitempty"` // a public key, to be given to whoever founds a topic
	xaeroflux.Succession
}

// TopicInfo is a topic that the store is in.
type TopicInfo struct {
	Topic   xaeroflux.TopicID   `json:"topic"`
	Name    string              `json:"name"`
	Kind    xaeroflux.TopicKind `json:"kind"`              // open, private or plain
	Role    xaeroflux.Role      `json:"role,omitzero"`     // of this store's person, once admitted; an open topic has none
	Members int                 `json:"members,omitempty"` // by the roster that is here; an open topic has none
	// Standing is where this store stands in it: member, provisional, refused or removed;
	// an open topic has none. Why says why nothing counts that it appends.
	Standing xaeroflux.StandingState `json:"standing,omitempty"`
	Why      string                  `json:"why,omitempty"`
	Default  bool                    `json:"default"`
	Log      xaeroflux.LogID         `json:"log"`  // the own one in it
	Size     uint64                  `json:"size"` // events of that
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
	Names  bool   `json:"names,omitempty"`  // Name is wanted too

	Settled     bool          `json:"settled,omitempty"`         // in the settled order, not by log
	SettleAfter time.Duration `json:"settle_after_ns,omitempty"` // of Follow in it: so old events are not waited with
}

// A Record is an event in its place. Bytes are base64 in JSON.
type Record struct {
	Log       xaeroflux.LogID      `json:"log"`
	Author    xaeroflux.AuthorKey  `json:"author"`           // of the log
	Account   xaeroflux.AccountKey `json:"account,omitzero"` // of the author's person, in a topic that has members
	Name      string               `json:"name,omitempty"`   // what to call that one, as of a member
	Seq       uint64               `json:"seq"`
	Time      string               `json:"time"` // RFC 3339 with milliseconds, UTC
	Type      string               `json:"type"`
	TypeBytes []byte               `json:"type_bytes,omitempty"` // the type as it is, if it is not UTF-8
	Key       []byte               `json:"key"`
	Payload   []byte               `json:"payload"`
	ID        xaeroflux.EventID    `json:"id,omitzero"`       // if it has one
	Refs      []xaeroflux.Ref      `json:"refs,omitempty"`    // events of other logs that it comes after
	Late      bool                 `json:"late,omitempty"`    // in the settled order: others came before that have their place behind it
	Sealed    string               `json:"sealed,omitempty"`  // why it cannot be read; type, key and payload are empty then
	Decoded   json.RawMessage      `json:"decoded,omitempty"` // of an event of the engine: the fields of its payload
	Leaf      []byte               `json:"leaf,omitempty"`    // RFC 6962 leaf data
	Hash      xaeroflux.Hash       `json:"hash,omitzero"`     // RFC 6962 leaf hash
}

// A Status is a node at work.
type Status struct {
	xaeroflux.SyncStatus
	Actors   []xaeroflux.ActorStatus `json:"actors,omitempty"`
	ReadOnly string                  `json:"read_only,omitempty"` // why, if it is

	// Parts is what is followed of each topic of which that is not all.
	Parts []FollowedPart `json:"parts,omitempty"`

	// Moved is what the store did when it was last found in another place.
	Moved *xaeroflux.Move `json:"moved,omitempty"`

	// Copies are the copies of the store that it heard of.
	Copies []xaeroflux.Copy `json:"copies,omitempty"`

	// Own are logs of the store itself that are forked or behind.
	Own []xaeroflux.OwnLog `json:"own,omitempty"`

	// Frozen are logs of others that their authors forked.
	Frozen []xaeroflux.LogID `json:"frozen,omitempty"`
}

// A FollowedPart is what is followed of a topic beside the own log.
type FollowedPart struct {
	Topic xaeroflux.TopicID `json:"topic"`
	Names []xaeroflux.Name  `json:"names"`
}

// Prove asks for a proof under the newest head of a log: that an event is in it,
// or that it only appends to an older size.
type Prove struct {
	Topic    string `json:"topic,omitempty"`
	Log      string `json:"log,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`      // of the event, or the older size
	Grown    bool   `json:"grown,omitempty"`    // Seq is an older size
	Cosigned *int   `json:"cosigned,omitempty"` // under a head that so many peers cosigned; 0: of what is at hand
}

// Gaps is what is held and what is missing of a log.
type Gaps struct {
	Log      xaeroflux.LogID  `json:"log"`
	HeadSize uint64           `json:"head_size"` // the newest that is known
	Held     []xaeroflux.Span `json:"held"`
	Gaps     []xaeroflux.Span `json:"gaps"`
}
