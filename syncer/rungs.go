// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rung 1: each side lists what changed since both held the same.

// remembered returns the state that we and the peer last agreed on.
func (s *Session) remembered(t *topic) (digest.Set, bool) {
	if !s.remembers() || t.partial || t.tries > 0 {
		return digest.Set{}, false
	}
	return s.cfg.History.Remembered(s.cfg.Peer, t.id)
}

// leadCursor lists what changed here since then; false says that we do not
// know.
func (s *Session) leadCursor(t *topic, r *round, since digest.Set) (bool, error) {
	logs, known, err := s.changed(t, r, since)
	if err != nil || !known {
		return false, err
	}
	r.rung, r.since = messages.RungCursor, since
	chunks(logs, shortsPerDiff, func(part []messages.ShortState, more bool) {
		s.sendBody(t, r.number, messages.RungCursor, more, &messages.CursorBody{Salt: r.snap.salt, Since: since, Logs: part})
	})
	return true, nil
}

// changed keeps and lists what changed here since a state. The snapshot was
// taken before: what it does not list had this size then and now.
func (s *Session) changed(t *topic, r *round, since digest.Set) ([]messages.ShortState, bool, error) {
	if s.cfg.History == nil || t.partial {
		return nil, false, nil
	}
	var known bool
	var err error
	if r.mine, known, err = s.cfg.History.Changes(t.id, since); err != nil || !known {
		return nil, false, err
	}
	var logs []messages.ShortState
	for _, c := range r.mine {
		if l, found := r.snap.byShort(shortID(r.snap.salt, c.Log)); found && l.log == c.Log {
			logs = append(logs, messages.ShortState{ID: l.short, Size: l.size})
		}
	}
	messages.SortStates(logs)
	return logs, true, nil
}

// cursor answers rung 1 by what changed here since the same state.
func (s *Session) cursor(t *topic, r *round, b *messages.CursorBody, more bool) error {
	if err := s.gather(r, b.Logs); err != nil || more {
		return err
	}
	logs, known, err := s.changed(t, r, b.Since)
	if err != nil {
		return err
	}
	if !known {
		s.next(t, r)
		return nil
	}
	s.sendAnswer(t, r, logs)
	return s.finish(t, r, r.told)
}

// next asks for the next rung.
func (s *Session) next(t *topic, r *round) {
	r.dec = nil
	s.sendBody(t, r.number, r.rung, false, &messages.NextBody{})
}

// Rung 2: the leader sends a sketch, as much of it as it takes.

// symbols takes a part of a sketch and answers once it shows the difference.
func (s *Session) symbols(t *topic, r *round, b *messages.SymbolsBody, more bool) error {
	if r.dec == nil {
		return nil // the next rung is asked for already
	}
	if b.First != uint64(r.dec.Len()) {
		return violation(messages.CodeBadRange, "symbols from %d, want %d", b.First, r.dec.Len())
	}
	done, err := r.dec.Add(b.Symbols)
	switch {
	case err != nil:
		s.next(t, r)
		return nil
	case !done && more:
		return nil
	case !done:
		s.askMore(t, r, b.Items)
		return nil
	}
	theirs, ours, err := r.dec.Difference()
	if errors.Is(err, sketch.ErrSketch) {
		s.next(t, r)
		return nil
	}
	return s.differ(t, r, theirs, ours)
}

// askMore asks for as many symbols as are likely to be enough, or for the next
// rung if that costs less.
func (s *Session) askMore(t *topic, r *round, items uint64) {
	have := r.dec.Len()
	want := max(r.dec.Estimate()*3/2+32, have+have/4+8)
	if s.tooMany(have, uint64(want), items) {
		s.next(t, r)
		return
	}
	s.sendBody(t, r.number, messages.RungSketch, false, &messages.AskBody{Symbols: uint64(want)})
}

// Rung 3: the leader sends the items of all its logs.

func (s *Session) items(t *topic, r *round, b *messages.ItemsBody, more bool) error {
	if len(r.items)+len(b.Items) > s.cfg.Limits.MaxLogs+len(r.snap.shots) {
		return violation(messages.CodeLimit, "more than %d logs in a topic", s.cfg.Limits.MaxLogs)
	}
	if n := len(r.items); n > 0 && len(b.Items) > 0 && b.Items[0] <= r.items[n-1] {
		return violation(messages.CodeMalformed, "items that do not increase")
	}
	if r.items = append(r.items, b.Items...); more {
		return nil
	}
	theirs, ours := apart(r.items, r.snap.items)
	return s.differ(t, r, theirs, ours)
}

