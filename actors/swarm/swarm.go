// SPDX-License-Identifier: MPL-2.0

// Package swarm brings what is missing of a log from every peer that holds it:
// the pages of a sync (fetch.go), a range that a person wants (ranges.go), and
// a log for a repair (repair.go).
//
// Rule: the swarm knows sources and the way into the store, and no session; a fetch
// knows no store, but a sink. A
// source is a peer that streams can be opened to: a session is one, and a visit
// is another, which greets as a member of one topic and takes no part in the sync.
// All that a source brings is verified before it is stored, and a source is blamed
// only for what it alone brought.
//
// Start with Swarm and Source.
package swarm

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Source is a peer that what is missing is asked of. Methods may be called by
// several goroutines at once.
type Source interface {
	streams.Opener
	// Context ends when the peer is gone.
	Context() context.Context
	// Number is what a topic goes by on the wire; false says that it is not shared.
	Number(topic identity.TopicID) (uint32, bool)
	// Brought counts what came of the peer and is stored.
	Brought(events, pages uint64)
	// Owes counts the answers that the peer owes.
	Owes(answers int)
	// Broke is called if the peer broke a rule: it is not asked any more.
	Broke(v *syncer.Violation)
}

// A Config is what a Swarm works with. All of it is required.
type Config struct {
	Context  context.Context // ends with the node
	Store    *store.Store
	Pipeline *pipeline.Pipeline
	Logger   *slog.Logger
	Go       func(func()) // runs a goroutine that the node waits for
	Refused  func(messages.Code)
	// Connected returns the peers that share a topic.
	Connected func(topic identity.TopicID) []Source
	Visits    Visits
}

// Visits is how peers are visited.
type Visits struct {
	Carrier     transport.Carrier
	Self        identity.PeerID
	PeerTimeout time.Duration // for each thing that a peer owes
	Still       time.Duration // that a peer may keep still in an answer
}

// A Swarm is the fetches of one store.
type Swarm struct {
	Config
	fetches fetches
	ranges  keeper
}

// New returns the swarm of a store.
func New(c Config) *Swarm {
	return &Swarm{Config: c, fetches: fetches{byLog: map[digest.Hash]*fetch{}}}
}

// Stop makes the swarm begin nothing more.
func (sw *Swarm) Stop() { sw.ranges.stop() }

// ask sends a request to a source and hands the answer to take.
func (o Visits) ask(ctx context.Context, s Source, req messages.Message, take func(*syncer.Answer) error) error {
	s.Owes(1)
	defer s.Owes(-1)
	return streams.Ask(ctx, s, o.Still, req, take)
}

// ErrNoPeer is returned if there is no peer to ask.
var ErrNoPeer = errors.New("no peer to fetch from")
