// SPDX-License-Identifier: MPL-2.0

package main

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A judge is told of every message of a control stream, in both directions, and
// says which rule the program broke: what may come when, offers and their proofs,
// numbers of topics, and the order within a topic. It knows of no log.
type judge struct {
	binding []byte
	program identity.PeerID
	dialer  bool // the suite is
	topics  []*topic

	greeted, heard, over bool
	met                  bool // a topic is shared, or was
	lists, answered      uint32
	theirLists           uint32
	offers               [2][]*offer // of the suite and of the program, by number
	talks                map[uint32]*talk
	pings                []uint64
}

// An offer is one of the two sides'.
type offer struct {
	lobby         [32]byte
	topic         *topic // nil for one that is not the suite's
	partial, mark bool
	gone          bool // its topic was left
}

// A talk is what was said of a shared topic.
type talk struct {
	topic                  *topic
	ours, theirs           *offer
	subscribed, subscribes bool // the suite did; the program did
	peaks                  bool // the program sent its
	left, over             bool // the suite left it; the program said its last of it
}

const (
	us   = 0
	them = 1
)

func newJudge(binding []byte, program identity.PeerID, dialer bool, topics []*topic) *judge {
	return &judge{binding: binding, program: program, dialer: dialer, topics: topics, talks: map[uint32]*talk{}}
}

// sent takes note of what the suite says.
func (j *judge) sent(m messages.Message) {
	switch m := m.(type) {
	case *messages.Hello:
		j.greeted, j.lists = true, j.lists+1
		j.offered(us, m.Offers)
	case *messages.Topics:
		j.lists++
		j.offered(us, m.Offers)
	case *messages.Subscribe:
		if t := j.talks[m.Topic]; t != nil {
			t.subscribed = true
		}
	case *messages.Leave:
		if t := j.talks[m.Topic]; t != nil {
			t.left = true
			j.drop(m.Topic)
		}
	case *messages.Ping:
		j.pings = append(j.pings, m.Nonce)
	}
}

// offered takes offers of a side, and shares what both have offered.
func (j *judge) offered(side int, list []messages.Offer) {
	dialer := j.dialer == (side == us)
	for _, p := range list {
		o := &offer{lobby: p.Lobby, partial: p.Partial, mark: p.Mark != [16]byte{}}
		for _, t := range j.topics {
			if t.prover().CheckLobby(p.Lobby, j.binding, dialer) && t.prover().CheckJoin(p.Join, j.binding, dialer) {
				o.topic = t
			}
		}
		j.offers[side] = append(j.offers[side], o)
		if n, other := j.standing(1-side, o.topic); other != nil {
			if dialer {
				n = uint32(len(j.offers[side]) - 1)
			}
			t := &talk{topic: o.topic, ours: o, theirs: other}
			if side == them {
				t.ours, t.theirs = other, o
			}
			j.talks[n], j.met = t, true
		}
	}
}

// standing returns a side's offer of a topic that was not left since.
func (j *judge) standing(side int, t *topic) (uint32, *offer) {
	for n, o := range j.offers[side] {
		if t != nil && o.topic == t && !o.gone {
			return uint32(n), o
		}
	}
	return 0, nil
}

// number is what a shared topic goes by.
func (j *judge) number(t *topic) (uint32, bool) {
	for n, k := range j.talks {
		if k.topic == t && !k.left && !k.over {
			return n, true
		}
	}
	return 0, false
}

// drop forgets what both had offered of a topic.
func (j *judge) drop(number uint32) {
	if t := j.talks[number]; t != nil {
		t.ours.gone, t.theirs.gone = true, true
	}
}

// hear judges a message of the program.
func (j *judge) hear(m messages.Message) error {
	if j.over {
		return ruleEnd.broken("%s after the last word", m.Type())
	}
	if _, hello := m.(*messages.Hello); !j.heard && !hello {
		if end, ok := m.(*messages.Error); ok {
			j.over = true
			return j.code(end.Code)
		}
		return ruleFirst.broken("%s comes first", m.Type())
	}
	if err := j.place(m); err != nil {
		return err
	}
	switch m := m.(type) {
	case *messages.Hello:
		return j.hello(m)
	case *messages.Topics:
		return j.list(m)
	case *messages.Pong:
		if len(j.pings) == 0 || j.pings[0] != m.Nonce {
			return rulePong.broken("a PONG with nonce %d, want those of %d", m.Nonce, j.pings)
		}
		j.pings = j.pings[1:]
	case *messages.Error:
		j.over = true
		return j.code(m.Code)
	case *messages.Bye:
		j.over = true
		return j.code(m.Code)
	case *messages.CosignResponse, *messages.ProofResponse, *messages.Unknown, *messages.Ping, *messages.Certificate:
	default:
		if n, ok := messages.TopicOf(m); ok {
			return j.of(n, m)
		}
	}
	return nil
}

