// SPDX-License-Identifier: MPL-2.0

// Package syncer is XSP, the sync protocol, without a network and without a
// clock: a session is a step function from an input to outputs, and whoever
// owns the streams carries them out (docs/xsp.md).
//
// Start with Session and its Step. Verification of what a peer sends is in
// verify.go for events and pull.go for pages; nothing leaves this package as
// Verified that is not proven to be under a head its author signed. Serving a
// peer is in serve.go.
package syncer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Version is the protocol version that HELLO states.
const Version = messages.ProtocolVersion

// Bounds of a session.
const (
	PullPages    = 64              // from so many full pages behind, pages are pulled; below, events are pushed
	RunPages     = 64              // pages in one PAGE_RESPONSE, unless one group is longer
	PushBytes    = 256 << 10       // of records in one EVENTS, unless one record is longer
	maxRunBytes  = 24 << 20        // of pages in one PAGE_RESPONSE
	stallWait    = 3 * time.Second // that a busy topic may stand still
	maxRoundWait = 30 * time.Second
)

// A LogInfo is what a store publishes of one log.
type LogInfo struct {
	Log, Topic digest.Hash
	Author     [32]byte
	PageBytes  uint32
	Kind       identity.LogKind
	Number     uint64
	Own        bool // this store appends to it
	Frozen     bool // forked: takes nothing more, and a list says no more of it
	Settled    bool // forked, and the roster names what of it counts: a log like any other up to there
	Astray     bool // what is held is another branch than the roster names, and the author is not known to have forked it

	// Provisional says that the roster does not admit the log: it is in no list and
	// no digest. See Newcomers.
	Provisional bool

	Policy identity.Policy // of the topic: its records are judged by it

	// Genesis is the topic's, by which the first records of a roster are judged;
	// whoever has none judges them by their form alone. It is not written to.
	Genesis *identity.Genesis

	// Ends says that the log closed itself, or was cut, at End: what is held
	// beyond it does not count, and Size is at most End.
	Ends bool
	End  uint64

	Size       uint64        // events held that count
	Root       digest.Hash   // of them
	Pages      uint64        // full pages held,
	SealedSize uint64        // and the events in them
	Head       proof.Head    // newest head known; Head.Size >= Size
	Right      []digest.Hash // compact range [Size, Head.Size)
}

// LogOf returns what is known of a log of which nothing is held, in the topic that g
// founded. Name may say no more than the topic, if that is all that is known; without g,
// which is then nil, no record of the log can be judged.
func LogOf(id digest.Hash, name identity.LogName, g *identity.Genesis) LogInfo {
	l := LogInfo{
		Log: id, Topic: name.Topic, Author: name.Author, PageBytes: name.PageBytes, Kind: name.Kind, Number: name.Number, Genesis: g,
	}
	if g != nil {
		l.Policy = g.Policy
	}
	return l
}

// Name returns what the log's id follows from.
func (l LogInfo) Name() identity.LogName {
	return identity.LogName{Topic: l.Topic, Author: l.Author, PageBytes: l.PageBytes, Kind: l.Kind, Number: l.Number}
}

// ended reports whether all of the log that counts is held.
func (l LogInfo) ended() bool { return l.Ends && l.Size >= l.End }

// A Store is what a session asks of the local store. All calls are quick.
type Store interface {
	// Summary is the incremental digest over (log, size, root) of all logs of
	// a topic that hold events, and of those that are frozen, which enter with
	// size 0 and the empty root.
	Summary(topic digest.Hash) (digest.Set, error)
	// Which logs count, and up to where, follows from the roster held; the legs
	// of the roster itself do not.
	// Logs yields each of these logs; a frozen one as if it held nothing.
	Logs(topic digest.Hash, yield func(LogInfo) bool) error
	// Log returns one log; false says that the store does not have it.
	Log(id digest.Hash) (LogInfo, bool, error)
	// PeaksAt returns a log's peaks at any size it holds.
	PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error)
	// Counts reports whether a log is stored at all: whether it is of the topic's
	// roster, or the roster admits it, or needs not to.
	Counts(name identity.LogName) (bool, error)
	// Position returns the position of a topic's roster that is held, as it is
	// stated to peers.
	Position(topic digest.Hash) (identity.Position, error)
	// Roster returns what is held of a topic's roster.
	Roster(topic digest.Hash) (Roster, error)
	// Time returns the time of the last of a log's first size events, of any
	// size it holds; 0 if that is none.
	Time(id digest.Hash, size uint64) (int64, error)
}

