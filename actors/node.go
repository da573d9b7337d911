// SPDX-License-Identifier: MPL-2.0

// Package actors is the actor system around a store: the pipeline of four
// stages, and the network side with a listener, a dialer and one actor for each
// session. The actors are thin: a stage decodes a message, calls its core in
// package store and sends the result; a session moves frames between a stream
// and the step function of package syncer.
//
// Start with Node, which starts and stops everything in order, and the comment
// at the top of pipeline.go.
package actors

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Names of the groups, in the order in which they are stopped.
const (
	groupNetwork = "network"
	groupUser    = "user"
	groupStorage = "storage"
)

// A Config is what a Node is started with. All of it is required but Fault,
// Policy, Patience, Lookup and Quota.
type Config struct {
	System  *actor.ActorSystem
	Store   *store.Store
	Carrier transport.Carrier
	Logger  *zap.Logger
	Now     func() time.Time
	Fault   pipeline.Fault
	Policy  supervisor.Policy // of the stages
	// Patience is how long a peer may take over its greeting; other waits
	// follow from it (patience.go). Default 10 s.
	Patience time.Duration
	Quota    pipeline.Quota

	// Lookup resolves host names; what a peer told is dialed by what it says only.
	// Default: none, names are the carrier's own.
	Lookup Lookup

	// RetryBetter is how long a session lasts before a better path than its own is
	// tried; the pause doubles up to five times that. Default 1 minute.
	RetryBetter time.Duration

	// Advanced is called after each change of a log's published state: it must
	// return at once.
	Advanced func(*store.Log)

	Advertise bool          // peers may tell others where this node listens
	Doze      bool          // quiet sessions are asked seldom whether the peer is there (syncer.DozeEvery)
	Stall     time.Duration // that a session may stand still while the peer owes something; default 30 s
}

// A Node is the running actors of one store.
type Node struct {
	cfg      Config
	pipeline *pipeline.Pipeline
	tree     *supervisor.Tree
	self     identity.PeerID

	ctx    context.Context // of everything on the network side
	cancel context.CancelFunc
	wg     sync.WaitGroup // its goroutines

	closing   atomic.Bool
	closeOnce sync.Once
	closeErr  error

	net    network
	cosigs collectors

	cosigning sync.Mutex // held from the question what was cosigned last until the answer's row is durable
	mesh      mesh
	links     links
	notices   notices
	twins     twins
	clocks    clocks
	run       runID // of this opening of the store
	swarm     *swarm.Swarm
	doors     *doors.Set
}

