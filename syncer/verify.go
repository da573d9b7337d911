// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sabotage"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// incoming is the state of a log behind the events that were verified and are
// not stored yet, so that what follows can be verified at once.
type incoming struct {
	next uint64
	m    mmrindex.Peaks // at next
	time int64          // of the event before next
	left int            // ingests under way

	closed bool // the log ends at next
}

// events verifies what the peer pushed. Events that do not follow ours make us
// tell our size again; events that we have are passed over.
func (s *Session) events(t *topic, m *messages.Events) error {
	name := named(t.offer.Topic, m.Log, m.Author, m.PageBytes, m.Kind, m.Number)
	if err := checkLog(name); err != nil {
		return err
	}
	if over, err := t.outside(m.Kind, m.Log, m.Author); over || err != nil {
		return err
	}
	own, found, err := s.cfg.Store.Log(m.Log)
	if err != nil {
		return err
	}
	if !found {
		if stored, err := s.stores(t, &name, m.First+uint64(m.Count), false); err != nil || !stored {
			return err
		}
		own = name
	}
	r, err := s.told(t, m.Log, found)
	if err != nil {
		return err
	}
	r.named(name, found)
	end := m.First + uint64(m.Count)
	r.size = max(r.size, end)
	if r.phase == aside || own.Frozen {
		return nil
	}
	if passed, err := s.declines(r, own); err != nil || passed {
		r.got()
		return err
	}
	next := own.Size
	if r.in != nil {
		next = max(next, r.in.next)
	}
	switch {
	case end <= next:
		s.repeated(t)
		_, err := s.differs(t, r, own, headOf(m.Log, m.Head))
		return err
	case own.ended() || r.in != nil && r.in.closed: // what is behind its end is passed over
		r.got()
		return nil
	case m.First > next:
		s.gap(t, r, own, end)
		return nil
	}
	return s.accept(t, r, own, m, next)
}

// gap asks for what is missing before the events that came, once.
func (s *Session) gap(t *topic, r *remote, own LogInfo, end uint64) {
	r.awaits(max(r.wanted, end))
	if r.phase == pulled || r.in != nil || r.phase == asked {
		r.again() // when that has ended
		s.wantTick(t)
		return
	}
	r.to(asked)
	s.sendPart(t, own)
}

func (s *Session) accept(t *topic, r *remote, own LogInfo, m *messages.Events, next uint64) error {
	left, err := s.mountains(r, own, next)
	if err != nil {
		return err
	}
	before, err := s.timeBefore(r, own, next)
	if err != nil {
		return err
	}
	v, after, err := verifyEvents(own, m, next, before, left, s.cfg.Erasable)
	if c := conflict(err, own, left, m.Head); c != nil {
		return s.suspectHead(t, r, c)
	}
	if errors.Is(err, ErrErased) {
		s.leave(t, r, err)
		return nil
	}
	if err != nil {
		return err
	}
	if own.Own && v.Count > 0 {
		s.emit(OwnAhead{Log: own.Log, Ours: own.Size, Size: m.Head.Size})
	}
	if own.Provisional {
		now, err := s.cfg.Store.Position(t.id)
		if err != nil {
			return err
		}
		r.judged, r.declined = &now, nil
	}
	if r.in == nil {
		r.in = &incoming{}
	}
	r.in.next, r.in.m, r.in.time, r.in.closed = v.First+uint64(v.Count), after, v.Time, v.Closed != 0
	r.in.left++
	if r.phase == asked {
		r.to(awaited)
	}
	s.emit(Ingest{v})
	return nil
}

func (s *Session) mountains(r *remote, own LogInfo, next uint64) (mmrindex.Peaks, error) {
	if r.in != nil && r.in.next == next {
		return r.in.m, nil
	}
	if next == 0 {
		return mmrindex.Peaks{}, nil
	}
	return s.cfg.Store.PeaksAt(own.Log, next)
}

// timeBefore returns the time of the event before next, as mountains does its
// peaks.
func (s *Session) timeBefore(r *remote, own LogInfo, next uint64) (int64, error) {
	if r.in != nil && r.in.next == next {
		return r.in.time, nil
	}
	if next == 0 {
		return 0, nil
	}
	return s.cfg.Store.Time(own.Log, next)
}

