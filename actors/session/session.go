// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/digest"
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
	pulling int                                 // transfers that we pull, and
	queued  []syncer.Pull                       // those that wait for their turn
	stopped chan struct{}                       // closed when the actor has stopped
	in      map[identity.TopicID]syncer.Follows // topics that the core knows
	lists   bool                                // the core may offer more of them
	asked   bool                                // for a cosignature, and not answered
	ended   sync.Once
	known   atomic.Bool      // it greeted as a member of a topic
	first   transport.Stream // the control stream, where it was accepted before

	alarm  alarm
	tickAt time.Time // when the core wants a tick; zero: it wants none
	pulse  syncer.Pulse
	dozes  atomic.Bool // the peer does
	pings  uint64
	heard  lastWord
	moved  moved // logs that the core is to be told of

	watch   syncer.Watch
	snapped time.Time
	seen    atomic.Pointer[snapshot]
	rate    rate
	awaited atomic.Int64 // transfers that the peer is to answer

	saidPeers  map[identity.TopicID][]string // by the last PEERS
	heardPeers int
	answering  bool // what is sent was caused by a message of the peer
	answered   bool // the peer, our HELLO

	stats sessionStats
}

// sessionStats is what others may look at.
type sessionStats struct {
	eventsIn, eventsOut, pagesIn, pagesOut atomic.Uint64
	roundTrips                             atomic.Uint64

	mu      sync.Mutex
	shared  sharing
	apart   error         // at rest without agreement, and why
	unmet   error         // why the first log was left alone
	trouble error         // why the last thing that came is not stored yet
	changed chan struct{} // closed and replaced at every change
	err     error
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
		confirm bool // the peer is to state its digests again
		passed  chan struct{}
		late    bool // when passed: the session had ended
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
		// What the core knew of the peer is lost with it: a new connection
		// begins from nothing.
		s.conn.CloseWithError(uint64(messages.CodeInternal), "session failed")
	case *actor.Stopped:
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
		s.stats.setApart(nil)
		s.step(syncer.Nudge{Confirm: m.confirm})
		m.late = s.why() != nil
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
		s.out.send(&messages.Bye{Code: m.code, Text: m.text}, false)
		s.close(m.code, m.text)
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
	topics := s.set.offered(s.conn.Peer())
	s.in = make(map[identity.TopicID]syncer.Follows, len(topics))
	for _, t := range topics {
		s.in[t.ID] = t.Follows
	}
	s.core = syncer.New(syncer.Config{
		Dialer: s.conn.Dialer(), Self: s.set.Self, Peer: s.conn.Peer(), Binding: s.conn.Binding(),
		Topics: topics, Store: s.set.Store.Source(), History: s.set.Store.Source(),
		Capabilities: s.set.capabilities(s.conn.Peer()),
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

// notStored takes note of why something that the peer brought is not stored. A
// store that takes nothing more needs no session that brings more.
func (s *Session) notStored(log digest.Hash, err error) {
	s.unmet(log, err)
	switch {
	case err == nil:
	case streams.Passes(err):
		s.stats.setTrouble(err)
	case streams.CannotStore(err):
		s.failHere(err)
	}
}

// lost ends the session after a stream failed: by what the peer sent, or
// because the peer is gone.
func (s *Session) lost(err error) {
	var v *syncer.Violation
	switch {
	case errors.As(syncer.Violated(err), &v):
		s.do(syncer.Fail{Code: v.Code, Text: v.Text})
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		s.do(syncer.Fail{Code: messages.CodeTimeout, Text: "nothing moved in time"})
	default:
		s.fail(err)
		s.hangUp(messages.CodeClosing, "")
	}
}

// hangUp closes the connection at once.
func (s *Session) hangUp(code messages.Code, text string) {
	s.out.close()
	s.conn.CloseWithError(uint64(code), text)
}

func (s *Session) do(o syncer.Output) {
	switch o := o.(type) {
	case syncer.Send:
		if !s.out.send(o.Message, s.answering) {
			s.refuse(messages.CodeLimit, "too much waits to be read")
		}
	case syncer.Push:
		s.out.push(push{topic: o.Topic, log: o.Log, from: o.From, to: o.To})
		s.pulse.Pushed(time.Now(), s.signs())
		s.setAlarm()
	case syncer.Ingest:
		s.ingest(o.Verified)
	case syncer.Pull:
		s.queued = append(s.queued, o)
		s.pullNext()
	case syncer.WantTick:
		s.wantTick()
	case syncer.Agreed:
		if o.Now {
			s.set.Store.MetPeer(o.Topic) // before whoever waits for the agreement appends
		}
		s.setAgreed(o.Topic, o.Now)
		if o.Now && !o.Partial {
			s.set.Store.Agreed(s.conn.Peer(), o.Topic, o.Set)
			s.set.saveCursors(false)
		}
	case syncer.LeftAlone:
		if errors.Is(o.Why, pipeline.ErrQuota) {
			s.set.Refused(messages.CodeQuota)
		}
	case syncer.Apart:
		s.setApart(o.Theirs)
	case syncer.Shared:
		first := s.addShared(o.Topics)
		if first {
			s.admit()
		}
		s.set.links.join(s, o.Topics)
		s.set.Host.Shares(s, idsOf(o.Topics), first)
		s.snapped = time.Time{} // the one of the greeting is old
		s.pulse.Begin(time.Now(), s.conn.Dialer(), s.dozes.Load() || s.set.Doze)
		s.setAlarm()
	case syncer.Left:
		s.dropShared(o.Topic)
	case syncer.Presence:
		s.set.Doors.Hear(o.Capability, doors.Presence{Peer: s.conn.Peer(), Topic: o.Topic, Data: slices.Clone(o.Data)})
	case syncer.Ponged: // any word of the peer is an answer (pulse)
	case syncer.Fail:
		if o.Err != nil {
			s.failHere(o.Err)
			return
		}
		s.refuse(o.Code, o.Text)
	case syncer.Closed:
		s.fail(s.lastWord(o))
		s.hangUp(messages.CodeOK, "")
	case syncer.Prove:
		s.prove(o.Request)
	case syncer.Cosign:
		s.cosign(o.Request)
	case syncer.Cosigned:
		s.cosigned(o.Response)
	case syncer.OwnAhead:
		s.set.Logger.Warn("a peer holds more of our own log: this store is an older copy of itself and fetches its events back",
			zap.String("log", o.Log.String()), zap.Uint64("ours", o.Ours), zap.Uint64("theirs", o.Size))
		if err := s.set.Pipeline.OwnAhead(s.ctx, o); err != nil {
			s.failHere(err)
		}
	case syncer.Fork:
		s.set.Refused(messages.CodeFork)
		s.proveFork(o)
	case syncer.Forked:
		s.freeze(o.Fork)
	case syncer.TellFork:
		s.tellFork(o)
	case syncer.Doubt:
		s.set.Refused(messages.CodeFork)
		s.set.Logger.Warn("a peer's copy of a log does not continue ours: its author forked it, or the peer makes it seem so; it is left alone",
			zap.String("log", o.Log.String()), zap.String("peer", s.conn.Peer().Short()),
			zap.Uint64("our size", o.Ours.Size), zap.String("our root", o.Ours.Root.String()),
			zap.Uint64("their size", o.Theirs.Size), zap.String("their root", o.Theirs.Root.String()))
	case syncer.Peers:
		s.hearPeers(o)
	default:
		if s.link(o) {
			return
		}
		s.set.Logger.Info("session", zap.String("peer", s.conn.Peer().Short()), zap.String("says", fmt.Sprintf("%+v", o)))
	}
}

// lastWord is the error of a session that the peer ended.
func (s *Session) lastWord(o syncer.Closed) error {
	if o.Code == messages.CodeDuplicate {
		return &TwinError{Peer: s.conn.Peer(), Own: true}
	}
	return &syncer.PeerError{Peer: s.conn.Peer(), Code: o.Code, Text: o.Text, Remote: true}
}

// refuse ends the session and tells the peer why, once.
func (s *Session) refuse(code messages.Code, text string) {
	if !s.fail(&syncer.PeerError{Peer: s.conn.Peer(), Code: code, Text: text}) {
		return
	}
	s.set.Refused(code)
	text = tellable(text)
	s.out.send(&messages.Error{Code: code, Text: text}, false)
	s.close(code, text)
}

// tellable is what a peer is told of a rule that it broke.
func tellable(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), messages.MaxTextBytes)], "")
}

// close lets the writer say what waits, then closes the connection.
func (s *Session) close(code messages.Code, text string) {
	s.ended.Do(func() {
		s.out.close()
		timer := time.AfterFunc(GoodbyeGrace, func() { s.conn.CloseWithError(uint64(code), text) })
		context.AfterFunc(s.ctx, func() { timer.Stop() })
	})
}

// fail takes note of why the session ends; only the first reason counts.
func (s *Session) fail(err error) bool {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("peer %s closed the session", s.conn.Peer().Short())
	}
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	if s.stats.err != nil {
		return false
	}
	s.stats.err = err
	s.set.Logger.Info("session ended", zap.String("peer", s.conn.Peer().Short()), zap.NamedError("why", err))
	s.stats.notify()
	return true
}