// Start starts the actors of a store.
func Start(c Config) (*Node, error) {
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	n := &Node{cfg: c, self: c.Store.Device().PeerID(), run: newRun(), doors: doors.New(c.Logger)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.net.init()
	n.twins.init()
	if n.cfg.Stall == 0 {
		n.cfg.Stall = defaultStall
	}
	if err := n.initMesh(); err != nil {
		n.cancel()
		return nil, errors.Join(err, c.Carrier.Close())
	}
	n.pipeline = pipeline.New(c.System, c.Store, c.Logger, c.Quota, c.Fault, n.advanced)
	n.swarm = swarm.New(swarm.Config{
		Context: n.ctx, Store: c.Store, Pipeline: n.pipeline, Logger: c.Logger, Go: n.goroutine,
		Refused: n.net.refused.add, Connected: n.sharing,
		Visits: swarm.Visits{Carrier: c.Carrier, Self: n.self, Patience: c.Patience, Still: stallPatience * c.Patience},
	})
	var stages []supervisor.Spec
	for _, name := range pipeline.Stages {
		if !c.Store.OpenedReadOnly() {
			stages = append(stages, supervisor.Spec{Name: name, Props: n.pipeline.Props(name)})
		}
	}
	tree, err := supervisor.Start(c.System, supervisor.Config{
		Groups: []supervisor.GroupSpec{
			{Name: groupNetwork, Children: []supervisor.Spec{
				{Name: "listener", Props: actor.PropsFromProducer(func() actor.Actor { return &listener{n: n} })},
				{Name: "dialer", Props: actor.PropsFromProducer(func() actor.Actor { return &dialer{n: n} })},
			}},
			{Name: groupUser},
			{Name: groupStorage, Children: stages, Policy: c.Policy},
		},
		OnDegraded: n.degraded,
	})
	if err != nil {
		n.cancel()
		return nil, errors.Join(err, c.Carrier.Close())
	}
	n.tree = tree
	if !c.Store.OpenedReadOnly() {
		n.pipeline.Watch(tree, groupStorage)
		n.swarm.AbsorbAll()
	}
	return n, nil
}

// degraded is called when a group was stopped for good.
func (n *Node) degraded(group string, reason any) {
	n.cfg.Logger.Error("actors stopped for good", zap.String("group", group), zap.Any("reason", reason))
	if group != groupStorage {
		return
	}
	err, ok := reason.(error)
	if !ok {
		err = errors.New("a stage kept failing")
	}
	n.pipeline.Break(err)
}

// Pipeline returns the way into the store.
func (n *Node) Pipeline() *pipeline.Pipeline { return n.pipeline }

// Registry returns the registry of the node's actors.
func (n *Node) Registry() *supervisor.Registry { return n.tree.Registry() }

// Actors returns the state of every actor, ordered by name. Stages of a store that
// is read-only get nothing more, and are halted.
func (n *Node) Actors() []supervisor.State {
	all, why := n.Registry().Snapshot(), n.Broken()
	for i := range all {
		s := &all[i]
		ended := s.Phase == supervisor.Stopped || s.Phase == supervisor.Failed
		if why != nil && !ended && strings.HasPrefix(s.Name, groupStorage+"/") {
			s.Phase, s.LastError = supervisor.Halted, why.Error()
		}
	}
	return all
}

// PeerID returns the identity of this node on the network.
func (n *Node) PeerID() identity.PeerID { return n.self }

// Broken returns why the store is read-only, or nil.
func (n *Node) Broken() error { return n.pipeline.Broken() }

// Close stops ingress and network, waits for what is under way, stops the
// stages in order, and syncs. When ctx ends first it stops regardless; what was
// acknowledged is on disk in any case. Actors of the application have half of the
// time: one that does not stop is left behind, and is the error.
func (n *Node) Close(ctx context.Context) error {
	n.closeOnce.Do(func() { n.closeErr = n.close(ctx) })
	return n.closeErr
}

func (n *Node) close(ctx context.Context) error {
	n.closing.Store(true)
	n.endAll("closing")
	n.cancel()
	n.doors.Close()
	n.swarm.Stop()
	errs := []error{n.cfg.Carrier.Close(), n.tree.StopGroup(ctx, groupNetwork)}
	n.wg.Wait()
	n.closeMesh()
	n.stopUsers(ctx)
	errs = append(errs, n.pipeline.Quiesce(ctx), n.tree.Close(ctx), n.pipeline.Finish())
	return errors.Join(errs...)
}

// stopUsers stops the application's actors in half of the time that is left.
// What comes of it is told when the tree is closed.
func (n *Node) stopUsers(ctx context.Context) {
	if end, ok := ctx.Deadline(); ok {
		half, cancel := context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
		ctx = half
	}
	_ = n.tree.StopGroup(ctx, groupUser)
}

// goroutine runs f as one of the node's, unless the node is closing.
func (n *Node) goroutine(f func()) {
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		f()
	}()
}

// Go runs f as one of the node's goroutines: Close waits for it.
func (n *Node) Go(f func()) { n.goroutine(f) }

// Context ends when the node closes.
func (n *Node) Context() context.Context { return n.ctx }

// SpawnUser spawns an actor of the application in the user group.
func (n *Node) SpawnUser(name string, props *actor.Props) (*actor.PID, error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	return n.tree.Group(groupUser).Spawn(name, props)
}

// UserEntry returns the registry's entry of such an actor.
func (n *Node) UserEntry(name string) *supervisor.Entry {
	return n.tree.Registry().Entry(groupUser, name)
}

// StopUser stops such an actor after it handled what it was sent.
func (n *Node) StopUser(ctx context.Context, name string) error {
	return n.tree.Group(groupUser).Stop(ctx, name)
}