// A Source is a Store that can be served from.
type Source interface {
	Store
	// Events returns whole records from a sequence on: at most maxBytes, but
	// at least one record.
	Events(id digest.Hash, from uint64, maxBytes int) (Chunk, error)
	// Pages returns full pages from a page on: at most count, or one group.
	Pages(id digest.Hash, from, count uint64) (PageRun, error)
}

// A Chunk is consecutive events with their proof. It is the caller's.
type Chunk struct {
	First   uint64
	Count   int
	Records []byte
	Head    proof.Head
	Right   []digest.Hash // compact range [First+Count, Head.Size)
}

// A PageRun is consecutive full pages with their proof, borrowed until Release.
type PageRun struct {
	From             uint64
	FirstSeq, EndSeq uint64
	Pages            [][]byte            // pages, and the images of those of which something is erased
	Images           []messages.RunImage // where those are
	Head             proof.Head
	Right            []digest.Hash // compact range [EndSeq, Head.Size)
	Release          func()
}

// Count returns how many pages of the log the run stands for.
func (r *PageRun) Count() uint64 {
	n := uint64(len(r.Pages))
	for _, i := range r.Images {
		n += uint64(i.Pages) - 1
	}
	return n
}

// Verified is events of a peer that are proven.
type Verified struct {
	Info    LogInfo // Log, Topic, Author, PageBytes
	First   uint64
	Count   int
	Records []byte
	Leaves  []digest.Hash
	Head    proof.Head
	Right   []digest.Hash // compact range [First+Count, Head.Size)

	// What the events were verified behind, and what they lead to: the author
	// may have signed another history too.
	Left mmrindex.Peaks // at First
	Root digest.Hash    // at First+Count

	Time   int64        // of the last event, or of the one before if there is none
	Closed event.Reason // the log ends behind them: the record there breaks a rule
}

// VerifiedPages is full pages of a peer that are proven, and packed as every
// peer packs them.
type VerifiedPages struct {
	Info   LogInfo // Log, Topic, Author, PageBytes
	Bytes  []byte  // the pages and images, back to back
	Seals  []messages.Seal
	Images []messages.RunImage // which are images; there are none without Erasable. segwriter.Log.WriteStored writes them
	Leaves []digest.Hash       // zero for one that is wholly erased with others
	Trees  [][]digest.Hash     // tier-1 nodes, one list for each seal; zero for one that is not known
	Head   proof.Head
	Right  []digest.Hash // from the end of the last page to Head.Size

	// As in Verified.
	Left mmrindex.Peaks // before the first page
	Root digest.Hash    // behind the last
	Time int64          // of the last event
}

// Limits bound what a peer may make us hold.
type Limits struct {
	MaxLogs int // logs of one topic that a peer may list; default 1<<20
}

// A Config is what a session is made of.
type Config struct {
	Dialer  bool            // we opened the connection
	Self    identity.PeerID // us
	Peer    identity.PeerID // whom the channel proved to be there
	Binding []byte          // of the channel
	Topics  []*Topic        // in the order in which they are offered, any number
	Store   Store
	History History // nil: rung 1 is not taken

	Newcomers Newcomers // nil: no log is provisional

	Limits Limits

	Certificates Certificates // nil: none is sent, and one that comes is refused

	// Named reports whether an invite, a person or an earlier proof in a topic named
	// the peer, so that it is shown a certificate; nil is no.
	Named func(identity.TopicID) bool

	Capabilities Capabilities // beside that of the sync

	// Erasable says what a peer may have erased; nil is nothing.
	Erasable Erasable

	// First is the first rung that rounds take, for tests; 0 is the cheapest.
	First messages.Rung
}

// An Input is something that happened.
type Input interface{ input() }

