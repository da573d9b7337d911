// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A State is where a session is.
type State int

// States.
const (
	Idle    State = iota // before Start
	Greeted              // our HELLO is sent, the peer's is awaited
	Meeting              // both are, and no topic is shared yet
	Syncing              // one was; everything else happens here
	Ended                // nothing more is done
)

var stateNames = [...]string{"idle", "greeted", "meeting", "syncing", "ended"}

// String returns the state's name.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int(s))
	}
	return stateNames[s]
}

// places says which messages may come in which state (messages.Type.Comes).
var places = [...]messages.Place{
	Idle: messages.Nowhere, Greeted: messages.Greeting, Meeting: messages.Meeting,
	Syncing: messages.Syncing, Ended: messages.Nowhere,
}

// A Session is the state of one conversation. It belongs to one goroutine.
type Session struct {
	cfg    Config
	state  State
	meet   meeting
	topics map[uint32]*topic // shared, by number
	byID   map[digest.Hash]*topic
	out    []Output
	trips  uint64

	leaving  map[uint32]bool // topics that we left, which the peer has not answered
	stepped  []*topic        // that this step is about
	unrested int             // topics that do not rest
	waiting  map[uint32]bool // topics that a tick is for
	ticked   bool            // a tick is asked for
	alone    time.Time       // since when no topic is shared
	syncs    uint64          // that were asked for,
	syncing  uint64          // the one of them that is under way, or 0,
	goals    int             // topics that have not reached its goal,
	unasked  bool            // and that its PING is still to be sent
	reparted uint64          // PINGs that part one topic, see doubt
	calm     calmness        // of what is said of topics that are not shared
	draining draining        // of what is under way around the session
	judged   int             // certificates of the peer

	// gone is topics in which the peer showed a certificate of a device that does not
	// belong any more, and was brought the roster, by its positions here then: until that is
	// another one, certificates in them say nothing new. A topic that is left before is none
	// of them, as if its keys changed here.
	gone  map[identity.TopicID]identity.Position
	pings []uint64 // that are not answered
	spoke bool     // we sent something since the peer last spoke
}

// New returns a session that waits for Start.
func New(cfg Config) *Session {
	if cfg.Limits.MaxLogs == 0 {
		cfg.Limits.MaxLogs = 1 << 20
	}
	return &Session{
		cfg: cfg, meet: newMeeting(len(cfg.Topics)), topics: map[uint32]*topic{}, byID: map[digest.Hash]*topic{},
		leaving: map[uint32]bool{}, waiting: map[uint32]bool{}, gone: map[identity.TopicID]identity.Position{},
	}
}

// State returns where the session is.
func (s *Session) State() State { return s.state }

// RoundTrips counts how often the peer answered something of ours.
func (s *Session) RoundTrips() uint64 { return s.trips }

// Step takes one input and returns what is to be done, in order.
func (s *Session) Step(in Input) []Output {
	if s.state == Ended {
		return nil
	}
	if err := s.take(in); err != nil {
		s.fail(err)
	} else if s.state == Syncing {
		s.settleStepped()
		if err := s.listHeld(); err != nil {
			s.fail(err)
		}
		s.settleStepped()
		s.settleSync()
	} else if s.state == Meeting {
		s.settleSync()
	}
	out := s.out
	s.out = nil
	return out
}

// touch says that this step is about a topic.
func (s *Session) touch(t *topic) {
	if !t.stepped {
		t.stepped = true
		s.stepped = append(s.stepped, t)
	}
}

// settleStepped settles the topics that this step was about.
func (s *Session) settleStepped() {
	for _, t := range s.stepped {
		t.stepped = false
		if s.byID[t.id] != t || s.state == Ended {
			continue
		}
		if err := s.settleOne(t); err != nil {
			s.fail(err)
		}
	}
	s.stepped = s.stepped[:0]
}

