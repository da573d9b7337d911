// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rule: a topic is shared from when both sides have offered it; nothing here
// knows of its logs.
//
// Each side numbers its offers, HELLO's from 0 and those of TOPICS behind them,
// and a shared topic goes by the number that the dialer gave it. A list that
// has more behind it is answered by a TOPICS, so that lists go in turn. While many
// topics are busy a side neither lists nor answers: however many both are in, what
// is under way at a time is bounded, and what waits to be said. A side
// that is offered a topic that it is in offers it too, at once; and lists no
// others once the peer said that it has none left: of what both are in, the
// peer has told all.

// maxBusy is how many topics may be busy before lists wait.
const maxBusy = 1024

// A Topic is one that this node is in. All sessions of a node may look at one value,
// which is not written to.
type Topic struct {
	ID      identity.TopicID
	Keys    identity.TopicKeys
	Policy  identity.Policy
	Genesis *identity.Genesis // not to be written to
	Follows Follows           // what we follow of it; nil is everything

	begun  sync.Once
	prover identity.Prover // once somebody asked
}

// Prover makes the proofs of a topic; sessions share it, and what it derived.
func (t *Topic) Prover() *identity.Prover {
	t.begun.Do(func() { t.prover.Begin(t.Keys, t.ID) })
	return &t.prover
}

// A heardOffer is an offer of the peer with its number.
type heardOffer struct {
	number uint32
	messages.Offer
}

// A meeting is what both sides have offered.
type meeting struct {
	ours    map[glimpse]*offer // that are not forgotten
	ready   []*offer           // to be offered at once,
	queue   []offer            // and in turn
	theirs  map[[identity.LobbyProofBytes]byte]heardOffer
	faint   faint    // offers of theirs of which a trace is left,
	faded   int      // how many,
	recalls int      // and how many were recalled
	both    []*offer // offered by both, and not looked at yet

	next     uint32 // number of our next offer
	open     int    // offers of ours that are not shared
	sent     uint32 // lists of ours,
	awaits   uint32 // the last one that is to be answered,
	answered uint32 // and how many are
	saidMore bool   // the last one has more behind it

	theirNext uint32
	taken     uint32            // lists of the peer,
	told      uint32            // and how many of them we answered
	held      bool              // something waits until fewer topics are busy
	owed      bool              // one of them is to be answered
	theirMore bool              // the peer has more to offer, or has not spoken yet
	stranded  map[uint32]*offer // that both sides made with two join keys, by the numbers they go by
}

// newMeeting returns one of about so many topics of ours.
func newMeeting(topics int) meeting {
	return meeting{
		ours: make(map[glimpse]*offer, topics), stranded: map[uint32]*offer{},
		theirs: map[[identity.LobbyProofBytes]byte]heardOffer{}, theirMore: true,
	}
}

// number is what a topic that both offered goes by.
func (s *Session) number(o *offer) uint32 {
	if s.cfg.Dialer {
		return o.number
	}
	return o.theirs.number
}

// more reports whether there are topics to list, passing over those of the
// queue that are not.
func (m *meeting) more() bool {
	for len(m.queue) > 0 && !m.queue[0].waits() {
		m.queue = m.queue[1:]
	}
	return m.theirMore && len(m.queue) > 0 && m.open < messages.MaxOffers
}

// Listing reports whether more topics may soon be shared: one side has more to
// offer, or owes an answer to what the other offered.
func (s *Session) Listing() bool {
	m := &s.meet
	return s.state == Idle || s.state == Greeted || m.theirMore || m.more() || len(m.ready) > 0 || m.awaits > m.answered
}

// OfferOf is how one end of a connection offers a topic of which it states
// nothing.
func OfferOf(p *identity.Prover, binding []byte, dialer bool) messages.Offer {
	return messages.Offer{Lobby: p.Lobby(binding, dialer), Join: p.Join(binding, dialer)}
}

// mayList reports whether it is our turn to list.
func (s *Session) mayList() bool {
	return s.meet.more() && s.meet.answered >= s.meet.awaits && !s.holds()
}

// mayAnswer reports whether a list of the peer is to be answered.
func (s *Session) mayAnswer() bool { return s.meet.owed && !s.holds() }

// holds reports whether lists wait, and takes note that one does.
func (s *Session) holds() bool {
	crowded := s.unrested >= maxBusy
	s.meet.held = s.meet.held || crowded
	return crowded
}

// listHeld goes on with lists that waited.
func (s *Session) listHeld() error {
	if !s.meet.held || s.unrested >= maxBusy {
		return nil
	}
	s.meet.held = false
	return s.meetAgain()
}

