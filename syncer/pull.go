// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Transfer verifies the pages of one log that a peer sends, and the events
// behind them.
//
// Pages must be packed as every peer packs them, or two honest peers would
// never agree on them again. That a page is full is known only from the record
// that follows it. So the last page of what was verified is held back until
// the next run confirms it, and at the end of the transfer its events are
// stored as events, to be packed here.
type Transfer struct {
	// Erasable says what the peer may have erased; nil is nothing.
	Erasable Erasable
	// Room returns a buffer that holds n bytes, for pages that are confirmed, or nil: one
	// is made then.
	Room func(n int) []byte

	topic uint32
	info  LogInfo
	own   LogInfo        // what the store held when it began
	page  uint64         // next page expected
	next  uint64         // and its first sequence
	m     mmrindex.Peaks // at next
	held  *span
	tree  *merkleindex.Builder // of the page in hand
	left  mmrindex.Peaks       // before held
	known []*span              // pages before held whose events the store held when it began,
	under mmrindex.Peaks       // and what is before them
	head  proof.Head
	right []digest.Hash // at next
	time  int64         // of the event before next

	closed event.Reason // the log ends at next: nothing more of it is taken
}

// NewTransfer begins where the local store's full pages of a log end.
func NewTransfer(st Store, p Pull) (*Transfer, error) {
	own, found, err := st.Log(p.Info.Log)
	if err != nil {
		return nil, err
	}
	t := &Transfer{topic: p.Topic, info: p.Info, own: own, tree: merkleindex.NewBuilder(0)}
	if found && own.Pages > 0 {
		t.page, t.next = own.Pages, own.SealedSize
		if t.time, err = st.Time(own.Log, own.SealedSize); err != nil {
			return nil, err
		}
		t.m, err = st.PeaksAt(own.Log, own.SealedSize)
	}
	return t, err
}

// Request is the message to open the stream with.
func (t *Transfer) Request() *messages.PageRequest {
	return &messages.PageRequest{Topic: t.topic, Log: t.info.Log, From: t.page, Count: messages.MaxRunPages, Tail: true}
}

// Info says which log it is.
func (t *Transfer) Info() LogInfo { return t.info }

// Next returns the sequence of the event that comes next.
func (t *Transfer) Next() uint64 { return t.next }

// Announced checks a PAGE_RESPONSE before its pages are read and returns how
// many bytes they are. It may be called while Pages verifies the run before.
func (t *Transfer) Announced(m *messages.PageResponse) (int, error) {
	return AnnouncedRun(t.info, m.From, m)
}

// AnnouncedRun is Announced for a request from a page on.
func AnnouncedRun(info LogInfo, page uint64, m *messages.PageResponse) (int, error) {
	whole := int64(m.Count) * int64(m.PageBytes) // which bounds the leaves
	switch n := m.PagesLen(); {
	case m.Log != info.Log || m.PageBytes != info.PageBytes:
		return 0, violation(messages.CodeBadRange, "pages of log %s with %d bytes, asked for log %s with %d", m.Log.Short(), m.PageBytes, info.Log.Short(), info.PageBytes)
	case m.From != page:
		return 0, violation(messages.CodeBadRange, "page %d, want page %d", m.From, page)
	case n == 0 || max(n, whole) > maxRunBytes:
		return 0, violation(messages.CodeLimit, "a run of %d bytes, limit %d", max(n, whole), maxRunBytes)
	default:
		return int(n), nil
	}
}

