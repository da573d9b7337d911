// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A State is where a session is.
type State int

// States.
const (
	Idle    State = iota // before Start
	Greeted              // our HELLO is sent, the peer's is awaited
	Syncing              // topics are settled; everything else happens here
	Ended                // nothing more is done
)

var stateNames = [...]string{"idle", "greeted", "syncing", "ended"}

// String returns the state's name.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int(s))
	}
	return stateNames[s]
}

// legal says which messages may come in which state.
var legal = map[State][]messages.Type{
	Greeted: {messages.TypeHello, messages.TypeError, messages.TypeBye},
	Syncing: {
		messages.TypePeaks, messages.TypeDiff, messages.TypeEvents, messages.TypeSyncDone,
		messages.TypeProofRequest, messages.TypePeers, messages.TypeFork,
		messages.TypeCosignRequest, messages.TypeCosignResponse, messages.TypeError, messages.TypeBye,
		messages.TypeHave, messages.TypePrune, messages.TypeGraft, messages.TypeSubscribe,
	},
}

// A Session is the state of one conversation. It belongs to one goroutine.
type Session struct {
	cfg    Config
	state  State
	topics []*topic // shared, by index
	byID   map[digest.Hash]*topic
	out    []Output
	trips  uint64

	instance [16]byte                   // of the peer's store
	greeted  map[digest.Hash]digest.Set // states in our HELLO
	spoke    bool                       // we sent something since the peer last spoke
	ticked   bool                       // a tick is asked for
}

// A topic is what the session knows of one shared topic.
type topic struct {
	id    identity.TopicID
	key   identity.TopicKey
	index uint32

	mark     [identity.StateBytes]byte // of the peer's state, in its HELLO
	foretold *round                    // what changed since ours, of a list that is not complete yet

	store    Store  // of the logs that both sides follow; nil until that is known
	scope    *scope // the same, where it is not all
	partial  bool   // one side follows a part only
	awaiting bool   // the peer is to say which

	theirs   map[digest.Hash]*remote
	busy     map[digest.Hash]*remote // those of theirs with something under way
	strange  int                     // those of theirs that the peer brought up and the store did not have
	peaked   bool                    // the peer sent its PEAKS
	known    bool                    // theirs speaks of every log
	listed   map[digest.Hash]bool
	sentDiff bool // we sent a full DIFF that the peer's next one answers

	stated   digest.Set // in our PEAKS
	leads    bool       // we lead rounds
	round    *round     // under way
	rounds   uint64     // number of the newest
	tries    int        // rounds that did not lead to agreement
	spent    int        // rounds that the peer made us take part in since the last tick
	expected map[uint64]uint64
	// expected is logs that are not here yet, by short id with expectSalt, and
	// the peer's sizes of them.
	expectSalt [16]byte

	touched []*remote // looked at in this step

	forksTold int // since our last list

	heard uint64   // messages of the peer
	quiet progress // at the last tick that found the topic busy

	lazy lazy // what is told beside pushes

	lastSent, lastGot *digest.Set // of SYNC_DONE
	agreed, settled   bool        // settled: agreed at least once
	left, theirsLeft  bool        // a log of it is left alone, by us or the peer: they need not agree
	asking            bool        // our next SYNC_DONE asks for theirs
	apart             time.Time   // since when both sides rest and disagree
	wait              time.Duration
}

// A remote is what the peer holds of one log, and what is under way.
type remote struct {
	id          digest.Hash
	author      [32]byte // zero where the store has the log,
	pageBytes   uint32   // and so is this
	size, pages uint64   // what it holds, or will when what we pushed arrives
	serving     bool     // it pulls from us: no pushes meanwhile
	pulling     bool     // we pull from it
	wanted      uint64   // size that the peer is to bring us to; 0 for nothing
	hearsay     bool     // wanted was said in a round: no head proves it
	asked       bool     // we told our size again and wait for what follows
	recheck     bool     // tell our size again at the next tick
	ignored     bool     // forked, or the peer has another history of it
	knowsFork   bool     // the peer knows that it is forked,
	toldFork    bool     // or was told
	in          *incoming
}

