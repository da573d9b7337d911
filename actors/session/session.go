// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Bounds of a session.
const (
	inboxFrames = 16 // frames read and not yet handled; a long one counts for each MiB
	maxServing  = 32 // transfers served at a time
	maxPulling  = 4  // transfers pulled at a time
	tickEvery   = time.Second
)

// GoodbyeGrace is how long the last words to a peer may take.
const GoodbyeGrace = 500 * time.Millisecond

// A Session is the actor around one connection: it owns the streams and feeds
// the step function of package syncer. Two goroutines read and write the
// control stream, and each transfer has one of its own. The actor alone touches
// core.
type Session struct {
	set   *Set
	conn  transport.Conn
	since time.Time
	pid   atomic.Pointer[actor.PID] // nil until it runs

	beginning sync.Mutex // guards early, and that pid is set
	early     []any      // what was told before it runs

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	wg     sync.WaitGroup

	core    *syncer.Session
	out     *outbox
	inbox   chan struct{} // credits of the reader
	serving chan struct{}
	pulling int             // transfers that we pull, and
	queued  []syncer.Pull   // those that wait for their turn
	stopped chan struct{}   // closed when the actor has stopped
	in      []*syncer.Topic // topics that the core knows, as all sessions see them
	lists   bool            // the core may offer more of them
	asked   bool            // for a cosignature, and not answered
	ended   sync.Once
	known   atomic.Bool      // it greeted as a member of a topic
	first   transport.Stream // the control stream, if it was accepted before

	alarm  alarm
	tickAt time.Time // when the core wants a tick; zero: it wants none
	pulse  syncer.Pulse
	dozes  atomic.Bool // the peer does
	pings  uint64
	heard  lastWord
	bye    atomic.Pointer[string] // what this side ended it with, if it did
	moved  moved                  // logs that the core is to be told of

	watch   syncer.Watch
	snapped time.Time
	seen    atomic.Pointer[snapshot]
	rate    rate
	awaited atomic.Int64 // transfers that the peer is to answer

	saidPeers  map[identity.TopicID][]string // by the last PEERS
	heardPeers int
	answering  bool // what is sent was caused by a message of the peer
	answered   bool // the peer, our HELLO

	pace  syncer.Pace // of what we send
	gave  atomic.Bool // the peer brought events that were not here
	stats sessionStats
}

// sessionStats is what others may look at.
type sessionStats struct {
	eventsIn, eventsOut, pagesIn, pagesOut atomic.Uint64
	roundTrips                             atomic.Uint64

	mu      sync.Mutex // guards all below
	shared  sharing
	synced  uint64        // number of the last sync that is done,
	unheld  error         // and why not all is held that it was for
	apart   error         // the same of the one under way
	unmet   error         // why the first log was left alone
	trouble fault         // why the last thing that came is not stored yet
	changed chan struct{} // closed and replaced at every change
	end     fault         // why the session ended
}

// A fault is an error, and when it was.
type fault struct {
	err error
	at  time.Time
}

// Messages that a session sends to itself.
type (
	frameIn struct {
		m       messages.Message
		at      time.Time           // when it came
		credits int                 // of the inbox that it holds
		taken   chan<- syncer.State // told where the session is then, unless nil
	}
	logsMoved struct{} // those of session.moved
	inputDone struct{ in syncer.Input }
	lost      struct{ err error }
	wake      struct{} // the alarm went off
	check     struct{} // the network may be another one, or the peer was seen elsewhere
	barrier   struct {
		confirm bool // what the peer stated is from before
		passed  chan struct{}
		sync    uint64 // when passed: its number; 0 if the session had ended
	}
	byeNow struct {
		code messages.Code
		text string
	}
)