// Pages verifies the pages of a response and returns those that are confirmed;
// there may be none yet. The pages stay the caller's.
func (t *Transfer) Pages(m *messages.PageResponse, pages []byte) (*VerifiedPages, error) {
	switch {
	case t.closed != 0:
		return nil, ErrClosed
	case m.From != t.page:
		return nil, violation(messages.CodeBadRange, "page %d from event %d, want page %d from event %d", m.From, m.FirstSeq, t.page, t.next)
	case m.FirstSeq != t.next: // other events are in other pages
		return nil, t.judge(&astray{violation(messages.CodeBadRange, "page %d from event %d, want it from event %d", m.From, m.FirstSeq, t.next)}, m.Head)
	}
	spans, err := t.parse(m, pages)
	if err != nil {
		return nil, err
	}
	end := spans[len(spans)-1].seal.End()
	if end != m.EndSeq {
		return nil, violation(messages.CodeBadRange, "log %s: the run ends at event %d, %d was said", m.Log.Short(), end, m.EndSeq)
	}
	run := merkleindex.CompactRange{Begin: t.next, End: t.next}
	for _, s := range spans {
		if err := run.Merge(s.r, nil); err != nil {
			return nil, violation(messages.CodeBadRange, "log %s: %v", m.Log.Short(), err)
		}
	}
	head := headOf(m.Log, m.Head)
	after, err := underHead(t.m, run, m.Right, head, t.info.Author, messages.CodeBadPage)
	if err != nil {
		return nil, t.judge(err, m.Head)
	}
	if err := t.continues(spans, head); err != nil {
		return nil, err
	}
	for _, s := range spans {
		if err := s.gone.covered(m.Log, t.Erasable); err != nil {
			return nil, err
		}
	}
	left := t.m
	t.m = after
	t.page, t.next, t.head, t.right, t.time = t.page+uint64(m.Count), end, head, m.Right, spans[len(spans)-1].judged.time
	if spans, err = t.endAt(left, spans); err != nil {
		return nil, err
	}
	if t.held != nil {
		spans = append([]*span{t.held}, spans...)
	}
	last := len(spans) - 1
	if t.held != nil { // it is confirmed now
		left = t.left
	}
	if t.left, err = afterSpans(left, spans[:last]); err != nil {
		return nil, err
	}
	t.held = spans[last]
	t.held.bytes = slices.Clone(t.held.bytes) // of the caller's
	return t.news(left, spans[:last])
}

// news is confirmed, but keeps pages until one comes with an event that the store did
// not hold: pages take the place of its open one only if they bring more.
func (t *Transfer) news(left mmrindex.Peaks, spans []*span) (*VerifiedPages, error) {
	if t.known != nil {
		left, spans = t.under, append(t.known, spans...)
	}
	if n := len(spans); n > 0 && spans[n-1].seal.End() <= t.own.Size {
		for _, s := range spans {
			s.bytes = slices.Clone(s.bytes)
		}
		t.known, t.under = spans, left
		return nil, nil
	}
	t.known = nil
	return t.confirmed(left, spans)
}

// continues checks that spans, which are proven to be under head, have the
// events that the store held when the transfer began: the open page comes again,
// whole.
func (t *Transfer) continues(spans []*span, head proof.Head) error {
	size := t.own.Size
	if size <= t.next {
		return nil
	}
	m := t.m.Clone()
	for _, s := range spans {
		r := s.r
		if size < s.seal.End() {
			r = merkleindex.CompactRange{Begin: s.seal.First, End: s.seal.First}
			for _, leaf := range s.leaves[:size-min(size, s.seal.First)] {
				if leaf == (digest.Hash{}) { // whether it continues what is here cannot be told
					return &ErasedError{Log: t.info.Log, First: s.seal.First, End: s.seal.End()}
				}
				if err := r.Append(leaf, nil); err != nil {
					return err
				}
			}
		}
		if err := m.Merge(r, nil); err != nil {
			return err
		}
		if m.Size() == size {
			break
		}
	}
	if m.Size() == size && m.Root() != t.own.Root {
		return &Conflict{Log: t.own.Log, Ours: t.own.Head, Theirs: head}
	}
	return nil
}

// endAt drops what of new spans, put behind left, is from the first record on
// that offends. The rest of the last span is no page: it stays held back.
func (t *Transfer) endAt(left mmrindex.Peaks, spans []*span) ([]*span, error) {
	at := slices.IndexFunc(spans, func(s *span) bool { return s.judged.closed != 0 })
	if at < 0 {
		return spans, nil
	}
	last := spans[at]
	if last.image { // where it ends in the log cannot be shown to others
		return nil, &ErasedError{Log: t.info.Log, First: last.seal.First, End: last.seal.End()}
	}
	var gone []digest.Hash
	gone = append(gone, last.leaves[last.judged.good:]...)
	for _, s := range spans[at+1:] {
		gone = append(gone, s.leaves...)
	}
	last.leaves, last.seal.Count = last.leaves[:last.judged.good], last.judged.good
	right, err := rightBehind(last.seal.End(), gone, t.head.Size, t.right)
	if err != nil {
		return nil, err
	}
	if last.r, err = merkleindex.RangeOf(last.seal.First, last.leaves); err != nil {
		return nil, err
	}
	t.closed, t.right, t.next, t.time = last.judged.closed, right, last.seal.End(), last.judged.time
	t.m, err = afterSpans(left, spans[:at+1])
	return spans[:at+1], err
}

