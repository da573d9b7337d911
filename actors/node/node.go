// SPDX-License-Identifier: MPL-2.0

// Package node wires the actors of one store: the pipeline of four stages, and the
// network side with a listener, a dialer and one actor for each session.
//
// Rule: it starts and stops everything in order and tells each what happened
// elsewhere; what is done about that is theirs. The actors are thin: a stage decodes
// a message, calls its core in package store and sends the result; a session moves
// frames between a stream and the step function of package syncer.
//
// Start with Node.
package node

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/homekeeper"
	"github.com/xaeroflux/xaeroflux/actors/keeper"
	"github.com/xaeroflux/xaeroflux/actors/mesh"
	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
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
// Policy, PeerTimeout, Lookup and Quota.
type Config struct {
	System  *actor.ActorSystem
	Store   *store.Store
	Carrier transport.Carrier
	Logger  *slog.Logger
	Now     func() time.Time
	Fault   pipeline.Fault
	Policy  supervisor.Policy // of the stages
	// PeerTimeout is how long a peer may take over its greeting; other waits
	// follow from it (session/peertimeout.go). Default 10 s.
	PeerTimeout time.Duration
	Quota       pipeline.Quota

	// Lookup resolves host names; what a peer told is dialed by what it says only.
	// Default: none, names are the carrier's own.
	Lookup mesh.Lookup

	// RetryBetter is how long a session lasts before a better path than its own is
	// tried; the pause doubles up to five times that. Default 1 minute.
	RetryBetter time.Duration

	// Advanced is called after each change of a log's published state: it must
	// return at once.
	Advanced func(*store.Log)

	// KeysCame is called when more of a topic can be read than before.
	KeysCame func(topic identity.TopicID)

	// Joining runs a function that may change which topic is the default, when nobody
	// means that. Default: it is run.
	Joining func(func() error) error

	Advertise bool          // peers may tell others where this node listens
	Doze      bool          // quiet sessions are asked seldom whether the peer is there (syncer.DozeEvery)
	Stall     time.Duration // that a session may stand still while the peer owes something; default 30 s
}

// Defaults of a Config.
const (
	defaultPeerTimeout = 10 * time.Second
	defaultStall       = 30 * time.Second
)