// list makes the next list of offers, those that are ready before others.
func (s *Session) list() (offers []messages.Offer, more bool, err error) {
	m := &s.meet
	offer := func(o *offer) {
		if err != nil || !o.waits() {
			return
		}
		var p messages.Offer
		if p, err = s.offerOf(o); err != nil {
			return
		}
		offers = append(offers, p)
		o.made, o.number = o.Topic, m.next
		m.next, m.open = m.next+1, m.open+1
		if o.isHeard() {
			m.both = append(m.both, o)
		}
	}
	for len(m.ready) > 0 && len(offers) < messages.MaxTopics {
		offer(m.ready[0])
		m.ready = m.ready[1:]
	}
	if s.mayList() {
		for len(offers) < messages.MaxTopics && m.more() && err == nil {
			offer(&m.queue[0])
		}
	}
	m.sent++
	more = len(m.ready) > 0 || m.more()
	if m.saidMore = more; more && len(offers) > 0 {
		m.awaits = m.sent
	}
	return offers, more, err
}

// hello greets back: topics that both offer are shared.
func (s *Session) hello(h *messages.Hello) error {
	if h.Version != Version {
		return violation(messages.CodeVersion, "version %d, this side speaks %d", h.Version, Version)
	}
	if identity.PeerID(h.Peer) != s.cfg.Peer {
		return violation(messages.CodeWrongPeer, "HELLO of %s on the channel of %s", identity.PeerID(h.Peer).Short(), s.cfg.Peer.Short())
	}
	s.state = Meeting
	return s.takeOffers(h.Offers, h.More)
}

// offered takes further offers of the peer.
func (s *Session) offered(t *messages.Topics) error {
	m := &s.meet
	if t.Answers < m.answered || t.Answers > m.sent {
		return violation(messages.CodeUnexpectedMessage, "TOPICS answers list %d of %d, and %d before", t.Answers, m.sent, m.answered)
	}
	m.answered = t.Answers
	return s.takeOffers(t.Offers, t.More)
}

func (s *Session) takeOffers(list []messages.Offer, more bool) error {
	m := &s.meet
	m.taken++
	m.theirMore, m.owed = more, m.owed || more && len(list) > 0
	for _, p := range list {
		if err := s.takeOffer(p); err != nil {
			return err
		}
	}
	err := s.meetAgain()
	if s.state == Meeting {
		m.fade()
	}
	return err
}

// takeOffer takes one offer. Those of topics that are not ours are kept, or a trace
// of them (faint.go): we may join one.
func (s *Session) takeOffer(p messages.Offer) error {
	m := &s.meet
	h := heardOffer{number: m.theirNext, Offer: p}
	m.theirNext++
	o := s.meant(p.Lobby)
	if _, twice := m.theirs[p.Lobby]; twice || o != nil && o.isHeard() {
		return violation(messages.CodeUnexpectedMessage, "offer %d is of a topic that is offered already", h.number)
	}
	switch {
	case o == nil:
		if m.unmatched() == messages.MaxOffers {
			return violation(messages.CodeLimit, "more than %d topics offered that are not shared", messages.MaxOffers)
		}
		m.theirs[p.Lobby] = h
		return nil
	case o.made != nil:
		m.both = append(m.both, o)
	default:
		m.ready = append(m.ready, o)
	}
	o.hear(h)
	return nil
}

// meetAgain says what is due, and shares what both have offered.
func (s *Session) meetAgain() error {
	m := &s.meet
	if s.state != Meeting && s.state != Syncing {
		return nil
	}
	for s.mayAnswer() || len(m.ready) > 0 || s.mayList() || m.saidMore && !m.more() {
		before, answers := m.saidMore, s.mayAnswer()
		offers, more, err := s.list()
		if err != nil {
			return err
		}
		if answers || !m.owed {
			m.told, m.owed = m.taken, false
		}
		if len(offers) > 0 || answers || before != more {
			s.send(&messages.Topics{Answers: m.told, More: more, Offers: offers})
		} else {
			m.sent-- // all that was ready has been left
		}
	}
	both := m.both
	m.both = nil
	if err := s.match(both); err != nil {
		return err
	}
	if len(m.ready) > 0 {
		return s.meetAgain()
	}
	if s.state == Meeting && !m.theirMore && len(m.stranded) == 0 {
		return violation(messages.CodeNoSharedTopic, "none of the %d topics offered is known here; join with the same invite on both sides", m.theirNext)
	}
	if len(s.topics) == 0 {
		s.emitTick()
	}
	return nil
}

