// SPDX-License-Identifier: MPL-2.0

// Package mesh is who a node is connected to.
//
// Rule: the mesh decides who may stay (admission.go), whom to dial (dialer.go), what
// to tell of others (exchange.go) and which of two connections with a peer counts
// (network.go, twins.go). It knows sessions by what they show (session/handle.go), and
// nothing of what they sync.
//
// Start with Mesh.
package mesh

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Config is what a mesh works with. All of it is required but Lookup, RetryBetter
// and Advertise.
type Config struct {
	Context  context.Context // ends with the node
	Go       func(func())    // runs a goroutine that the node waits for
	Store    *store.Store
	Pipeline *pipeline.Pipeline
	Carrier  transport.Carrier
	Logger   *slog.Logger
	Notify   func(e notices.Event) // tells whoever reads
	// Spawn spawns an actor on the network side, and Send sends a message to one.
	Spawn func(name string, props *actor.Props) (*actor.PID, error)
	Send  func(name string, msg any)

	Self        identity.PeerID
	PeerTimeout time.Duration    // for the greeting of a peer
	Now         func() time.Time // the clock of event times, by which a sleep is noticed too

	// Lookup resolves host names; what a peer told is dialed by what it says only.
	// Default: none, names are the carrier's own.
	Lookup Lookup

	// RetryBetter is how long a session lasts before a better path than its own is
	// tried; the pause doubles up to five times that. Default 1 minute.
	RetryBetter time.Duration

	Advertise bool // peers may tell others where this node listens
}

// A Mesh is the sessions of a node and who its peers are. It is the Host of its
// sessions.
type Mesh struct {
	Config
	Sessions *session.Set // set before anything begins

	net     network
	dir     directory
	twins   twins
	clocks  clocks
	refused refusals
	closing atomic.Bool
}

// New returns the mesh of a node, with the peers that its store remembers.
func New(c Config) (*Mesh, error) {
	n := &Mesh{Config: c}
	n.net.sessions, n.net.second = map[*session.Session]*place{}, map[identity.PeerID]bool{}
	n.refused.byCode = map[messages.Code]uint64{}
	n.twins.init()
	return n, n.load()
}

// Refused counts what a peer was refused.
func (n *Mesh) Refused(code messages.Code) { n.refused.add(code) }

// The names of the mesh's actors, by which Send reaches them.
const (
	ListenerName = "listener"
	DialerName   = "dialer"
)

// Listener returns the props of the listener.
func (n *Mesh) Listener() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &listener{n} })
}

// Dialer returns the props of the dialer.
func (n *Mesh) Dialer() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &dialer{n} })
}