// The inputs.
type (
	// Start begins the session.
	Start struct{}
	// Received is a message of the peer on the control stream.
	Received struct{ Message messages.Message }
	// TopicAdded says that this node joined a topic.
	TopicAdded struct{ Topic *Topic }
	// TopicRemoved says that this node is not in a topic any more.
	TopicRemoved struct{ Topic *Topic }
	// Advanced says that a log's published state changed, and what it held before
	// all that changed since the last one. Less than that costs events that are sent
	// twice, more a question for them.
	Advanced struct {
		Log    digest.Hash
		Before uint64
	}
	// Stored says that an Ingest is published.
	Stored struct {
		Topic identity.TopicID
		Log   digest.Hash
		Size  uint64
	}
	// IngestFailed says that an Ingest was not stored. If Err is ErrUnwanted,
	// the log is left alone from then on; so it is with PullDone.
	IngestFailed struct {
		Topic identity.TopicID
		Log   digest.Hash
		Err   error
	}
	// PullDone says that a Pull ended; all it brought is stored if Err is
	// nil. An Err that is a *Violation ends the session.
	PullDone struct {
		Topic  identity.TopicID
		Log    digest.Hash
		Err    error
		Others bool // other peers brought a part of it
	}
	// Served says that a request of the peer for pages ended at EndSize, and
	// with Partly that it was not for all there is.
	Served struct {
		Topic   identity.TopicID
		Log     digest.Hash
		EndSize uint64
		Err     error
		Partly  bool
	}
	// Broke says that the peer broke a rule outside of the session's sight.
	Broke struct {
		Code messages.Code
		Text string
	}
	// Tick comes a second or so after a WantTick.
	Tick struct{ Now time.Time }
	// Nudge asks for a sync: Synced says when what both sides hold by now is on both.
	// It has our digests stated now and not at the next tick, and with Confirm those
	// of the peer again, because what it stated may be from before.
	Nudge struct{ Confirm bool }
	// Ping asks the peer for a PONG.
	Ping struct{ Nonce uint64 }
)

func (Start) input()        {}
func (Received) input()     {}
func (Advanced) input()     {}
func (Stored) input()       {}
func (IngestFailed) input() {}
func (PullDone) input()     {}
func (Served) input()       {}
func (Broke) input()        {}
func (Tick) input()         {}
func (Nudge) input()        {}
func (TopicAdded) input()   {}
func (TopicRemoved) input() {}
func (Ping) input()         {}

// An Output is something to be done.
type Output interface{ output() }

// The outputs.
type (
	// Send writes a message to the control stream.
	Send struct{ Message messages.Message }
	// Push sends events of a log, by PushEvents.
	Push struct {
		Topic    uint32
		Log      digest.Hash
		From, To uint64
		Live     bool // the topic agreed before: it is to wait for no other's first sync
	}
	// Ingest stores events.
	Ingest struct{ Verified Verified }
	// Pull fetches pages on a stream of its own, by NewPull.
	Pull struct {
		Topic uint32
		Info  LogInfo // Log, Topic, Author, PageBytes
		Pages uint64  // that the peer holds
	}
	// Shared says which topics are shared from now on.
	Shared struct{ Topics []SharedTopic }
	// Left says that a topic is not shared any more.
	Left struct {
		Topic  identity.TopicID
		Number uint32
	}
	// Agreed says whether both sides last stated the digest we have now.
	Agreed struct {
		Topic   identity.TopicID
		Now     bool
		Partial bool // of the logs that both sides follow, which are not all
		Member  bool // the peer came with a part of the topic's roster

		Set digest.Set // if Now: what both hold
	}
	// LeftAlone says that the session leaves a log alone from then on, because
	// nothing more of it is wanted: Why is an ErrUnwanted.
	LeftAlone struct {
		Log digest.Hash
		Why error
	}
	// Synced says that the sync that was asked for as so many is done, and those
	// before it: topics reached its goal, or are Apart.
	Synced struct{ Sync uint64 }
	// Covered says that a topic reached the goal of a sync without an agreement: what
	// the peer held when it was asked for is here, and what was here is there.
	Covered struct{ Topic identity.TopicID }
	// Apart says that a topic does not reach the goal of a sync, and why: nothing that
	// the two sides hold brings it further. Topic is zero if none is shared.
	Apart struct {
		Topic identity.TopicID
		Why   Reason
		Err   error // of Failed, or nil
	}
	// OwnAhead says that the peer holds more of our own log than we do, and knows a
	// head of Size that we signed: this store is an older copy of itself. Nothing may
	// be appended to the log before it holds Size events, which the session brings as
	// far as the peer has them. It comes before any of them.
	OwnAhead struct {
		Log        digest.Hash
		Ours, Size uint64
	}
	// Fork says that the author of a log signed two heads that cannot both be
	// true, and that the store can prove it: it holds what Theirs speaks of, or
	// a head of the same size. The log is to be frozen.
	Fork struct {
		Log          digest.Hash
		Ours, Theirs proof.Head
	}
	// Diverged says that the log of a peer is another one than ours, or that the
	// peer makes it seem so (see Conflict). The session leaves the log alone.
	Diverged struct {
		Log          digest.Hash
		Ours, Theirs proof.Head
	}
	// Forked is a fork that the peer proved. The log is to be frozen.
	Forked struct{ Fork proof.Fork }
	// TellFork sends the proof of a fork that the store holds.
	TellFork struct {
		Topic uint32
		Log   digest.Hash
	}
	// Prove answers a PROOF_REQUEST.
	Prove struct{ Request *messages.ProofRequest }
	// Cosign answers a COSIGN_REQUEST.
	Cosign struct{ Request *messages.CosignRequest }
	// Cosigned is the peer's answer to one of ours; nothing of it is verified.
	Cosigned struct{ Response *messages.CosignResponse }
	// Peers is addresses the peer told of.
	Peers struct {
		Topic     identity.TopicID
		Addresses []string
	}
	// Presence is a message of a capability, which nobody stores.
	Presence struct {
		Topic      identity.TopicID
		Capability string
		Data       []byte
	}
	// Ponged says that the peer answered a Ping.
	Ponged struct{ Nonce uint64 }
	// WantTick asks for one Tick in a second or so.
	WantTick struct{}
	// Fail ends the session: the peer broke a rule, or with Err something failed
	// here, which the peer is not to blame for.
	Fail struct {
		Code messages.Code
		Text string
		Err  error
	}
	// Closed says that the peer ended the session.
	Closed struct {
		Code messages.Code
		Text string
	}
)

