// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A fate is what an honest peer did to an event.
type fate int

const (
	whole fate = iota
	headerOnly
	hashOnly
)

// item is what is left of an event.
func (l *pageLog) item(seq uint64, f fate) segwriter.Item {
	it := segwriter.Item{First: seq, Count: 1, Records: l.Records[seq]}
	r, _, err := event.DecodeRecord(it.Records)
	if err != nil {
		panic(err)
	}
	switch f {
	case headerOnly:
		it.Records = r.AppendErased(nil)
	case hashOnly:
		it.Records, it.Hashes = nil, []digest.Hash{l.Leaves[seq]}
	}
	return it
}

// erasedRun is an honest answer of a peer that erased what fates say.
func erasedRun(w *pageTwin, l *pageLog, from, count uint64, fates []fate) (*messages.PageResponse, []byte) {
	m, pages := responseOf(w, l, from, count)
	var out []byte
	skip := uint32(0)
	for _, s := range l.Seals() {
		if s.Page < from || s.Page >= from+uint64(m.Count) {
			continue
		}
		bytes := pages[int(s.Page-from)*twinPage:][:s.Pages*twinPage]
		end := s.First + uint64(s.Count)
		if !slices.ContainsFunc(fates[s.First:end], func(f fate) bool { return f != whole }) {
			out, skip = append(out, bytes...), skip+uint32(s.Pages)
			continue
		}
		var items []segwriter.Item
		for seq := s.First; seq < end; seq++ {
			items = append(items, l.item(seq, fates[seq]))
		}
		image, err := segwriter.AppendImage(nil, segwriter.PageHeader{Index: s.Page, First: s.First, Span: s.Pages}, twinPage, items)
		if err != nil {
			panic(err)
		}
		m.Images = append(m.Images, messages.RunImage{Skip: skip, Pages: uint32(s.Pages), Bytes: uint32(len(image))})
		out, skip = append(out, image...), 0
	}
	return m, out
}

func someFates(rnd *rand.Rand, n int) []fate {
	fates := make([]fate, n)
	for i := 0; i < n; {
		f, run := fate(rnd.IntN(3)), 1+rnd.IntN(9)
		for ; i < n && run > 0; i, run = i+1, run-1 {
			fates[i] = f
		}
	}
	return fates
}

// allowed says that exactly what fates say may be erased.
func allowed(fates []fate) Erasable {
	return func(_ digest.Hash, first, end uint64) bool {
		return !slices.Contains(fates[first:end], whole)
	}
}

// Erased pages that nothing covers are missing: nobody is blamed, nothing is let
// through, and the same transfer takes the pages from another peer.
func TestErasedPagesAreMissing(t *testing.T) {
	w, l := pagedLog()
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		fates := someFates(rnd, len(l.Leaves))
		tr := transferOf(t, newPageTwin(1), l)
		for from := uint64(0); from < uint64(len(l.Pages())); {
			m, pages := erasedRun(w, l, from, 3, fates)
			v, err := take(tr, m, pages)
			if len(m.Images) > 0 {
				var broke *Violation
				if !errors.Is(err, ErrErased) || !errors.Is(err, ErrUnwanted) || errors.As(err, &broke) || v != nil {
					t.Fatalf("seed %d page %d: %v, %v", seed, from, v, err)
				}
				m, pages = responseOf(w, l, from, 3)
				v, err = take(tr, m, pages)
			}
			if err != nil || v != nil && len(v.Images) > 0 {
				t.Fatalf("seed %d page %d: %v", seed, from, err)
			}
			from += uint64(m.Count)
		}
	}
}

// Erased pages that are covered are taken: with their leaves and nodes as far as
// they are known, under the same root.
func TestErasedPagesThatAreCovered(t *testing.T) {
	w, l := pagedLog()
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		fates := someFates(rnd, len(l.Leaves))
		tr := transferOf(t, newPageTwin(1), l)
		tr.Erasable = allowed(fates)
		for from := uint64(0); from < uint64(len(l.Pages())); {
			m, pages := erasedRun(w, l, from, 1+rnd.Uint64N(4), fates)
			v, err := take(tr, m, pages)
			if err != nil {
				t.Fatalf("seed %d page %d: %v", seed, from, err)
			}
			if v != nil {
				sameErased(t, w, l, v, fates)
			}
			from += uint64(m.Count)
		}
		if rest, err := tr.Rest(); tr.held != nil && tr.held.image {
			if !errors.Is(err, ErrErased) || rest != nil {
				t.Fatalf("seed %d: the last page as events: %v", seed, err)
			}
			sameErased(t, w, l, tr.Last(), fates)
		} else if err != nil || rest == nil {
			t.Fatal(err)
		}
	}
}

func sameErased(t *testing.T, w *pageTwin, l *pageLog, v *VerifiedPages, fates []fate) {
	t.Helper()
	first, last := v.Seals[0], v.Seals[len(v.Seals)-1]
	m, pages := erasedRun(w, l, first.Page, last.Page+uint64(last.Pages)-first.Page, fates)
	if !slices.Equal(v.Bytes, pages) || !slices.Equal(v.Images, m.Images) {
		t.Fatalf("other pages from %d on, images %v, want %v", first.Page, v.Images, m.Images)
	}
	known := 0
	for i, h := range v.Leaves {
		if h == l.Leaves[first.First+uint64(i)] {
			known++
		} else if h != (digest.Hash{}) || fates[first.First+uint64(i)] != hashOnly {
			t.Fatalf("leaf %d is %v", first.First+uint64(i), h)
		}
	}
	if m := l.Peaks(last.End()); v.Root != m.Root() && v.Root != (digest.Hash{}) || known == 0 && len(v.Leaves) > 8 && !slices.Contains(fates[first.First:last.End()], hashOnly) {
		t.Fatal("another root, or no leaf is known")
	}
}