func (s *Session) settleOne(t *topic) (err error) {
	if t.store != nil {
		for _, r := range t.touched {
			t.touch(r.id)
			if r.active() {
				t.busy[r.id] = r
			} else {
				delete(t.busy, r.id)
			}
			err = errors.Join(err, s.fill(t, r.id))
		}
		t.touched = t.touched[:0]
		err = errors.Join(err, s.settle(t))
	}
	if s.byID[t.id] != t { // it was left
		return err
	}
	if busy := !t.resting(); busy != t.counted {
		t.counted = busy
		if busy {
			s.unrested++
		} else {
			s.unrested--
		}
	}
	return err
}

func (s *Session) emit(o Output) { s.out = append(s.out, o) }

func (s *Session) send(m messages.Message) {
	s.spoke = true
	s.emit(Send{m})
}

// fail ends the session.
func (s *Session) fail(err error) {
	s.state = Ended
	var v *Violation
	if !errors.As(err, &v) {
		s.emit(Fail{Code: messages.CodeInternal, Err: err})
		return
	}
	s.emit(Fail{Code: v.Code, Text: v.Text})
}

func (s *Session) take(in Input) error {
	switch in := in.(type) {
	case Start:
		return s.start()
	case Received:
		return s.receive(in.Message)
	case TopicAdded:
		return s.added(in.Topic)
	case TopicRemoved:
		s.removed(in.Topic)
	case Advanced:
		return s.advanced(in)
	case Stored:
		s.stored(in)
	case IngestFailed:
		return s.ingestFailed(in)
	case PullDone:
		return s.pullDone(in)
	case Served:
		return s.served(in)
	case Broke:
		return &Violation{Code: in.Code, Text: in.Text}
	case Tick:
		return s.tick(in.Now)
	case Drained:
		s.isDrained(in)
	case Nudge:
		return s.nudge(in.Confirm)
	case Ping:
		s.ping(in.Nonce)
	case Prune:
		s.prune(in.Topic)
	case Graft:
		s.graft(in.Topic)
	}
	return nil
}

// of returns a shared topic that this step is about, or nil.
func (s *Session) of(id digest.Hash) *topic {
	t := s.byID[id]
	if t == nil || t.store == nil {
		return nil
	}
	s.touch(t)
	return t
}

func (s *Session) start() error {
	if s.state != Idle {
		return nil
	}
	s.state = Greeted
	s.enterAll()
	offers, more, err := s.list()
	if err != nil {
		return err
	}
	s.send(&messages.Hello{
		Version: Version, Peer: s.cfg.Self, Caps: s.cfg.Capabilities.sync(),
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages, More: more, Offers: offers,
	})
	return nil
}

func (s *Session) receive(m messages.Message) error {
	if recalled, err := s.recall(m); recalled {
		return err
	}
	if !m.Type().Comes(places[s.state]) {
		return violation(messages.CodeUnexpectedMessage, "%s while %s", m.Type(), s.state)
	}
	if s.spoke {
		s.spoke = false
		s.trips++
	}
	switch m := m.(type) {
	case *messages.Hello:
		return s.hello(m)
	case *messages.Topics:
		return s.offered(m)
	case *messages.Leave:
		return s.left(m)
	case *messages.Certificate:
		return s.certified(m)
	case *messages.Ping:
		s.send(&messages.Pong{Nonce: m.Nonce})
	case *messages.Pong:
		return s.ponged(m)
	case *messages.Error:
		s.closed(m.Code, m.Text)
	case *messages.Bye:
		s.closed(m.Code, m.Text)
	case *messages.Subscribe:
		return s.withTopic(m.Topic, func(t *topic) error { return s.subscribe(t, m) })
	case *messages.Peaks:
		return s.withOpen(m.Topic, func(t *topic) error { return s.peaks(t, m) })
	case *messages.Diff:
		return s.withOpen(m.Topic, func(t *topic) error { return s.diff(t, m) })
	case *messages.Events:
		return s.withOpen(m.Topic, func(t *topic) error { return s.events(t, m) })
	case *messages.Fork:
		return s.withOpen(m.Topic, func(t *topic) error { return s.fork(t, m) })
	case *messages.SyncDone:
		return s.withOpen(m.Topic, func(t *topic) error { return s.syncDone(t, m) })
	case *messages.ProofRequest:
		return s.withWhole(m.Topic, func(*topic) { s.emit(Prove{m}) })
	case *messages.CosignRequest:
		return s.withWhole(m.Topic, func(*topic) { s.emit(Cosign{m}) })
	case *messages.CosignResponse:
		return s.withTopic(m.Topic, func(*topic) error { s.emit(Cosigned{m}); return nil })
	case *messages.Peers:
		return s.withWhole(m.Topic, func(t *topic) { s.emit(Peers{t.id, m.Addresses}) })
	case *messages.Presence:
		return s.withWhole(m.Topic, func(t *topic) { s.emit(Presence{t.id, m.Capability, m.Data}) })
	case *messages.Have:
		return s.withOpen(m.Topic, func(t *topic) error { return s.have(t, m) })
	case *messages.Prune:
		return s.withOpen(m.Topic, func(t *topic) error { s.pruned(t); return nil })
	case *messages.Graft:
		return s.withOpen(m.Topic, func(t *topic) error { return s.grafted(t, m) })
	}
	return nil
}