func (Send) output()      {}
func (Push) output()      {}
func (Ingest) output()    {}
func (Pull) output()      {}
func (Shared) output()    {}
func (Agreed) output()    {}
func (OwnAhead) output()  {}
func (LeftAlone) output() {}
func (Apart) output()     {}
func (Synced) output()    {}
func (Covered) output()   {}
func (Fork) output()      {}
func (Diverged) output()  {}
func (Forked) output()    {}
func (TellFork) output()  {}
func (Prove) output()     {}
func (Cosign) output()    {}
func (Cosigned) output()  {}
func (Peers) output()     {}
func (WantTick) output()  {}
func (Fail) output()      {}
func (Closed) output()    {}
func (Left) output()      {}
func (Presence) output()  {}
func (Ponged) output()    {}

// A SharedTopic is a topic that both sides offered.
type SharedTopic struct {
	ID      identity.TopicID
	Number  uint32 // that it goes by in messages
	Partial bool   // one of the two follows a part only, or
	Reach   *Reach // certificates share it, which let both speak of this; else nil
}

// Capabilities is what a node speaks beside the sync: parameters by names.
type Capabilities map[string][]byte

// sync returns what HELLO says of them, with that of the sync, in the order of
// their names.
func (c Capabilities) sync() []messages.Capability {
	all := []messages.Capability{{Name: messages.CapSync}}
	for name, param := range c {
		all = append(all, messages.Capability{Name: name, Param: param})
	}
	slices.SortFunc(all, func(a, b messages.Capability) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// ErrUnwanted is wrapped in the error of an Ingest or a Pull of a log of which
// nothing more is to be stored.
var ErrUnwanted = errors.New("nothing more of the log is wanted")

// ErrUnadmitted is wrapped in the error of an Ingest or a Pull of a log that the roster
// does not admit, and which is not stored as a provisional one, or no further. It is
// an ErrUnwanted; the session passes over the log until more of the roster is here.
var ErrUnadmitted = fmt.Errorf("%w before the roster admits it", ErrUnwanted)

// A Violation is a rule of the protocol that a peer broke.
type Violation struct {
	Code messages.Code
	Text string
}

func (v *Violation) Error() string { return fmt.Sprintf("%s: %s", v.Code, v.Text) }

func violation(code messages.Code, format string, args ...any) *Violation {
	return &Violation{Code: code, Text: fmt.Sprintf(format, args...)}
}