// New returns the session of a connection, and takes the control stream if that was
// accepted before; else first is nil. Nothing happens until it is run.
func (k *Set) New(conn transport.Conn, first transport.Stream) *Session {
	s := &Session{
		set: k, conn: conn, first: first, since: time.Now(), out: newOutbox(),
		inbox: make(chan struct{}, inboxFrames), serving: make(chan struct{}, maxServing), stopped: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(k.Context)
	s.stats.shared = newSharing()
	s.stats.changed = make(chan struct{})
	s.watch.Limit = k.Stall
	return s
}

// Run starts the session, whose actor was spawned as pid.
func (s *Session) Run(pid *actor.PID) {
	s.begun(pid)
	s.set.Go(func() {
		defer s.gone()
		defer s.cancel()
		control, err := s.control()
		if err != nil {
			s.tell(&lost{err})
			s.conn.CloseWithError(uint64(messages.CodeTimeout), "no control stream")
			s.stop()
			return
		}
		s.spawn(func() { s.write(control) })
		s.spawn(func() {
			<-s.conn.Done()
			s.cancel()
			s.out.close()
		})
		s.read(control)
		<-s.conn.Done()
		s.stop()
	})
}

// stop ends the actor and then waits for the goroutines, which only the actor
// and run start.
func (s *Session) stop() {
	s.cancel()
	s.set.System.Root.Poison(s.pid.Load())
	<-s.stopped
	s.wg.Wait()
}

func (s *Session) spawn(f func()) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// tell sends the session's actor a message, or keeps it until there is one: the mesh
// knows a session before it runs.
func (s *Session) tell(m any) {
	if pid := s.pid.Load(); pid != nil {
		s.set.System.Root.Send(pid, m)
		return
	}
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if pid := s.pid.Load(); pid != nil { // by now
		s.set.System.Root.Send(pid, m)
		return
	}
	s.early = append(s.early, m)
}

// begun hands over what was told before.
func (s *Session) begun(pid *actor.PID) {
	s.beginning.Lock()
	defer s.beginning.Unlock()
	for _, m := range s.early {
		s.set.System.Root.Send(pid, m)
	}
	s.early = nil
	s.pid.Store(pid)
}

// gone is the last of the session.
func (s *Session) gone() {
	for _, t := range s.Topics() {
		s.set.links.leave(s, t)
	}
	s.set.Host.Gone(s)
}

// End closes the session with a last word to the peer.
func (s *Session) End(code messages.Code, text string) { s.tell(&byeNow{code, text}) }

// Receive implements actor.Actor.
func (s *Session) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.start()
	case *actor.Restarting:
		// The core's knowledge of the peer is lost with it: a new connection
		// begins from nothing.
		s.conn.CloseWithError(uint64(messages.CodeInternal), "session failed")
	case *actor.Stopped:
		s.snap(time.Now(), true) // what is missing is said also when it has ended
		s.hangUp(messages.CodeClosing, "closing")
		s.set.saveCursors(true)
		close(s.stopped)
	case *frameIn:
		s.strike(pipeline.AtStart)
		for range m.credits {
			<-s.inbox
		}
		s.pulse.Heard(m.at)
		if s.meet(m.m) {
			s.step(syncer.Received{Message: m.m})
		}
		if m.taken != nil {
			m.taken <- s.state()
		}
		s.strike(pipeline.AtEnd)
	case *logsMoved:
		s.strike(pipeline.AtStart)
		s.stepMoved()
		s.strike(pipeline.AtEnd)
	case *inputDone:
		s.strike(pipeline.AtStart)
		s.input(m.in)
		s.strike(pipeline.AtEnd)
	case *barrier:
		s.stepMoved()
		s.step(syncer.Nudge{Confirm: m.confirm})
		if s.core != nil && s.why() == nil {
			m.sync = s.core.Asked()
		}
		close(m.passed)
	case *askCosign:
		s.ask(m)
	case *wake:
		s.onWake(time.Now())
	case *check:
		s.pulse.Changed()
		s.beat(time.Now())
	case *topicsMoved:
		s.moveTopics()
		close(m.done)
	case *tellPeers:
		s.tellPeers()
	case *say:
		s.say(m)
	case *byeNow:
		if s.why() == nil {
			s.bye.Store(&m.text)
		}
		s.out.send(&messages.Bye{Code: m.code, Text: m.text}, false)
		s.close(m.code, m.text)
	case *drained:
		s.drained(m)
	case *lost:
		s.lost(m.err)
	}
}

func (s *Session) strike(point int) {
	if fault := s.set.Fault; fault != nil {
		fault(pipeline.SessionName, point)
	}
}

func (s *Session) start() {
	s.in = s.set.Store.Offered()
	s.core = syncer.New(syncer.Config{
		Dialer: s.conn.Dialer(), Self: s.set.Self, Peer: s.conn.Peer(), Binding: s.conn.Binding(),
		Topics: s.set.inTurn(s.conn.Peer(), s.in), Store: s.set.Store.Source(), History: s.set.Store.Source(), Newcomers: s.set.Store.Source(),
		Capabilities: s.set.capabilities(s.conn.Peer()), Certificates: s.set.Store.Certificates(),
		Named: func(t identity.TopicID) bool { return s.set.Host.Named(s, t) },
	})
	s.step(syncer.Start{})
}

// admit makes a member of a stranger, which has proven a topic.
func (s *Session) admit() {
	s.conn.Admit()
	s.spawn(s.accept)
}

// state is where the core is.
func (s *Session) state() syncer.State {
	if s.core == nil {
		return syncer.Ended
	}
	return s.core.State()
}

// step feeds the core and does what it says.
func (s *Session) step(in syncer.Input) {
	if s.core == nil || s.ctx.Err() != nil {
		return
	}
	_, s.answering = in.(syncer.Received)
	for _, o := range s.core.Step(in) {
		s.do(o)
	}
	s.answering = false
	s.setLists(s.core.Listing())
	s.stats.roundTrips.Store(s.core.RoundTrips())
	s.snap(time.Now(), false)
	if s.core.Busy() {
		s.wantTick()
	} else {
		s.watch.Rest()
	}
}

// input takes what came of something that the core asked for.
func (s *Session) input(in syncer.Input) {
	switch in := in.(type) {
	case syncer.PullDone:
		s.pulling--
		s.notStored(in.Log, in.Err)
		s.pullNext()
	case syncer.IngestFailed:
		s.notStored(in.Log, in.Err)
	case syncer.Stored:
		s.stats.setTrouble(nil)
	}
	s.step(in)
}