func (s *Session) closed(code messages.Code, text string) {
	s.state = Ended
	s.emit(Closed{code, text})
}

// withTopic calls f with the topic of a number. A message that crossed our leaving of it
// is passed over.
func (s *Session) withTopic(number uint32, f func(*topic) error) error {
	if s.leaving[number] {
		return nil
	}
	t := s.topics[number]
	if t == nil {
		return s.notShared(number)
	}
	s.touch(t)
	t.heard++
	return f(t)
}

// withOpen is withTopic for what is said once it is known what both follow.
func (s *Session) withOpen(number uint32, f func(*topic) error) error {
	return s.withTopic(number, func(t *topic) error {
		if t.phase == unopened {
			return violation(messages.CodeUnexpectedMessage, "a message of topic %d before SUBSCRIBE", number)
		}
		return f(t)
	})
}

// withWhole is withTopic for what is passed over in a topic that is shared by
// certificates.
func (s *Session) withWhole(number uint32, f func(*topic)) error {
	return s.withTopic(number, func(t *topic) error {
		if t.reach == nil {
			f(t)
		}
		return nil
	})
}

// peaks compares digests: equal ones end the round. Else who stated fewer logs
// leads a round, for it has less to say; of two with as many, the dialer. Who
// remembers what both held before begins with that, leading or not.
func (s *Session) peaks(t *topic, m *messages.Peaks) error {
	if t.peaked { // each would cost a look at every log
		return violation(messages.CodeUnexpectedMessage, "PEAKS of a topic twice")
	}
	t.peaked = true
	t.leads = t.stated.set.Count < m.Logs || t.stated.set.Count == m.Logs && s.cfg.Dialer
	t.member = m.Roster.Size > 0
	if err := s.rosterHeard(t, m.Roster); err != nil {
		return err
	}
	if err := s.tellNewcomers(t, m.Roster); err != nil {
		return err
	}
	got := standing{m.Roster, digest.Set{Count: m.Logs, Sum: m.Digest}}
	if err := t.reach.check(got); err != nil {
		return err
	}
	t.goal.states(got)
	same, err := s.same(t, got.set)
	if err != nil || same || t.phase != unmet {
		return err
	}
	return s.begin(t)
}

// same takes note that the peer holds what we hold, if it does.
func (s *Session) same(t *topic, theirs digest.Set) (bool, error) {
	set, err := t.store.Summary(t.id)
	if err != nil || set != theirs {
		return false, err
	}
	t.finds()
	for id, r := range t.theirs {
		if !r.active() && !r.roster {
			delete(t.theirs, id)
		}
	}
	return true, nil
}

// wantTick asks for a tick for a topic.
func (s *Session) wantTick(t *topic) {
	s.waiting[t.number] = true
	s.emitTick()
}

func (s *Session) emitTick() {
	if !s.ticked {
		s.ticked = true
		s.emit(WantTick{})
	}
}