// verifyEvents checks that the records of m from sequence next on, put after
// left, are under m's head, and that its author signed it. The record before
// next has the time before. The result ends before the first record that
// breaks a rule of the log. The error is an *ErasedError if all is true and some
// of it is erased that may not be.
func verifyEvents(info LogInfo, m *messages.Events, next uint64, before int64, left mmrindex.Peaks, may Erasable) (Verified, mmrindex.Peaks, error) {
	v := Verified{Info: info, First: next, Head: headOf(m.Log, m.Head), Right: m.Right, Left: left}
	j := judgement{rules: info.rules(), first: next, time: before}
	rest, seq := m.Records, m.First
	var gone erased
	for range m.Count {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return v, left, violation(messages.CodeBadEvents, "log %s event %d: %v", m.Log.Short(), seq, err)
		}
		if rec.Erased() && isRoster(info) {
			return v, left, violation(messages.CodeRoster, "log %s event %d: its payload is left out of a roster", m.Log.Short(), seq)
		}
		if seq == next+uint64(len(v.Leaves)) {
			if rec.Erased() {
				gone.add(seq, seq+1)
			}
			if v.Records == nil {
				v.Records = rest
			}
			v.Leaves = append(v.Leaves, rec.LeafHash())
			j.next(&rec, n)
		}
		rest, seq = rest[n:], seq+1
	}
	if len(rest) > 0 {
		return v, left, violation(messages.CodeBadEvents, "log %s: %d bytes after the last record", m.Log.Short(), len(rest))
	}
	r, err := merkleindex.RangeOf(next, v.Leaves)
	if err != nil {
		return v, left, violation(messages.CodeBadRange, "log %s: %v", m.Log.Short(), err)
	}
	after, err := underHead(left, r, m.Right, v.Head, info.Author, messages.CodeBadEvents)
	if err == nil {
		err = gone.covered(m.Log, may)
	}
	if err == nil && j.closed != 0 {
		after, err = v.endAt(&j)
	}
	v.Count, v.Root, v.Time, v.Closed = len(v.Leaves), after.Root(), j.time, j.closed
	return v, after, err
}

// endAt leaves the records of v before the first that offends, and returns the
// peaks behind them. They are proven with those that go.
func (v *Verified) endAt(j *judgement) (mmrindex.Peaks, error) {
	after := v.Left.Clone()
	right, err := rightBehind(v.First+uint64(j.good), v.Leaves[j.good:], v.Head.Size, v.Right)
	if err != nil {
		return after, err
	}
	v.Leaves, v.Records, v.Right = v.Leaves[:j.good], v.Records[:j.bytes], right
	r, err := merkleindex.RangeOf(v.First, v.Leaves)
	if err == nil {
		err = after.Merge(r, nil)
	}
	return after, err
}

// underHead checks that left and then mid and then right are the tree of the
// head, and the head's signature. It returns the mountains behind mid.
func underHead(left mmrindex.Peaks, mid merkleindex.CompactRange, right []digest.Hash, head proof.Head, author [32]byte, code messages.Code) (mmrindex.Peaks, error) {
	after := left.Clone()
	if err := after.Merge(mid, nil); err != nil {
		return left, violation(messages.CodeBadRange, "log %s: %v", head.Log.Short(), err)
	}
	if mid.End > head.Size {
		return left, violation(messages.CodeBadRange, "log %s: events to %d under a head of %d", head.Log.Short(), mid.End, head.Size)
	}
	whole := after.Clone()
	if err := whole.Merge(merkleindex.CompactRange{Begin: mid.End, End: head.Size, Hashes: right}, nil); err != nil {
		return left, violation(messages.CodeBadRange, "log %s: %v", head.Log.Short(), err)
	}
	if root := whole.Root(); root != head.Root && !sabotage.NoProof {
		return left, &astray{violation(code, "log %s: events %d to %d do not lead to the root of the head at %d", head.Log.Short(), mid.Begin, mid.End, head.Size)}
	}
	if err := head.Verify(author[:]); err != nil {
		return left, violation(messages.CodeBadHead, "log %s: %v", head.Log.Short(), err)
	}
	return after, nil
}