// match shares topics that both sides offered.
func (s *Session) match(both []*offer) error {
	var shared []*offer
	for _, o := range both {
		switch {
		case !o.stands():
			s.giveUp(o)
		case !o.Prover().CheckJoin(o.theirs.Join, s.cfg.Binding, !s.cfg.Dialer):
			if err := s.strand(o); err != nil {
				return err
			}
		default:
			shared = append(shared, o)
		}
	}
	return s.share(shared)
}

// giveUp leaves a topic that came to be shared, or stranded, by an offer which does not
// hold any more. If we are in it in another way by now, that is to be offered.
func (s *Session) giveUp(o *offer) {
	s.state = Syncing
	s.sayLeave(s.number(o))
	s.forget(o)
	if !o.left {
		s.meet.ready = append(s.meet.ready, s.enter(&offer{Topic: o.Topic}))
	}
}

// share begins to sync topics.
func (s *Session) share(offers []*offer) error {
	if len(offers) == 0 {
		return nil
	}
	s.state = Syncing
	var topics []*topic
	var said []SharedTopic
	for _, o := range offers {
		t := newTopic(o, s.number(o))
		s.topics[t.number], s.byID[t.id] = t, t
		s.meet.open--
		s.touch(t)
		t.counted = true
		s.unrested++
		if s.syncing > 0 {
			if err := s.newGoal(t, false); err != nil {
				return err
			}
		}
		topics, said = append(topics, t), append(said, SharedTopic{t.id, t.number, t.partial, t.reach})
	}
	s.emit(Shared{said})
	for _, t := range topics {
		if t.reach != nil { // it is shared so whatever both follow
			if err := s.open(t, nil); err != nil {
				return err
			}
			continue
		}
		if t.offer.Follows != nil {
			s.send(&messages.Subscribe{Topic: t.number, Names: t.offer.Follows.names()})
		}
		if t.offer.theirs.Partial { // it is to say which part
			continue
		}
		if err := s.open(t, nil); err != nil {
			return err
		}
	}
	return nil
}

// added offers a topic that this node joined, or follows in another way, or of which it
// has another join key. An offer that was made and says otherwise of that is given up
// once the peer offers the topic too.
func (s *Session) added(t *Topic) error {
	if o := s.find(t); o != nil {
		o.left, o.Topic = false, t
		return nil
	}
	s.meet.ready = append(s.meet.ready, s.enter(&offer{Topic: t}))
	return s.meetAgain()
}

// removed leaves a topic that this node is not in any more. One that is offered by us
// only is left when the peer offers it.
func (s *Session) removed(left *Topic) {
	o := s.find(left)
	switch t := s.byID[left.ID]; {
	case o == nil:
	case t != nil:
		s.quit(t)
	case s.isStranded(o):
		s.state = Syncing
		s.sayLeave(s.number(o))
		s.forget(o)
	case o.made != nil:
		o.left = true
	default:
		s.forget(o)
	}
}

// quit leaves a topic that is shared, and offers it no more.
func (s *Session) quit(t *topic) {
	s.sayLeave(t.number)
	s.forget(t.offer)
	s.drop(t)
}

func (s *Session) sayLeave(number uint32) {
	s.leaving[number] = true
	s.send(&messages.Leave{Topic: number})
}

// left ends a topic because the peer left it, or answers that we did. If we
// are still in it, it is offered anew: the peer may join it again.
func (s *Session) left(m *messages.Leave) error {
	if s.leaving[m.Topic] {
		delete(s.leaving, m.Topic)
		return nil
	}
	o := s.meet.stranded[m.Topic]
	t := s.topics[m.Topic]
	switch {
	case t != nil:
		o = t.offer
	case o == nil:
		return s.notShared(m.Topic)
	}
	s.state = Syncing
	s.send(m)
	s.forget(o)
	if t != nil {
		s.drop(t)
	}
	s.meet.ready = append(s.meet.ready, s.enter(&offer{Topic: o.Topic}))
	return s.meetAgain()
}

// drop ends what the session does for a topic.
func (s *Session) drop(t *topic) {
	delete(s.topics, t.number)
	delete(s.byID, t.id)
	delete(s.waiting, t.number)
	if t.counted {
		s.unrested--
		t.counted = false
	}
	s.endGoal(t)
	s.emit(Left{Topic: t.id, Number: t.number})
	if len(s.topics) == 0 {
		s.emitTick()
	}
}

func (s *Session) notShared(number uint32) error {
	return violation(messages.CodeNotShared, "topic %d is not shared in this session", number)
}
