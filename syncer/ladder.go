// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"encoding/binary"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Finding out which logs differ is a round. One side leads it: it says what it
// holds, in the cheapest way that may do, which is the rung. The other compares,
// answers with what it holds of the logs that differ, and both bring each other
// what is missing. A rung that does not do is followed by the next one, in the
// same round; a round after which the digests still differ, by another with
// another salt; and every third of those is the list of all log states, which
// is exact. So what a peer says in a rung may cost a round, and no event.
const (
	firstSymbols     = 512    // of a sketch, before it is known how many it takes
	symbolsPerDiff   = 40_000 // stay below MaxDiffBody
	shortsPerDiff    = 60_000
	itemsPerDiff     = 100_000
	symbolBytes      = 15 // about, on the wire
	itemBytes        = 7
	exactEvery       = 3 // rounds
	roundsAtOnce     = 8 // that a peer may lead between two ticks
	roundStallFactor = 3 // a round may stand still for longer
)

// A Change is a log that changed since some earlier state, and its size then.
type Change struct {
	Log    digest.Hash
	Before uint64
}

// A History is what a store remembers for rung 1.
type History interface {
	// Met reports whether a state of the topic is remembered that this store
	// and some copy of a peer's agreed on.
	Met(peer identity.PeerID, topic digest.Hash) bool
	// Remembered returns the digest that this store and a peer's last agreed
	// on. A peer that is another copy by now does not know it, and says so.
	Remembered(peer identity.PeerID, topic digest.Hash) (digest.Set, bool)
	// Changes returns the logs that changed since this store had a digest;
	// false says that this is not known.
	Changes(topic digest.Hash, since digest.Set) ([]Change, bool, error)
}

// A round is one way down the ladder, of one topic.
type round struct {
	number uint64
	lead   bool  // we say first what we hold
	goal   *goal // of the sync since which it was begun, or nil
	rung   messages.Rung
	snap   *snapshot
	since  digest.Set // rung 1: both held this,
	mine   []Change   // and this changed here
	enc    *sketch.Encoder
	dec    *sketch.Decoder
	told   []messages.ShortState // of a list that is not complete yet
	items  []uint64
	still  time.Time // since when nothing came of it, by ticks; zero if something did
}

// stands reports whether nothing came of a round for so long that its leader gives it up:
// longer with each try. Events that come meanwhile say nothing of it.
func (r *round) stands(now time.Time, tries int) bool {
	if r.still.IsZero() {
		r.still = now
	}
	return now.Sub(r.still) >= min(roundStallFactor*stallWait<<min(tries, 4), roundStallFactor*maxRoundWait)
}

// newRound returns a round of the number that is the newest.
func (t *topic) newRound(lead bool) *round {
	r := &round{number: t.rounds, lead: lead}
	if g := t.goal; g != nil && !g.doubted {
		r.goal = g
	}
	return r
}

// begin leads a round. The side that does not lead says only what changed since both
// agreed, if it remembers: as the peer does the same, that is all.
func (s *Session) begin(t *topic) error {
	since, remembered := s.remembered(t)
	if !t.leads && !remembered {
		return nil
	}
	t.rounds++
	r := t.newRound(true)
	var err error
	if r.snap, err = takeSnapshot(t.store, t.id, s.salt(t)); err != nil {
		return err
	}
	if remembered {
		done, err := s.leadCursor(t, r, since)
		if err != nil {
			return err
		}
		if done {
			t.begins(r)
			return nil
		}
	}
	if !t.leads {
		t.rounds--
		return nil
	}
	t.begins(r)
	return s.leadList(t, r)
}

// leadList takes rung 2 or 3, whichever is likely to cost less.
func (s *Session) leadList(t *topic, r *round) error {
	r.mine = nil // of rung 1
	few := len(r.snap.items)*itemBytes <= firstSymbols*symbolBytes
	if s.cfg.First == messages.RungFrontier || few && s.cfg.First != messages.RungSketch {
		s.leadItems(t, r)
		return nil
	}
	r.rung, r.enc = messages.RungSketch, sketch.NewEncoder(r.snap.salt, r.snap.items)
	s.sendSymbols(t, r, firstSymbols)
	return nil
}

// salt is a fresh one for each round, the same on both sides. The binding makes
// it one that nobody else could know before.
func (s *Session) salt(t *topic) sketch.Salt {
	h := digest.Tagged("xaeroflux sketch salt v1", s.cfg.Binding, t.id[:], binary.LittleEndian.AppendUint64(nil, t.rounds))
	return sketch.Salt(h[:16])
}

// sendBody sends a DIFF of a round.
func (s *Session) sendBody(t *topic, number uint64, rung messages.Rung, more bool, b messages.Body) {
	s.send(&messages.Diff{Topic: t.number, Rung: rung, More: more, Body: messages.EncodeBody(number, b)})
}

func (s *Session) sendItems(t *topic, r *round) {
	chunks(r.snap.items, itemsPerDiff, func(part []uint64, more bool) {
		s.sendBody(t, r.number, messages.RungFrontier, more, &messages.ItemsBody{Salt: r.snap.salt, Items: part})
	})
}

func (s *Session) leadItems(t *topic, r *round) {
	r.rung, r.enc = messages.RungFrontier, nil
	s.sendItems(t, r)
}

func (s *Session) sendSymbols(t *topic, r *round, upTo int) {
	first := r.enc.Made()
	chunks(r.enc.Next(upTo-first), symbolsPerDiff, func(part []sketch.Symbol, more bool) {
		s.sendBody(t, r.number, messages.RungSketch, more, &messages.SymbolsBody{
			Salt: r.snap.salt, Items: uint64(len(r.snap.items)), First: uint64(first), Symbols: part,
		})
		first += len(part)
	})
}