func (j *judge) code(c messages.Code) error {
	if c > 1000 { // of no table that there is
		return ruleCodes.broken("code %d", c)
	}
	return nil
}

// place judges whether a message may come in the state that the session is in.
func (j *judge) place(m messages.Message) error {
	at := messages.Greeting
	switch {
	case j.heard && j.met:
		at = messages.Syncing
	case j.heard:
		at = messages.Meeting
	}
	if _, ok := m.(*messages.ProofResponse); ok && at == messages.Syncing {
		return nil // a scenario says whether it asked
	}
	if !m.Type().Comes(at) {
		return ruleStates.broken("%s comes where a topic is shared: %v", m.Type(), j.met)
	}
	return nil
}

func (j *judge) hello(m *messages.Hello) error {
	if j.heard = true; m.Version != messages.ProtocolVersion {
		return ruleVersion.broken("version %d", m.Version)
	}
	if identity.PeerID(m.Peer) != j.program {
		return rulePeer.broken("HELLO of %x on the channel of %s", m.Peer[:4], j.program.Short())
	}
	return j.offersOf(m.Offers)
}

func (j *judge) list(m *messages.Topics) error {
	if m.Answers > j.lists || m.Answers < j.answered {
		return ruleAnswers.broken("TOPICS answers list %d of %d, and %d before", m.Answers, j.lists, j.answered)
	}
	j.answered = m.Answers
	return j.offersOf(m.Offers)
}

func (j *judge) offersOf(list []messages.Offer) error {
	j.theirLists++
	for i, p := range list {
		twice := slices.ContainsFunc(list[:i], func(q messages.Offer) bool { return q.Lobby == p.Lobby })
		for _, o := range j.offers[them] {
			twice = twice || o.lobby == p.Lobby && !o.gone
		}
		if twice {
			return ruleOfferTwice.broken("a topic is offered twice")
		}
		for _, t := range j.topics {
			k := t.prover()
			if k.CheckLobby(p.Lobby, j.binding, !j.dialer) && !k.CheckJoin(p.Join, j.binding, !j.dialer) {
				return ruleJoinProof.broken("topic %q is offered with a join proof that does not verify", t.name)
			}
		}
	}
	j.offered(them, list)
	return nil
}

// of judges a message of a topic.
func (j *judge) of(n uint32, m messages.Message) error {
	t := j.talks[n]
	if t == nil || t.over {
		return ruleNumber.broken("%s of topic %d", m.Type(), n)
	}
	switch m.(type) {
	case *messages.Leave:
		t.over = true
		j.drop(n)
		return nil
	case *messages.Subscribe:
		if !t.theirs.partial || t.subscribes || t.peaks {
			return ruleSubscribe.broken("SUBSCRIBE of a side that offered partial: %v, and did before: %v", t.theirs.partial, t.subscribes)
		}
		t.subscribes = true
		return nil
	case *messages.Have, *messages.Prune, *messages.Graft, *messages.Presence, *messages.Peers:
		return nil
	case *messages.Peaks:
		if t.peaks {
			return rulePeaksOnce.broken("PEAKS of topic %d", n)
		}
		t.peaks = true
	case *messages.Diff:
		if t.ours.mark && !t.peaks {
			return nil // the scenario looks at the cursor
		}
	}
	if !t.peaks {
		return rulePeaksFirst.broken("%s of topic %d before PEAKS", m.Type(), n)
	}
	if t.theirs.partial && !t.subscribes {
		return ruleSubscribe.broken("%s of topic %d before SUBSCRIBE", m.Type(), n)
	}
	if t.ours.partial && !t.subscribed {
		return ruleBothKnown.broken("%s of topic %d before the suite's SUBSCRIBE", m.Type(), n)
	}
	return nil
}
