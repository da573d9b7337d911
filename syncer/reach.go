// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rule: in a topic that certificates share only the steward is heard. Its roster says who
// belongs, its boxes hold the join key for each of them; once that is the same on both
// sides the topic is shared by it, and everything is. So a device that does not belong
// gets no data, whoever of the two knows better. No log is in a digest meanwhile: the
// boxes are told when both hold the same roster, which names whose they are.

// A Reach is what two sides speak of in a topic that certificates share; nil is
// everything. The roster always is.
type Reach struct {
	Removed   bool                 // the peer does not belong any more, and gets nothing else
	Known     bool                 // this device knew that it does not, when it showed itself
	Newcomers map[digest.Hash]bool // logs with which the two sides ask to be admitted
	peers     []byte               // the certificate of the peer, which each further roster judges
}

// Has reports whether a log may be given to the peer.
func (r *Reach) Has(kind identity.LogKind, log digest.Hash) bool {
	if r == nil || kind == identity.KindRoster {
		return true
	}
	return !r.Removed && (kind == identity.KindBoxes || r.Newcomers[log])
}

func (r *Reach) removed() bool { return r != nil && r.Removed }

func (r *Reach) known() bool { return r != nil && r.Known }

// noLogs is the digest of no logs.
var noLogs = new(digest.Multiset).Set()

// check refuses digests of logs, of which there are none.
func (r *Reach) check(got standing) error {
	if r != nil && got.set != noLogs {
		return violation(messages.CodeUnexpectedMessage, "a digest of %d logs of a topic that certificates share", got.set.Count)
	}
	return nil
}

// Of returns what of a source the peer may ask for.
func (r *Reach) Of(src RangeSource) RangeSource {
	if r == nil {
		return src
	}
	return reachSource{src, r}
}

type reachSource struct {
	RangeSource
	reach *Reach
}

// Log returns one log, if the peer may have it.
func (v reachSource) Log(id digest.Hash) (LogInfo, bool, error) {
	l, found, err := v.RangeSource.Log(id)
	if found && !v.reach.Has(l.Kind, id) {
		return LogInfo{}, false, err
	}
	return l, found, err
}

// newcomer returns the log with which whoever shows a certificate asks to be admitted.
func newcomer(topic identity.TopicID, body []byte) (log digest.Hash, ok bool) {
	x, err := roster.DecodeCertificate(body)
	switch {
	case err != nil:
		return log, false
	case x.Invited != nil:
		k := &x.Invited.Card.Card
		return roster.DataLog(topic, k.Device, k.PageBytes, k.Number), true
	case x.Added != nil:
		k := &x.Added.Device.Card
		return roster.DataLog(topic, k.Device, k.PageBytes, k.Number), true
	}
	return log, false
}

// A stewardStore is a Store of a topic of which no log is in a digest.
type stewardStore struct{ Store }

// Summary is the digest of no logs.
func (stewardStore) Summary(digest.Hash) (digest.Set, error) { return noLogs, nil }

// Logs yields none.
func (stewardStore) Logs(digest.Hash, func(LogInfo) bool) error { return nil }

// settleReach goes on once both sides hold the same roster: a peer that was removed knows
// it by now, and others are told what we hold beside. It reports whether the topic was
// left.
func (s *Session) settleReach(t *topic, now standing) (over bool, err error) {
	switch {
	case t.reach == nil || t.lastGot == nil || t.lastGot.roster != now.roster:
		return false, nil
	case t.reach.Removed:
		return true, s.settleRemoved(t)
	case t.reached == now.roster:
		return false, nil
	}
	t.reached = now.roster
	if err := s.judgeAgain(t); err != nil || t.reach.Removed {
		return t.reach.Removed, errors.Join(err, s.settleRemoved(t))
	}
	if t.reach.Known { // it has nothing to tell, unless it belongs by now
		if gone, err := s.cfg.Certificates.Removed(t.id); gone || err != nil {
			return false, err
		}
	}
	return false, s.tellReach(t)
}

// judgeAgain judges the peer by the roster that both sides hold now, which either of them
// brought.
func (s *Session) judgeAgain(t *topic) error {
	if t.reach.peers == nil {
		return nil
	}
	err := s.cfg.Certificates.Verify(t.id, s.cfg.Binding, !s.cfg.Dialer, t.reach.peers)
	if errors.Is(err, roster.ErrRemoved) {
		t.reach.Removed = true
	}
	if t.reach.Removed || errors.Is(err, roster.ErrCertificate) { // it was right when it came
		return nil
	}
	return err
}

// settleRemoved leaves a topic with a peer that does not belong and knows it by now: it
// can come again with the newest join key.
func (s *Session) settleRemoved(t *topic) (err error) {
	if !t.reach.Removed {
		return nil
	}
	if s.gone[t.id], err = s.cfg.Store.Position(t.id); err != nil {
		return err
	}
	s.quit(t)
	s.meet.ready = append(s.meet.ready, s.enter(&offer{Topic: t.offer.Topic}))
	s.meet.held = true
	return nil
}

// tellReach states what we hold of boxes, and of newcomers' logs.
func (s *Session) tellReach(t *topic) error {
	r, err := s.cfg.Store.Roster(t.id)
	if err != nil {
		return err
	}
	var ids []digest.Hash
	for _, l := range r.Legs {
		ids = append(ids, identity.LogID(t.id, l.Author, l.PageBytes, identity.KindBoxes, l.Number))
	}
	var all []messages.LogState
	for _, id := range append(ids, inOrder(t.reach.Newcomers)...) {
		own, found, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		if found && own.Topic == t.id && (own.Size > 0 || own.Frozen) {
			all = append(all, stateOf(own))
		}
	}
	for some := range slices.Chunk(all, entriesPerDiff) {
		s.send(&messages.Diff{Topic: t.number, Rung: messages.RungFrontier, Part: true, Entries: some})
	}
	return nil
}

// beyond reports whether a log that changed is nothing for the peer of a topic that
// certificates share. A leg that says that this device does not belong any more ends the
// topic in this session, unless it knew that before: the peer may know better, and tells
// all of its roster.
func (s *Session) beyond(t *topic, own LogInfo) (over bool, err error) {
	if !t.follows(own.Kind, own.Log, own.Author) {
		return true, nil
	}
	if !isRoster(own) || t.reach.known() {
		return false, nil
	}
	gone, err := s.cfg.Certificates.Removed(t.id)
	if gone {
		s.quit(t)
	}
	return gone, err
}
