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
	judged   int             // certificates of the peer

	// gone is topics in which the peer showed a certificate of a device that does not
	// belong any more, by the roster's positions here then: until that is another one,
	// certificates in them say nothing new.
	gone  map[identity.TopicID]identity.Position
	pings []uint64 // that are not answered
	spoke bool     // we sent something since the peer last spoke
}

// A topic is what the session knows of one shared topic.
type topic struct {
	id      identity.TopicID
	number  uint32
	offer   *offer
	stepped bool // it is in Session.stepped: set by touch, cleared by settleStepped
	counted bool // it is in Session.unrested: set by share, then set and cleared by settleOne

	foretold *round // what changed since ours, of a list that is not complete yet

	phase   topicPhase
	store   Store             // of the logs that both sides follow; nil until that is known
	scope   *scope            // the same, if it is not all
	partial bool              // one side follows a part only, or the topic is shared by certificates: fixed by newTopic
	reach   *Reach            // which let both speak of this; else nil
	reached identity.Position // of the roster, at which we told what else is in reach

	// theirs is what the peer holds of logs, if that is not what we do or came up
	// since both last agreed. Of all others it holds what we did before they changed,
	// once the topic is known.
	theirs  map[digest.Hash]*remote
	busy    map[digest.Hash]*remote // those of theirs with something under way
	strange int                     // those of theirs that the peer brought up and the store did not have
	member  bool                    // the peer came with a part of the roster: set by peaks, never cleared
	peaked  bool                    // the peer sent its PEAKS, which come once: set by peaks, never cleared
	known   bool                    // theirs spoke of every log that differed, and does from then on: set by finds and listEnds, never cleared
	listed  map[digest.Hash]bool    // of the list that is coming
	passed  map[digest.Hash]passed  // logs that the peer brought and our roster says nothing of yet

	stated   standing           // in our PEAKS
	toldAt   *identity.Position // the position of the peer when provisional logs were stated last
	leads    bool               // we lead rounds: set or cleared by open and peaks, set by wakened and syncDone, as what the peer says asks for one
	round    *round             // under way
	rounds   uint64             // number of the newest
	tries    int                // rounds that did not lead to agreement
	spent    int                // rounds that the peer made us take part in since the last tick
	expected map[uint64]uint64
	// expected is logs that are not here yet, by short id with expectSalt, and
	// the peer's sizes of them.
	expectSalt [16]byte

	touched []*remote // looked at in this step

	forksTold int // since our last list

	heard uint64   // messages of the peer
	quiet progress // at the last tick that found the topic busy

	lazy lazy // what is told beside pushes

	evenings uint32 // how often both sides came to agree

	lastSent, lastGot *standing // of SYNC_DONE
	goal              *goal     // of the sync that is under way, or nil
	accord            accord    // of both sides
	left              bool      // a log of it is left alone here: set by leave, never cleared
	theirsLeft        bool      // one is left alone there: what the peer's last SYNC_DONE says
	asking            bool      // our next SYNC_DONE asks for theirs: set by part and askDone, cleared by sayDone
	debt              debt      // whether the peer asked for ours
	owed              lack      // while it is owing: what was known to be missing then; else nil
	apart             time.Time // since when both sides rest and disagree
	wait              time.Duration
}

// A remote is what the peer holds of one log, and what is under way.
type remote struct {
	id          digest.Hash
	evening     uint32   // evenings of the topic when it came up last
	name        *LogInfo // what its id follows from, if the store does not have the log
	size, pages uint64   // what it holds, or will when what we pushed arrives
	pushed      uint64   // up to where we pushed, if the peer did not deny since that it has it
	end         *uint64  // where it says that the log ends; nil if it does not
	roster      bool     // it is a leg of the roster
	serving     bool     // it pulls from us: no pushes meanwhile
	phase       logPhase
	wanted      uint64 // size that the peer is to bring us to; 0 for nothing
	knowsFork   bool   // the peer knows that it is forked,
	toldFork    bool   // or we told it
	in          *incoming

	judged   *identity.Position // where the roster was before events of the provisional log were handed in last
	declined *identity.Position // and when they were refused
}

// active reports whether something of the log is under way.
func (r *remote) active() bool {
	return r.wants() || r.serving || r.in != nil
}

// remote returns what is known of a log at the peer.
func (s *Session) remote(t *topic, id digest.Hash) *remote {
	if t.theirs[id] == nil && t.known {
		if own, found, err := s.cfg.Store.Log(id); err == nil && found {
			r := t.unheard(id, own.Size)
			if r.pages = own.Pages; own.Frozen {
				r.knowsFork = true
				r.to(aside)
			}
			return r
		}
	}
	return t.unheard(id, 0)
}

// unheard is remote, if the size that the peer holds is known if it is no other.
func (t *topic) unheard(id digest.Hash, size uint64) *remote {
	r := t.theirs[id]
	if r == nil {
		r = &remote{id: id, size: size}
		t.theirs[id] = r
	}
	r.evening = t.evenings
	t.touched = append(t.touched, r)
	return r
}

// forget drops what is known of logs of which the peer holds what we do, and which
// did not come up since both sides agreed the time before: word of what they agreed
// on now may still be on its way here.
func (t *topic) forget() {
	for id, r := range t.theirs {
		if r.evening < t.evenings && !r.active() && r.phase != aside && r.declined == nil {
			delete(t.theirs, id)
		}
	}
	t.evenings++
}

func newTopic(o *offer, number uint32) *topic {
	return &topic{
		id: o.ID, number: number, offer: o,
		partial: o.theirs.Partial || o.Follows != nil || o.reach != nil, reach: o.reach,
		theirs: map[digest.Hash]*remote{}, busy: map[digest.Hash]*remote{}, wait: time.Second,
	}
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