// Closed reports whether the log was found to end where the transfer is: what
// is held back is to be stored, and nothing else will be taken.
func (t *Transfer) Closed() bool { return t.closed != 0 }

// afterSpans is the mountains with some spans put behind them.
func afterSpans(m mmrindex.Peaks, spans []*span) (mmrindex.Peaks, error) {
	m = m.Clone()
	for _, s := range spans {
		if err := m.Merge(s.r, nil); err != nil {
			return m, err
		}
	}
	return m, nil
}

// confirmed gathers spans that another one follows.
func (t *Transfer) confirmed(left mmrindex.Peaks, spans []*span) (*VerifiedPages, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	bytes, leaves := 0, 0
	for _, s := range spans {
		bytes, leaves = bytes+len(s.bytes), leaves+len(s.leaves)
	}
	v := &VerifiedPages{
		Info: t.info, Head: t.head, Left: left, Root: t.left.Root(), Time: spans[len(spans)-1].judged.time, Bytes: t.room(bytes), Leaves: make([]digest.Hash, 0, leaves),
		Seals: make([]messages.Seal, 0, len(spans)), Trees: make([][]digest.Hash, 0, len(spans)),
	}
	skip := uint32(0)
	for _, s := range spans {
		if skip += uint32(s.seal.Pages); s.image {
			v.Images = append(v.Images, s.runImage(skip-uint32(s.seal.Pages)))
			skip = 0
		}
		v.Bytes = append(v.Bytes, s.bytes...)
		v.Seals = append(v.Seals, s.seal)
		v.Leaves = append(v.Leaves, s.leaves...)
		v.Trees = append(v.Trees, s.tree)
	}
	var err error
	v.Right, err = t.rightOfHeld()
	return v, err
}

// room returns an empty buffer for n bytes.
func (t *Transfer) room(n int) []byte {
	if t.Room != nil {
		if b := t.Room(n); b != nil {
			return b[:0]
		}
	}
	return make([]byte, 0, n)
}

// rightOfHeld proves everything before the page that is held back.
func (t *Transfer) rightOfHeld() ([]digest.Hash, error) {
	r := t.held.r.Clone()
	err := r.Merge(merkleindex.CompactRange{Begin: t.next, End: t.head.Size, Hashes: t.right}, nil)
	return r.Hashes, err
}

// Events verifies events that follow the pages.
func (t *Transfer) Events(m *messages.Events) (*Verified, error) {
	if t.closed != 0 {
		return nil, ErrClosed
	}
	if m.Log != t.info.Log || m.First != t.next {
		return nil, violation(messages.CodeBadRange, "events from %d of log %s, want %d of log %s", m.First, m.Log.Short(), t.next, t.info.Log.Short())
	}
	v, after, err := verifyEvents(t.info, m, t.next, t.time, t.m, t.Erasable)
	if err != nil {
		return nil, t.judge(err, m.Head)
	}
	if err := continues(t.own, t.m, v.Leaves, v.Head); err != nil {
		return nil, err
	}
	t.m, t.next, t.head, t.right, t.time, t.closed = after, t.next+uint64(v.Count), v.Head, v.Right, v.Time, v.Closed
	return &v, nil
}

// judge tells a peer that broke a rule from one that holds another history: so
// long as all that is before comes from the store, it may be either.
func (t *Transfer) judge(err error, theirs messages.Head) error {
	if t.next == t.own.SealedSize && t.held == nil {
		if c := conflict(err, t.own, t.m, theirs); c != nil {
			return c
		}
	}
	return err
}

// Rest returns the events of the page that was held back, to be stored before
// any that follow, or nil. An image cannot be stored as events: the error is
// then an *ErasedError, and Last returns it as a page.
func (t *Transfer) Rest() (*Verified, error) {
	s := t.held
	if s == nil {
		return nil, nil
	}
	if s.image {
		return nil, &ErasedError{Log: t.info.Log, First: s.seal.First, End: s.seal.End()}
	}
	t.held = nil
	records, err := s.records(int(t.info.PageBytes))
	return &Verified{
		Info: t.info, First: s.seal.First, Count: s.seal.Count, Records: records[:min(s.judged.bytes, len(records))], Leaves: s.leaves,
		Head: t.head, Right: t.right, Left: t.left, Root: t.m.Root(), Time: t.time, Closed: t.closed,
	}, err
}