// active reports whether something of the log is under way.
func (r *remote) active() bool {
	return r.wanted != 0 || r.pulling || r.serving || r.in != nil || r.recheck
}

// remote returns what is known of a log at the peer.
func (t *topic) remote(id digest.Hash) *remote {
	r := t.theirs[id]
	if r == nil {
		r = &remote{id: id}
		t.theirs[id] = r
	}
	t.touched = append(t.touched, r)
	return r
}

// New returns a session that waits for Start.
func New(cfg Config) (*Session, error) {
	if len(cfg.Topics) > messages.MaxTopics {
		return nil, fmt.Errorf("syncer: %d topics, a session can share %d", len(cfg.Topics), messages.MaxTopics)
	}
	if cfg.Limits.MaxLogs == 0 {
		cfg.Limits.MaxLogs = 1 << 20
	}
	return &Session{cfg: cfg, byID: map[digest.Hash]*topic{}, greeted: map[digest.Hash]digest.Set{}}, nil
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
	s.out = nil
	if err := s.take(in); err != nil {
		s.fail(err)
	} else if s.state == Syncing {
		s.settleAll()
	}
	return s.out
}

func (s *Session) settleAll() {
	for _, t := range s.topics {
		if t.store == nil {
			continue
		}
		for _, r := range t.touched {
			t.touch(r.id)
			if r.active() {
				t.busy[r.id] = r
			} else {
				delete(t.busy, r.id)
			}
		}
		t.touched = t.touched[:0]
		if err := s.settle(t); err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *Session) emit(o Output) { s.out = append(s.out, o) }

func (s *Session) send(m messages.Message) {
	s.spoke = true
	s.emit(Send{m})
}

// fail ends the session. What is not the peer's fault is told as internal.
func (s *Session) fail(err error) {
	s.state = Ended
	var v *Violation
	if !errors.As(err, &v) {
		v = &Violation{Code: messages.CodeInternal, Text: err.Error()}
	}
	s.emit(Fail{Code: v.Code, Text: v.Text})
}

func (s *Session) take(in Input) error {
	switch in := in.(type) {
	case Start:
		return s.start()
	case Received:
		return s.receive(in.Message)
	case Advanced:
		return s.advanced(in.Log)
	case Stored:
		s.stored(in.Log)
	case IngestFailed:
		s.ingestFailed(in)
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
	case Prune:
		s.prune(in.Topic)
	case Graft:
		s.graft(in.Topic)
	}
	return nil
}

func (s *Session) start() error {
	if s.state != Idle {
		return nil
	}
	s.state = Greeted
	hello := &messages.Hello{
		Version: Version, Peer: s.cfg.Self, Instance: s.cfg.Instance, Caps: []string{"SYNC"},
		MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
	}
	for _, k := range s.cfg.Topics {
		proof, err := s.proofOf(k)
		if err != nil {
			return err
		}
		hello.Topics = append(hello.Topics, proof)
	}
	s.send(hello)
	return nil
}

func (s *Session) receive(m messages.Message) error {
	if _, optional := m.(*messages.Unknown); optional {
		return nil
	}
	if !slices.Contains(legal[s.state], m.Type()) {
		return violation(messages.CodeUnexpectedMessage, "%s while %s", m.Type(), s.state)
	}
	if s.spoke {
		s.spoke = false
		s.trips++
	}
	switch m := m.(type) {
	case *messages.Hello:
		return s.hello(m)
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
		return s.withTopic(m.Topic, func(*topic) error { s.emit(Prove{m}); return nil })
	case *messages.CosignRequest:
		return s.withTopic(m.Topic, func(*topic) error { s.emit(Cosign{m}); return nil })
	case *messages.CosignResponse:
		return s.withTopic(m.Topic, func(*topic) error { s.emit(Cosigned{m}); return nil })
	case *messages.Peers:
		return s.withTopic(m.Topic, func(t *topic) error { s.emit(Peers{t.id, m.Addresses}); return nil })
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

func (s *Session) withTopic(index uint32, f func(*topic) error) error {
	if int64(index) >= int64(len(s.topics)) {
		return violation(messages.CodeLimit, "topic %d of %d shared", index, len(s.topics))
	}
	s.topics[index].heard++
	return f(s.topics[index])
}

// withOpen is withTopic for what is said once it is known what both follow.
func (s *Session) withOpen(index uint32, f func(*topic) error) error {
	return s.withTopic(index, func(t *topic) error {
		if t.store == nil {
			return violation(messages.CodeUnexpectedMessage, "a message of topic %d before SUBSCRIBE", index)
		}
		return f(t)
	})
}

// hello settles the shared topics: those of ours whose proof, in the role of
// the peer, is in the peer's list.
func (s *Session) hello(m *messages.Hello) error {
	if m.Version != Version {
		return violation(messages.CodeVersion, "version %d, this side speaks %d", m.Version, Version)
	}
	if identity.PeerID(m.Peer) != s.cfg.Peer {
		return violation(messages.CodeWrongPeer, "HELLO of %s on the channel of %s", identity.PeerID(m.Peer).Short(), s.cfg.Peer.Short())
	}
	offered := map[[32]byte]messages.TopicProof{}
	for _, p := range m.Topics {
		offered[p.Proof] = p
	}
	for _, k := range s.cfg.Topics {
		if p, ok := offered[k.JoinProof(s.cfg.Binding, !s.cfg.Dialer)]; ok {
			s.topics = append(s.topics, &topic{
				partial: p.Partial || s.follows(k.ID()) != nil, awaiting: p.Partial,
				id: k.ID(), key: k, mark: p.State, theirs: map[digest.Hash]*remote{}, busy: map[digest.Hash]*remote{}, wait: time.Second,
			})
		}
	}
	if len(s.topics) == 0 {
		return violation(messages.CodeNoSharedTopic, "none of the %d topics offered is known here; join with the same invite on both sides", len(m.Topics))
	}
	s.instance = m.Instance
	sort.Slice(s.topics, func(i, j int) bool { return bytes.Compare(s.topics[i].id[:], s.topics[j].id[:]) < 0 })
	s.state = Syncing
	return s.beginTopics()
}

func (s *Session) beginTopics() error {
	var ids []identity.TopicID
	partial := map[identity.TopicID]bool{}
	for i, t := range s.topics {
		t.index = uint32(i)
		s.byID[t.id] = t
		ids = append(ids, t.id)
		if t.partial {
			partial[t.id] = true
		}
	}
	s.emit(Shared{ids, partial})
	for _, t := range s.topics {
		if f := s.follows(t.id); f != nil {
			s.send(&messages.Subscribe{Topic: t.index, Names: f.names()})
		}
		if t.awaiting {
			continue
		}
		if err := s.open(t, nil); err != nil {
			return err
		}
	}
	return nil
}

// peaks compares digests: equal ones end the round. Else who stated fewer logs
// leads a round, for it has less to say; of two with as many, the dialer. Who
// remembers what both held before begins with that, leading or not.
func (s *Session) peaks(t *topic, m *messages.Peaks) error {
	if t.peaked { // each would cost a look at every log
		return violation(messages.CodeUnexpectedMessage, "PEAKS of a topic twice")
	}
	t.peaked = true
	t.leads = t.stated.Count < m.Logs || t.stated.Count == m.Logs && s.cfg.Dialer
	same, err := s.same(t, digest.Set{Count: m.Logs, Sum: m.Digest})
	if err != nil || same || t.sentDiff || t.known || t.round != nil {
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
	t.known, t.round = true, nil
	return true, t.store.Logs(t.id, func(l LogInfo) bool {
		t.theirs[l.Log] = &remote{id: l.Log, size: l.Size, pages: l.Pages, ignored: l.Frozen, knowsFork: l.Frozen}
		return true
	})
}

func (s *Session) wantTick() {
	if !s.ticked {
		s.ticked = true
		s.emit(WantTick{})
	}
}
