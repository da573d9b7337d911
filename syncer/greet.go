// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/messages"
)

// Peers that met before need no round if one of them holds what both held
// then. It says so with its offer, by a mark that only the other one understands. So
// the other one knows what it lacks a whole trip before the digests of PEAKS are
// compared: it lists what changed, before its PEAKS, and brings it. That list
// is of no round and not answered.

// offerOf is how a topic is offered.
func (s *Session) offerOf(o *offer) (messages.Offer, error) {
	b, dialer := s.cfg.Binding, s.cfg.Dialer
	p := OfferOf(o.Prover(), b, dialer)
	p.Partial = o.Follows != nil
	if p.Partial || !s.remembers() || !s.cfg.History.Met(s.cfg.Peer, o.ID) {
		return p, nil
	}
	position, err := s.cfg.Store.Position(o.ID)
	if err != nil {
		return p, err
	}
	set, err := s.cfg.Store.Summary(o.ID)
	if err != nil {
		return p, err
	}
	o.meets().greeted = &standing{position, set}
	p.Mark = o.Prover().StateMark(b, dialer, position, set)
	return p, nil
}

// remembers reports whether what was agreed on before counts.
func (s *Session) remembers() bool {
	return s.cfg.History != nil && s.cfg.First <= messages.RungCursor
}

// foretell lists what changed here since both held what the peer still holds;
// nil if that is not so. The round is to be finished once PEAKS is sent.
func (s *Session) foretell(t *topic, now standing) (*round, error) {
	since, remembered := s.remembered(t)
	o := t.offer
	if !remembered || since == now.set || !o.Prover().CheckStateMark(o.theirs.Mark, s.cfg.Binding, !s.cfg.Dialer, now.roster, since) {
		return nil, nil
	}
	snap, err := takeSnapshot(t.store, t.id, s.salt(t))
	if err != nil {
		return nil, err
	}
	r := &round{snap: snap}
	if listed, err := s.leadCursor(t, r, since); err != nil || !listed {
		return nil, err
	}
	return r, nil
}

// foretold takes what changed at the peer since what we greeted with.
func (s *Session) foretold(t *topic, b *messages.CursorBody, more bool) error {
	if was := t.offer.greeted; was == nil || was.set != b.Since {
		return violation(messages.CodeUnexpectedMessage, "a cursor before PEAKS, since what was not stated")
	}
	if t.known {
		return nil // we told the peer too; what each lists, it brings
	}
	if t.foretold == nil {
		snap, err := takeSnapshot(t.store, t.id, b.Salt)
		if err != nil {
			return err
		}
		t.foretold = &round{snap: snap, rung: messages.RungCursor}
	}
	r := t.foretold
	if r.snap.salt != b.Salt {
		return violation(messages.CodeMalformed, "two salts in one list")
	}
	if err := s.gather(r, b.Logs); err != nil || more {
		return err
	}
	t.foretold = nil
	if now, err := t.store.Summary(t.id); err != nil || now == b.Since {
		return errors.Join(err, s.finish(t, r, r.told))
	}
	if _, known, err := s.changed(t, r, b.Since); err != nil || !known {
		return err // PEAKS will differ
	}
	return s.finish(t, r, r.told)
}