// apart returns what is only in a, and only in b; both increase.
func apart(a, b []uint64) (onlyA, onlyB []uint64) {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			onlyA, a = append(onlyA, a[0]), a[1:]
		case a[0] > b[0]:
			onlyB, b = append(onlyB, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return append(onlyA, a...), append(onlyB, b...)
}

// differ answers a sketch or a list by what we hold of the logs that differ.
func (s *Session) differ(t *topic, r *round, theirs, ours []uint64) error {
	sizes := make(map[uint64]uint64, len(theirs)+len(ours))
	for _, item := range ours {
		sizes[shortOf(item)] = 0
	}
	for _, item := range theirs {
		short := shortOf(item)
		sizes[short] = sizeOf(item, r.snap.size(short))
	}
	told := make([]messages.ShortState, 0, len(sizes))
	for short, size := range sizes {
		told = append(told, messages.ShortState{ID: short, Size: size})
	}
	answer := slices.Clone(told)
	for i := range answer {
		answer[i].Size = r.snap.size(answer[i].ID)
	}
	s.sendAnswer(t, r, answer)
	return s.finish(t, r, told)
}

// finish ends a round: told is what the peer holds of the logs that differ. Of
// all others it holds what the snapshot says.
func (s *Session) finish(t *topic, r *round, told []messages.ShortState) error {
	t.expectsNone()
	g := t.surveys(r)
	t.forksTold = 0
	var passed map[uint64]bool // of logs that are here, and not in snapshots
	sizes := make(map[digest.Hash]uint64, len(r.mine)+len(told))
	for _, c := range r.mine {
		sizes[c.Log] = c.Before
	}
	for _, e := range told {
		if l, found := r.snap.byShort(e.ID); found {
			sizes[l.log] = e.Size
			continue
		}
		if passed == nil {
			var err error
			if passed, err = s.passedOver(t, r.snap.salt); err != nil {
				return err
			}
		}
		if left, known := passed[e.ID]; left {
			g.passes()
		} else if !known && e.Size > 0 {
			t.expect(r.snap.salt, e)
		}
	}
	t.finds()
	err := t.store.Logs(t.id, func(l LogInfo) bool {
		before := r.snap.of(l.Log)
		if size, differs := sizes[l.Log]; differs {
			m := t.unheard(l.Log, before.size)
			forked := r.rung != messages.RungCursor && before.size == size
			s.claimed(t, m, l, size, forked)
			g.tells(m, l, size, forked)
			return true
		}
		s.unchanged(t, l, before)
		return true
	})
	g.ends()
	return err
}

// unchanged takes note that the peer holds of a log what we did.
func (s *Session) unchanged(t *topic, l LogInfo, before shot) {
	m := t.theirs[l.Log]
	if m == nil && l.Size <= before.size {
		return
	}
	if m == nil {
		m = t.unheard(l.Log, before.size)
		m.pages = before.pages
	}
	if m.size < before.size {
		m.size, m.pages = before.size, before.pages
	}
	if m.size < l.Size {
		t.touched = append(t.touched, m)
		s.offer(t, m, l, true)
	}
}

// claimed acts on the size that the peer says it holds of a log: less is
// brought up to ours, more is awaited. With forked, it held as much as was here, and yet
// something else.
func (s *Session) claimed(t *topic, m *remote, own LogInfo, size uint64, forked bool) {
	if own.Frozen { // whoever holds anything else of it does not know
		s.known(t, m, own, false, false)
		return
	}
	switch {
	case m.phase == aside || m.in != nil || m.phase == pulled:
	case size < own.Size:
		if m.pushed > size { // it may be on its way; if not, the next round says so again
			m.pushed = 0
		} else {
			m.size, m.pages, m.serving = size, pagesAt(own, size), false
		}
		s.offer(t, m, own, true)
	case size > own.Size && own.ended():
	case size > own.Size:
		m.size, m.pages = size, own.Pages
		m.hears(size)
	case forked: // let both look at the heads
		s.sendPart(t, own)
	}
}

// pagesAt guesses how many full pages of a log hold its first events. If
// it is wrong, a few pages more are pushed than would be, or the peer is told
// and decides.
func pagesAt(own LogInfo, size uint64) uint64 {
	if size >= own.SealedSize || own.SealedSize == 0 {
		return own.Pages
	}
	return uint64(float64(own.Pages) * float64(size) / float64(own.SealedSize))
}

// expect takes note of a log that the peer has and we do not: its events, or
// word of it, will come.
func (t *topic) expect(salt [16]byte, e messages.ShortState) {
	if t.expected == nil {
		t.expected, t.expectSalt = map[uint64]uint64{}, salt
	}
	t.expected[e.ID] = e.Size
}

// expectsNone takes note that what a round told of logs that are not here is told
// anew, or was in vain.
func (t *topic) expectsNone() {
	if len(t.expected) > 0 && t.goal != nil {
		t.goal.surveyed = false
	}
	t.expected = nil
}

// expectsNot takes note that a log which is expected is not stored here.
func (t *topic) expectsNot(log digest.Hash) {
	if len(t.expected) == 0 {
		return
	}
	short := shortID(t.expectSalt, log)
	if _, found := t.expected[short]; !found {
		return
	}
	t.goal.passes()
	if delete(t.expected, short); len(t.expected) == 0 && t.phase == expecting {
		t.to(sorted)
	}
}

// passedOver returns the logs, by their short ids, that are not expected whatever the
// peer holds of them: true for one that is left alone or not stored here, false for one
// that ended before its first event, as its author broke a rule.
func (s *Session) passedOver(t *topic, salt [16]byte) (map[uint64]bool, error) {
	all := map[uint64]bool{}
	for id, r := range t.theirs {
		own, _, err := s.cfg.Store.Log(id)
		if err != nil {
			return nil, err
		}
		if left := r.phase == aside; left || own.ended() && own.Size == 0 {
			all[shortID(salt, id)] = left
		}
	}
	for id := range t.passed {
		all[shortID(salt, id)] = true
	}
	return all, nil
}

// arrived takes note of a log that is new here: it may be one of those.
func (t *topic) arrived(r *remote) {
	if len(t.expected) == 0 {
		return
	}
	short := shortID(t.expectSalt, r.id)
	if size, found := t.expected[short]; found {
		if delete(t.expected, short); len(t.expected) == 0 && t.phase == expecting {
			t.to(sorted)
		}
		r.size = max(r.size, size)
		r.hears(max(r.wanted, size))
		t.goal.hears(r.id, size)
	}
}