// An image that a liar changed is a violation, covered or not.
func TestHostileImages(t *testing.T) {
	w, l := pagedLog()
	fates := make([]fate, len(l.Leaves))
	fates[0], fates[1], fates[2], fates[19] = headerOnly, hashOnly, hashOnly, headerOnly
	reseal := func(m *messages.PageResponse, p []byte) []byte {
		image := p[:m.Images[0].Bytes]
		binary.LittleEndian.PutUint32(image[16:], uint32(len(image)-segwriter.PageHeaderBytes))
		checksummed(image)
		return p
	}
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(m *messages.PageResponse, p []byte) []byte
	}{
		"a byte":             {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte { p[40] ^= 1; return p }},
		"the erased payload": {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { p[32+4+12+1] ^= 1; return reseal(m, p) }},
		"a hash of a range":  {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { p[32+4+45+4] ^= 1; return reseal(m, p) }},
		"another page":       {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { p[24]++; return reseal(m, p) }},
		"another event":      {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { p[8]++; return reseal(m, p) }},
		"no image":           {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { p[5] = 1; return reseal(m, p) }},
		"another place": {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte {
			m.Images[0].Skip, m.Images[1].Skip = 1, m.Images[1].Skip-1
			return p
		}},
		"another length": {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte {
			m.Images[0].Bytes++
			return append(p, 0)
		}},
		"too short": {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte { return p[:len(p)-1] }},
		"no pages":  {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte { return nil }},
	} {
		for _, may := range []Erasable{nil, anything} {
			tr := transferOf(t, newPageTwin(1), l)
			tr.Erasable = may
			m, pages := erasedRun(w, l, 0, 8, fates)
			if len(m.Images) != 2 {
				t.Fatal(m.Images)
			}
			v, err := tr.Pages(m, c.spoil(m, pages))
			if v != nil {
				t.Errorf("%s: something is let through", name)
			}
			var broke *Violation
			if !errors.As(err, &broke) || broke.Code != c.want {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
}

// A run of few bytes may not stand for more leaves than pages of so many bytes.
func TestRunOfManyErasedPages(t *testing.T) {
	info := LogInfo{PageBytes: 65536}
	m := &messages.PageResponse{PageBytes: 65536, Count: 385, Images: []messages.RunImage{{Pages: 385, Bytes: 100}}}
	if _, err := AnnouncedRun(info, 0, m); err == nil {
		t.Error("taken")
	}
	m.Count, m.Images[0].Pages = 384, 384
	if n, err := AnnouncedRun(info, 0, m); err != nil || n != 100 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// Events of which some are erased are missing: the log is left alone with that
// peer, which is not to blame.
func TestErasedEvents(t *testing.T) {
	w := newPageTwin(200)
	l := w.own(201)
	for range 12 {
		l.write(300, "event")
	}
	eraseEvent := func(m *messages.Events) *messages.Events {
		r, n, err := event.DecodeRecord(m.Records)
		if err != nil {
			t.Fatal(err)
		}
		m.Records = append(r.AppendErased(nil), m.Records[n:]...)
		return m
	}
	v := newVictim(t, newPageTwin(1), Limits{})
	fail, outs := v.hears(t, eraseEvent(w.eventsOf(l, 0, 4000)))
	if fail != nil || len(v.st.logs) != 0 || !slices.ContainsFunc(outs, func(o Output) bool {
		a, ok := o.(LeftAlone)
		return ok && a.Log == l.info.Log && errors.Is(a.Why, ErrErased)
	}) {
		t.Fatalf("%v, %d logs, %v", fail, len(v.st.logs), outs)
	}
	lie := eraseEvent(w.eventsOf(l, 0, 4000))
	lie.Records[14] ^= 1
	fail, _ = newVictim(t, newPageTwin(1), Limits{}).hears(t, lie)
	mustFail(t, fail, messages.CodeBadEvents)

	m := eraseEvent(w.eventsOf(l, 0, 4000))
	for _, may := range []Erasable{nil, func(_ digest.Hash, first, end uint64) bool { return first == 0 && end == 1 }} {
		got, _, err := verifyEvents(l.info, m, 0, 0, l.Peaks(0), may)
		if errors.Is(err, ErrErased) != (may == nil) || may != nil && (err != nil || got.Count != int(m.Count)) {
			t.Errorf("%d events, %v", got.Count, err)
		}
	}
}

// So it is with ranges.
func TestErasedRange(t *testing.T) {
	_, l := peerLog(40)
	m := l.rangeResponse(13, 25)
	eraseFirst(t, m)
	if _, err := VerifyRange(l.wanted(), m); !errors.Is(err, ErrErased) {
		t.Error(err)
	}
	v, err := verifyRange(l.wanted(), m, func(_ digest.Hash, first, end uint64) bool { return first == 13 && end == 14 })
	if err != nil || v.Count != 12 {
		t.Error(err)
	}
	m.Records[20] ^= 1
	_, err = VerifyRange(l.wanted(), m)
	mustViolate(t, err, messages.CodeBadEvents)
}
