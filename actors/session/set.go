// SPDX-License-Identifier: MPL-2.0

// Package session is the actor around one connection to a peer.
//
// Rule: a session moves frames between the control stream and the step function of
// package syncer, serves the streams that the peer opens, and is a source of the
// swarm. It knows the store, the way into it, and its Host, which says who else is
// connected and who may stay; of other sessions it knows which push the events of
// a topic (links.go).
//
// Start with Session, whose mailbox is in Receive, and Set, which is what the
// sessions of one node share.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Host keeps the sessions of a node: it decides who may stay, and remembers who
// is where. All but Gone are called by the session's actor.
type Host interface {
	// Greeted is called when the peer said which run of its store it is; an error
	// refuses it.
	Greeted(s *Session, run RunID) error
	// Answered is called when the peer answered our greeting; an error refuses it.
	Answered(s *Session) error
	// Named reports whether an invite, a person or an earlier proof in a topic named the
	// peer: it may see who this device is there.
	Named(s *Session, topic identity.TopicID) bool
	// Shares is called when topics are shared from now on, the first ones or more. There
	// is none if certificates alone share the first one.
	Shares(s *Session, topics []identity.TopicID, first bool)
	// Left is called when a topic is not shared any more.
	Left(s *Session, topic identity.TopicID)
	// Told is called with the addresses that a peer told of a topic.
	Told(s *Session, topic identity.TopicID, addresses []string)
	// Addresses returns what says what is to be told of a topic, at most MaxAddresses.
	Addresses(s *Session) func(identity.TopicID) []identity.Address
	// Woke is called now and again, so that somebody looks at the clocks.
	Woke(now time.Time)
	// Gone is called last, when the session has ended.
	Gone(s *Session)
}

// A Config is what sessions work with. All of it is required but Fault.
type Config struct {
	Context  context.Context // of everything on the network side
	Go       func(func())    // runs a goroutine that the node waits for
	System   *actor.ActorSystem
	Store    *store.Store
	Pipeline *pipeline.Pipeline
	Swarm    *swarm.Swarm
	Doors    *doors.Set
	Logger   *slog.Logger
	Now      func() time.Time
	Host     Host
	Agreed   func(identity.TopicID) // a peer holds the same of a topic
	// Settle returns once what follows from what is stored of topics is done: logs began
	// anew, keys are learned, asks are answered. Or ctx ends.
	Settle  func(ctx context.Context, topics []identity.TopicID)
	Refused func(messages.Code)   // counts what a peer was refused
	Notify  func(e notices.Event) // tells whoever reads
	Fault   pipeline.Fault

	Self        identity.PeerID
	PeerTimeout time.Duration // for the greeting of a peer; other waits follow from it (peertimeout.go)
	Stall       time.Duration // that a session may stand still while the peer owes something
	Doze        bool          // quiet sessions are asked seldom whether the peer is there
}

// A Set is what the sessions of one node share.
type Set struct {
	Config
	opening [32]byte // a random value of this opening of the store
	Cosigs  Cosigs
	links   links

	cosigning sync.Mutex // held from the question what was cosigned last until the answer's row is durable
	saving    sync.Mutex // guards saved
	saved     time.Time  // when peers' cursors were last written
}

// NewSet returns the set of a node.
func NewSet(c Config) *Set {
	s := &Set{Config: c}
	rand.Read(s.opening[:]) // never fails
	return s
}

// A RunID is a value for each opening of a store, and each peer that hears it: HELLO
// says it, so that two live copies of one store are told apart, and nobody can compare
// what two peers hear.
type RunID [16]byte

// runFor returns which run a peer hears that we are.
func (k *Set) runFor(p identity.PeerID) RunID {
	sum := sha256.Sum256(slices.Concat(k.opening[:], p[:]))
	return RunID(sum[:16])
}

// runOf returns which run HELLO says that its sender is; zero if none.
func runOf(h *messages.Hello) (r RunID) {
	for _, c := range h.Caps {
		if c.Name == messages.CapRun && len(c.Param) == len(r) {
			copy(r[:], c.Param)
		}
	}
	return r
}

// capabilities are what HELLO says to a peer that this node can do.
func (k *Set) capabilities(p identity.PeerID) syncer.Capabilities {
	all := syncer.Capabilities(k.Doors.Params())
	run := k.runFor(p)
	all[messages.CapRun] = run[:]
	if k.Doze {
		all[messages.CapDoze] = nil
	}
	return all
}

// cursorsEvery is how long passes between commits that keep what peers agreed to.
const cursorsEvery = time.Minute

// saveCursors makes durable what peers agreed to, with the next commit: at the
// end of a session, and else once in cursorsEvery.
func (k *Set) saveCursors(end bool) {
	now := k.Now()
	k.saving.Lock()
	due := end || now.Sub(k.saved) >= cursorsEvery
	if due {
		k.saved = now
	}
	k.saving.Unlock()
	if !due {
		return
	}
	for _, row := range k.Store.CursorRows() {
		k.Pipeline.Soon(row)
	}
}