// A Node is the running actors of one store.
type Node struct {
	cfg      Config
	pipeline *pipeline.Pipeline
	tree     atomic.Pointer[supervisor.Tree] // nil until the actors run
	doors    *doors.Set
	swarm    *swarm.Swarm
	mesh     *mesh.Mesh
	sessions *session.Set
	keeper   *keeper.Keeper
	home     *homekeeper.Keeper
	notices  notices.Hub

	ctx    context.Context // of everything on the network side
	cancel context.CancelFunc
	wg     sync.WaitGroup // its goroutines

	closing   atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

// Start starts the actors of a store.
func Start(c Config) (*Node, error) {
	if c.Joining == nil {
		c.Joining = func(join func() error) error { return join() }
	}
	c.PeerTimeout, c.Stall = cmp.Or(c.PeerTimeout, defaultPeerTimeout), cmp.Or(c.Stall, defaultStall)
	n := &Node{cfg: c, doors: doors.New(c.Logger)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.pipeline = pipeline.New(c.System, c.Store, c.Logger, c.Quota, c.Fault, n.advanced)
	err := n.meet()
	if err == nil {
		var tree *supervisor.Tree
		tree, err = supervisor.Start(c.System, supervisor.Config{Groups: n.groups(), OnDegraded: n.degraded})
		n.tree.Store(tree)
	}
	if err != nil {
		n.cancel()
		return nil, errors.Join(err, c.Carrier.Close())
	}
	if !c.Store.OpenedReadOnly() {
		n.pipeline.Watch(n.tree.Load(), groupStorage)
		n.swarm.AbsorbAll()
	}
	return n, nil
}

// meet makes what meets peers. Nothing of it begins before the tree has started.
func (n *Node) meet() (err error) {
	c, self := n.cfg, n.PeerID()
	if n.mesh, err = mesh.New(mesh.Config{
		Context: n.ctx, Go: n.Go, Store: c.Store, Pipeline: n.pipeline, Carrier: c.Carrier, Logger: c.Logger, Notify: n.notices.Say,
		Spawn: n.spawn, Send: n.send,
		Self: self, PeerTimeout: c.PeerTimeout, Now: c.Now, Lookup: c.Lookup, RetryBetter: c.RetryBetter, Advertise: c.Advertise,
	}); err != nil {
		return err
	}
	n.swarm = swarm.New(swarm.Config{
		Context: n.ctx, Store: c.Store, Pipeline: n.pipeline, Logger: c.Logger, Go: n.Go,
		Refused: n.mesh.Refused, Connected: n.sources,
		Visits: swarm.Visits{Carrier: c.Carrier, Self: self, PeerTimeout: c.PeerTimeout, Still: session.Still(c.PeerTimeout)},
	})
	n.keeper = keeper.New(keeper.Config{
		Context: n.ctx, Store: c.Store, Pipeline: n.pipeline, Logger: c.Logger, Now: c.Now,
		Go: n.Go, Turned: n.turned, Found: n.found, Wake: func() { n.send(keeper.Name, &keeper.Look{}) },
	})
	n.home = homekeeper.New(homekeeper.Config{
		Context: n.ctx, Store: c.Store, Pipeline: n.pipeline, Logger: c.Logger, Now: c.Now,
		Go: n.Go, Wake: func() { n.send(homekeeper.Name, &homekeeper.Look{}) }, Joining: c.Joining, Joined: n.joined, Places: n.mesh.Places,
		Remove:      n.removeDevice,
		BeginRoster: n.keeper.BeginRoster,
	})
	n.sessions = session.NewSet(session.Config{
		Context: n.ctx, Go: n.Go, System: c.System, Store: c.Store, Pipeline: n.pipeline, Swarm: n.swarm, Doors: n.doors,
		Logger: c.Logger, Now: c.Now, Host: n.mesh, Agreed: n.agreed, Settle: n.keeper.SettleSome, Refused: n.mesh.Refused, Notify: n.notices.Say, Fault: c.Fault,
		Self: self, PeerTimeout: c.PeerTimeout, Stall: c.Stall, Doze: c.Doze,
	})
	n.mesh.Sessions = n.sessions
	return nil
}

// groups are the actors that the tree starts.
func (n *Node) groups() []supervisor.GroupSpec {
	var stages []supervisor.Spec
	network := []supervisor.Spec{
		{Name: mesh.ListenerName, Props: n.mesh.Listener()},
		{Name: mesh.DialerName, Props: n.mesh.Dialer()},
	}
	if !n.cfg.Store.OpenedReadOnly() {
		network = append(network, supervisor.Spec{Name: keeper.Name, Props: n.keeper.Props()}, supervisor.Spec{Name: homekeeper.Name, Props: n.home.Props()})
		for _, name := range pipeline.Stages {
			stages = append(stages, supervisor.Spec{Name: name, Props: n.pipeline.Props(name)})
		}
	}
	return []supervisor.GroupSpec{
		{Name: groupNetwork, Children: network},
		{Name: groupUser, Foreign: true},
		{Name: groupStorage, Children: stages, Policy: n.cfg.Policy},
	}
}

// spawn and send are how the mesh reaches actors on the network side.
func (n *Node) spawn(name string, props *actor.Props) (*actor.PID, error) {
	c, err := n.tree.Load().Group(groupNetwork).Spawn(name, props)
	if err != nil {
		return nil, err
	}
	return c.PID(), nil
}

func (n *Node) send(name string, msg any) {
	tree := n.tree.Load()
	if tree == nil {
		return // the actor looks when it starts
	}
	if pid := tree.Group(groupNetwork).PID(name); pid != nil {
		n.cfg.System.Root.Send(pid, msg)
	}
}

// advanced tells whoever waits for it that a log has a new published state.
func (n *Node) advanced(l *store.Log) {
	if n.cfg.Advanced != nil {
		n.cfg.Advanced(l)
	}
	n.swarm.Reached(l)
	n.keeper.Advanced(l)
	n.home.Advanced(l)
	for _, s := range n.mesh.Live() {
		s.Advanced(l.ID, l.GrewFrom())
	}
}

// turned tells whoever waits for it that keys of a topic came.
func (n *Node) turned(topic identity.TopicID) {
	n.home.Changed()
	n.Go(n.mesh.TopicsChanged)
	if n.cfg.KeysCame != nil {
		n.cfg.KeysCame(topic)
	}
}

// joined takes up a topic that another device of the person is in.
func (n *Node) joined(topic identity.TopicID, places []identity.Address) {
	n.Go(n.mesh.TopicsChanged)
	for _, a := range places {
		if a.Peer == n.PeerID() {
			continue
		}
		if err := n.mesh.KeepConnected(a); err != nil {
			n.cfg.Logger.Warn("a place of a peer is not kept", slog.String("topic", topic.Short()), slog.Any("error", err))
		}
	}
}

// removeDevice has a device of this person removed from a topic.
func (n *Node) removeDevice(topic identity.TopicID, account, device roster.Key) error {
	_, err := n.keeper.AskToRemove(n.ctx, topic, account, device)
	return err
}

// agreed takes note that a peer holds the same of a topic.
func (n *Node) agreed(topic identity.TopicID) {
	n.keeper.Met(topic)
	n.home.Met()
}

// found tells of something that is wrong with a topic's roster.
func (n *Node) found(f *store.RosterFault) {
	n.notices.Say(notices.Event{Kind: notices.Roster, Topic: f.Topic, Log: f.Log, Err: f})
}

// sources are the sessions that share a topic.
func (n *Node) sources(topic identity.TopicID) (all []swarm.Source) {
	for _, s := range n.mesh.Sharing(topic) {
		all = append(all, s)
	}
	return all
}

// FetchRange brings a part of a log from peers, as far as it is not held.
func (n *Node) FetchRange(ctx context.Context, want swarm.RangeFetch) (swarm.RangeReport, error) {
	if n.closing.Load() {
		return swarm.RangeReport{}, pipeline.ErrClosed
	}
	return n.swarm.FetchRange(ctx, want)
}

// Copied tells that there is a copy of this store.
func (n *Node) Copied(c store.Copy) {
	n.notices.Say(notices.Event{Kind: notices.Copied, Topic: c.Topic, Log: c.Log})
}

// Notices yields what happens between this node and its peers from now on, until ctx
// or the node ends.
func (n *Node) Notices(ctx context.Context, yield func(notices.Event) bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	n.notices.Read(ctx, yield)
}

// degraded is called when a group was stopped for good.
func (n *Node) degraded(group string, reason any) {
	n.cfg.Logger.Error("actors stopped for good", slog.String("group", group), slog.Any("reason", reason))
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

// Keeper returns what keeps the rosters of the topics.
func (n *Node) Keeper() *keeper.Keeper { return n.keeper }

// Home returns what keeps the home topic.
func (n *Node) Home() *homekeeper.Keeper { return n.home }

// Mesh returns who is connected.
func (n *Node) Mesh() *mesh.Mesh { return n.mesh }

// Registry returns the registry of the node's actors.
func (n *Node) Registry() *supervisor.Registry { return n.tree.Load().Registry() }

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
func (n *Node) PeerID() identity.PeerID { return n.cfg.Store.Device().PeerID() }

// Broken returns why the store is read-only, or nil.
func (n *Node) Broken() error { return n.pipeline.Broken() }

// Close stops ingress and network, waits for what is under way, stops the
// stages in order, and syncs. When ctx ends first it stops regardless; what was
// acknowledged is on disk in any case. Handlers and actors of the application have half
// of the time: one that does not stop is left behind, and is the error.
func (n *Node) Close(ctx context.Context) error {
	n.closeOnce.Do(func() { n.closeErr = n.close(ctx) })
	return n.closeErr
}

func (n *Node) close(ctx context.Context) error {
	n.closing.Store(true)
	n.mesh.Shut("closing")
	n.cancel()
	n.doors.Close()
	n.swarm.Stop()
	errs := []error{n.cfg.Carrier.Close(), n.tree.Load().StopGroup(ctx, groupNetwork)}
	n.wg.Wait()
	n.mesh.Close()
	errs = append(errs, n.stopUsers(ctx), n.pipeline.Quiesce(ctx), n.tree.Load().Close(ctx), n.pipeline.Finish())
	return errors.Join(errs...)
}

// stopUsers waits for the application's handlers and stops its actors, in half of the
// time that is left. Closing the tree tells what comes of the actors.
func (n *Node) stopUsers(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		half, cancel := context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
		ctx = half
	}
	err := n.doors.Wait(ctx)
	_ = n.tree.Load().StopGroup(ctx, groupUser)
	return err
}

// Go runs f as one of the node's goroutines: Close waits for it.
func (n *Node) Go(f func()) {
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		f()
	}()
}

// Context ends when the node closes.
func (n *Node) Context() context.Context { return n.ctx }

// SpawnUser spawns an actor of the application in the user group.
func (n *Node) SpawnUser(name string, props *actor.Props) (*supervisor.Child, error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	return n.tree.Load().Group(groupUser).Spawn(name, props)
}

// ShowUser shows a function of the application beside its actors, until end is called.
func (n *Node) ShowUser(name string) (e *supervisor.Entry, end func()) {
	e = n.Registry().Begin(groupUser, name)
	return e, func() { n.Registry().End(e) }
}