// sendAnswer tells what we hold of the logs that differ.
func (s *Session) sendAnswer(t *topic, r *round, logs []messages.ShortState) {
	messages.SortStates(logs)
	chunks(logs, shortsPerDiff, func(part []messages.ShortState, more bool) {
		s.sendBody(t, r.number, r.rung, more, &messages.AnswerBody{Logs: part})
	})
}

// chunks calls f with parts of a list, and once for an empty one.
func chunks[T any](list []T, n int, f func(part []T, more bool)) {
	for len(list) > n {
		f(list[:n], true)
		list = list[n:]
	}
	f(list, false)
}

// body takes a DIFF that is part of a round. One of an earlier round,
// or that comes while full lists are exchanged, is passed over.
func (s *Session) body(t *topic, m *messages.Diff) error {
	number, b, err := messages.DecodeBody(m.Body)
	if err != nil {
		return violation(messages.CodeMalformed, "%v", err)
	}
	if t.lists() {
		return nil
	}
	switch b := b.(type) {
	case *messages.CursorBody:
		if !t.peaked {
			return s.foretold(t, b, m.More)
		}
		if r := t.round; r != nil && r.lead && r.number == number && r.rung == messages.RungCursor && r.since == b.Since {
			return s.answered(t, r, &messages.AnswerBody{Logs: b.Logs}, m.More)
		}
		return s.following(t, number, messages.RungCursor, b.Salt, func(r *round) error { return s.cursor(t, r, b, m.More) })
	case *messages.SymbolsBody:
		return s.following(t, number, messages.RungSketch, b.Salt, func(r *round) error { return s.symbols(t, r, b, m.More) })
	case *messages.ItemsBody:
		return s.following(t, number, messages.RungFrontier, b.Salt, func(r *round) error { return s.items(t, r, b, m.More) })
	case *messages.AskBody:
		if b.Symbols == 0 {
			return s.wakened(t)
		}
	}
	if r := t.round; r != nil && r.lead && r.number == number {
		r.still = time.Time{}
		return s.answered(t, r, b, m.More)
	}
	return nil
}

// wakened leads a round because the peer asks for one.
func (s *Session) wakened(t *topic) error {
	if t.round != nil {
		return nil
	}
	if err := s.spend(t); err != nil {
		return err
	}
	t.leads = true
	return s.begin(t)
}

// spend bounds how often a peer makes us look at all logs.
func (s *Session) spend(t *topic) error {
	s.wantTick(t)
	if t.spent++; t.spent > roundsAtOnce {
		return violation(messages.CodeLimit, "more than %d rounds at once", roundsAtOnce)
	}
	return nil
}

// answered takes what the follower of a round that we lead says.
func (s *Session) answered(t *topic, r *round, b messages.Body, more bool) error {
	switch b := b.(type) {
	case *messages.AskBody:
		switch {
		case r.enc == nil:
		case s.tooMany(r.enc.Made(), b.Symbols, uint64(len(r.snap.items))):
			s.leadItems(t, r)
		default:
			s.sendSymbols(t, r, int(b.Symbols))
		}
	case *messages.NextBody:
		switch r.rung {
		case messages.RungCursor:
			return s.leadList(t, r)
		case messages.RungSketch:
			s.leadItems(t, r)
		}
	case *messages.AnswerBody:
		if err := s.gather(r, b.Logs); err != nil || more {
			return err
		}
		return s.finish(t, r, r.told)
	}
	return nil
}

// tooMany reports whether symbols from have to want cost more than the items
// of all logs.
func (s *Session) tooMany(have int, want, items uint64) bool {
	return want > sketch.MaxSymbols ||
		want > uint64(have) && (want-uint64(have))*symbolBytes > items*itemBytes && s.cfg.First != messages.RungSketch
}

// gather adds a part of a list.
func (s *Session) gather(r *round, logs []messages.ShortState) error {
	if r.told = append(r.told, logs...); len(r.told) > s.cfg.Limits.MaxLogs+len(r.snap.shots) {
		return violation(messages.CodeLimit, "more than %d logs in a topic", s.cfg.Limits.MaxLogs)
	}
	return nil
}

// following calls f with the round that a message of its leader belongs to;
// one that is new takes the place of any before it.
func (s *Session) following(t *topic, number uint64, rung messages.Rung, salt sketch.Salt, f func(*round) error) error {
	r := t.round
	switch {
	case r != nil && !r.lead && r.number == number:
		if r.snap.salt != salt {
			return violation(messages.CodeMalformed, "two salts in one round")
		}
	case number > t.rounds && number < 1<<62, number == t.rounds && r != nil && r.lead && !s.cfg.Dialer:
		if err := s.spend(t); err != nil {
			return err
		}
		t.rounds = number
		r = t.newRound(false)
		var err error
		if r.snap, err = takeSnapshot(t.store, t.id, salt); err != nil {
			return err
		}
		t.begins(r)
	default:
		return nil
	}
	if r.rung != rung {
		r.rung, r.mine, r.told, r.items, r.dec = rung, nil, nil, nil, nil
		if rung == messages.RungSketch {
			r.dec = sketch.NewDecoder(salt, r.snap.items)
		}
	}
	return f(r)
}

// again begins another round, because the last one did not lead to agreement.
func (s *Session) again(t *topic) error {
	t.givesUp()
	t.tries++
	if err := s.rosterAgain(t); err != nil {
		return err
	}
	switch {
	case t.reach != nil: // there is nothing to list
		return nil
	case t.tries%exactEvery == 0:
		t.to(listing)
		return s.sendFrontier(t)
	case t.leads:
		return s.begin(t)
	}
	s.sendBody(t, t.rounds, messages.RungSketch, false, &messages.AskBody{})
	return nil
}
