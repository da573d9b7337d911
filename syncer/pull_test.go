// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// pagedLog is a node with a log of some pages, of which pages 3 to 6 are one
// large event.
func pagedLog() (*pageTwin, *pageLog) {
	w := newPageTwin(200)
	l := w.own(201)
	for i := range 60 {
		size := 600
		if i == 19 {
			size = 15_000
		}
		l.add(twinRecord(size, fmt.Sprint("event ", i)))
	}
	l.SignAll()
	return w, l
}

// responseOf is an honest answer with pages [from, from+count).
func responseOf(w *pageTwin, l *pageLog, from, count uint64) (*messages.PageResponse, []byte) {
	run, err := w.Pages(l.info.Log, from, count)
	if err != nil {
		panic(err)
	}
	return &messages.PageResponse{
		Log: l.info.Log, From: from, Count: uint32(len(run.Pages)), FirstSeq: run.FirstSeq, EndSeq: run.EndSeq,
		PageBytes: twinPage, Head: wireHead(run.Head), Right: run.Right, More: true,
	}, slices.Concat(run.Pages...)
}

func transferOf(t testing.TB, st Store, l *pageLog) *Transfer {
	t.Helper()
	tr, err := NewTransfer(st, Pull{Info: l.info})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// take gives a transfer one response. The pages stay the caller's, which reads others
// into the same buffer.
func take(tr *Transfer, m *messages.PageResponse, pages []byte) (*VerifiedPages, error) {
	if _, err := tr.Announced(m); err != nil {
		return nil, err
	}
	buf := slices.Clone(pages)
	defer clear(buf)
	return tr.Pages(m, buf)
}

func mustViolate(t testing.TB, err error, want messages.Code) {
	t.Helper()
	var v *Violation
	if !errors.As(err, &v) || v.Code != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestTransfer(t *testing.T) {
	w, l := pagedLog()
	st := newPageTwin(1)
	tr := transferOf(t, st, l)
	end := uint64(len(l.Pages()))
	for from := uint64(0); from < end; {
		m, pages := responseOf(w, l, from, 3)
		v, err := take(tr, m, pages)
		if err != nil {
			t.Fatal(err)
		}
		if v != nil {
			if err := st.ingestPages(t, v); err != nil {
				t.Fatal(err)
			}
		}
		from += uint64(m.Count)
	}
	rest, err := tr.Rest()
	if err != nil || rest == nil {
		t.Fatal(rest, err)
	}
	if err := st.ingest(*rest); err != nil {
		t.Fatal(err)
	}
	tail, err := tr.Events(w.eventsOf(l, tr.next, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if err := st.ingest(*tail); err != nil {
		t.Fatal(err)
	}
	got := st.logs[l.info.Log]
	if !slices.EqualFunc(got.Pages(), l.Pages(), bytes.Equal) || len(got.Leaves) != 60 {
		t.Errorf("%d events and %d pages, want 60 and %d, the same", len(got.Leaves), len(got.Pages()), len(l.Pages()))
	}
}

func TestHostileResponse(t *testing.T) {
	w, l := pagedLog()
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(m *messages.PageResponse, p []byte) []byte
	}{
		"another log":           {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.Log[0] ^= 1; return p }},
		"another page size":     {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.PageBytes *= 2; return p }},
		"another page":          {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.From++; return p }},
		"another first event":   {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.FirstSeq++; return p }},
		"another end":           {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.EndSeq--; return p }},
		"no pages":              {messages.CodeLimit, func(m *messages.PageResponse, p []byte) []byte { m.Count = 0; return p }},
		"too many pages":        {messages.CodeLimit, func(m *messages.PageResponse, p []byte) []byte { m.Count = 1 << 16; return p }},
		"a root":                {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { m.Head.Root[0] ^= 1; return p }},
		"a signature":           {messages.CodeBadHead, func(m *messages.PageResponse, p []byte) []byte { m.Head.Sig[0] ^= 1; return p }},
		"a smaller head":        {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.Head.Size = m.EndSeq - 1; return p }},
		"a larger head":         {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.Head.Size++; return p }},
		"a right hash":          {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte { m.Right[0][1] ^= 1; return p }},
		"a right hash too few":  {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.Right = m.Right[1:]; return p }},
		"a right hash too many": {messages.CodeBadRange, func(m *messages.PageResponse, p []byte) []byte { m.Right = append(m.Right, digest.Hash{}); return p }},
		"a byte of a page":      {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte { p[700] ^= 1; return p }},
		"a byte of a payload, checksummed": {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte {
			p[500] ^= 1
			checksummed(p[:twinPage])
			return p
		}},
		"zeros, checksummed": {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte {
			clear(p[:twinPage])
			checksummed(p[:twinPage])
			return p
		}},
		"the first page again": {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte {
			copy(p[twinPage:], p[:twinPage])
			return p
		}},
		"a page's version":        {messages.CodeBadPage, header(0, 4, 9)},
		"a page's kind":           {messages.CodeBadPage, header(0, 5, segwriter.KindContinuation)},
		"a page's count":          {messages.CodeBadPage, header(0, 6, 5)},
		"a page's first event":    {messages.CodeBadPage, header(1, 8, 1)},
		"a page's used bytes":     {messages.CodeBadPage, header(0, 16, 1)},
		"a page's span":           {messages.CodeBadPage, header(0, 20, 2)},
		"a page's index":          {messages.CodeBadPage, header(1, 24, 7)},
		"a group's span, shorter": {messages.CodeBadPage, header(3, 20, 3)},
		"a group's span, longer":  {messages.CodeBadPage, header(3, 20, 200)},
		"a group's middle":        {messages.CodeBadPage, header(4, 20, 3)},
		"bytes behind the last record": {messages.CodeBadPage, func(_ *messages.PageResponse, p []byte) []byte {
			p[twinPage-1] = 1
			checksummed(p[:twinPage])
			return p
		}},
		"a group cut short": {messages.CodeBadPage, func(m *messages.PageResponse, p []byte) []byte {
			m.Count, m.EndSeq = 6, 19
			return p[:6*twinPage]
		}},
		"a payload left out": {messages.CodeBadPage, erase},
	} {
		t.Run(name, func(t *testing.T) {
			tr := transferOf(t, newPageTwin(1), l)
			m, pages := responseOf(w, l, 0, 8)
			v, err := take(tr, m, c.spoil(m, pages))
			mustViolate(t, err, c.want)
			if v != nil {
				t.Error("something of it is let through")
			}
		})
	}
}

// header sets one byte of a page's header and makes its checksum fit.
func header(page, at int, b byte) func(*messages.PageResponse, []byte) []byte {
	return func(_ *messages.PageResponse, p []byte) []byte {
		one := p[page*twinPage : (page+1)*twinPage]
		if one[at] == b {
			panic("the byte is that already")
		}
		one[at] = b
		checksummed(one)
		return p
	}
}

// erase leaves the payload of the first record out; it hashes the same.
func erase(_ *messages.PageResponse, p []byte) []byte {
	used := int(binary.LittleEndian.Uint32(p[16:]))
	r, n, err := event.DecodeRecord(p[segwriter.PageHeaderBytes:])
	if err != nil {
		panic(err)
	}
	records := append(r.AppendErased(nil), p[segwriter.PageHeaderBytes+n:segwriter.PageHeaderBytes+used]...)
	clear(p[segwriter.PageHeaderBytes:twinPage])
	copy(p[segwriter.PageHeaderBytes:], records)
	binary.LittleEndian.PutUint32(p[16:], uint32(len(records)))
	checksummed(p[:twinPage])
	return p
}

// loose packs a log's records otherwise than the rule says: page early is
// sealed one record too soon. The tree is the same, and the author signed it.
func (l *pageLog) loose(early int) (pages [][]byte, ends []uint64) {
	b := segwriter.NewBuilder(twinPage, 0, 0)
	emit := func(_ uint64, page []byte, s segwriter.Seal) error {
		pages, ends = append(pages, slices.Clone(page)), append(ends, s.First+uint64(s.Count))
		return nil
	}
	for i, r := range l.Records {
		if len(pages) == early && uint64(i) == b.First()+3 {
			page := make([]byte, twinPage)
			rest := copy(page[segwriter.PageHeaderBytes:], b.OpenRecords())
			page[4], page[5], page[6] = 1, segwriter.KindRecords, 3
			binary.LittleEndian.PutUint64(page[8:], b.First())
			binary.LittleEndian.PutUint32(page[16:], uint32(rest))
			binary.LittleEndian.PutUint32(page[20:], 1)
			binary.LittleEndian.PutUint64(page[24:], uint64(early))
			pages, ends = append(pages, checksummed(page)), append(ends, uint64(i))
			b = segwriter.NewBuilder(twinPage, uint64(early+1), uint64(i))
		}
		if err := b.Add(r, emit); err != nil {
			panic(err)
		}
	}
	return pages, ends
}

// Pages that are true but packed otherwise are refused, within a run and where
// two runs meet; else honest peers would hold different pages for ever.
func TestLoosePacking(t *testing.T) {
	_, l := pagedLog()
	answer := func(pages [][]byte, ends []uint64, from, to int) (*messages.PageResponse, []byte) {
		first := uint64(0)
		if from > 0 {
			first = ends[from-1]
		}
		return &messages.PageResponse{
			Log: l.info.Log, From: uint64(from), Count: uint32(to - from), FirstSeq: first, EndSeq: ends[to-1],
			PageBytes: twinPage, Head: wireHead(l.Head), Right: l.rightOf(ends[to-1]),
		}, slices.Concat(pages[from:to]...)
	}
	for early := range 3 {
		pages, ends := l.loose(early)
		m, b := answer(pages, ends, 0, early+2)
		_, err := take(transferOf(t, newPageTwin(1), l), m, b)
		mustViolate(t, err, messages.CodeBadPage)

		tr := transferOf(t, newPageTwin(1), l) // the early page ends a run
		m, b = answer(pages, ends, 0, early+1)
		v, err := take(tr, m, b)
		if err != nil {
			t.Fatalf("page %d: a last page may be short, it is held back: %v", early, err)
		}
		if v != nil && v.Seals[len(v.Seals)-1].Page >= uint64(early) {
			t.Errorf("page %d is confirmed before anything follows it", early)
		}
		m, b = answer(pages, ends, early+1, early+2)
		_, err = take(tr, m, b)
		mustViolate(t, err, messages.CodeBadPage)
	}
}

func TestHostileTail(t *testing.T) {
	w, l := pagedLog()
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(m *messages.Events)
	}{
		"a gap":         {messages.CodeBadRange, func(m *messages.Events) { m.First++ }},
		"a repetition":  {messages.CodeBadRange, func(m *messages.Events) { m.First-- }},
		"another log":   {messages.CodeBadRange, func(m *messages.Events) { m.Log[0] ^= 1 }},
		"a byte":        {messages.CodeBadEvents, func(m *messages.Events) { m.Records[100] ^= 1 }},
		"a root":        {messages.CodeBadEvents, func(m *messages.Events) { m.Head.Root[0] ^= 1 }},
		"a signature":   {messages.CodeBadHead, func(m *messages.Events) { m.Head.Sig[0] ^= 1 }},
		"past the head": {messages.CodeBadRange, func(m *messages.Events) { m.Head.Size = 50 }},
	} {
		tr := transferOf(t, newPageTwin(1), l)
		m, pages := responseOf(w, l, 0, 100)
		if _, err := take(tr, m, pages); err != nil {
			t.Fatal(err)
		}
		tail := w.eventsOf(l, tr.next, 1<<20)
		c.spoil(tail)
		v, err := tr.Events(tail)
		var got *Violation
		if !errors.As(err, &got) || got.Code != c.want || v != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A transfer does not put another history, signed by the same author, in the
// place of events that are held and not in a full page yet.
func TestTransferOfAnotherHistory(t *testing.T) {
	for name, sealed := range map[string]bool{"an open page": false, "full pages": true} {
		w, l := pagedLog()
		st := newPageTwin(1)
		held := newPageTwin(200).own(201)
		same := 3
		if sealed {
			same = 30
		}
		for _, r := range l.Records[:same] {
			held.add(r)
		}
		held.add(twinRecord(20, "another history"))
		held.Key = l.Key
		held.SignAll()
		held.info.Own = false
		st.put(held)

		tr := transferOf(t, st, l)
		m, pages := responseOf(w, l, tr.page, 100)
		_, err := take(tr, m, pages)
		var c *Conflict
		if !errors.As(err, &c) || c.Theirs != l.Head || c.Ours != held.Head {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
	// and where not even the full pages are the same
	w, l := pagedLog()
	st := newPageTwin(1)
	held := newPageTwin(200).own(201)
	held.add(twinRecord(600, "EVENT 0"))
	for _, r := range l.Records[1:10] {
		held.add(r)
	}
	held.SignAll()
	st.logs[l.info.Log] = held
	tr := transferOf(t, st, l)
	if tr.page == 0 {
		t.Fatal("no full page is held")
	}
	m, pages := responseOf(w, l, tr.page, 100)
	_, err := take(tr, m, pages)
	var c *Conflict
	if !errors.As(err, &c) || c.Theirs != l.Head {
		t.Errorf("other full pages: %v, want a conflict", err)
	}
	m.Head = wireHead(proof.Head{Log: l.info.Log, Size: l.Head.Size, Root: l.Head.Root})
	_, err = take(transferOf(t, st, l), m, pages)
	mustViolate(t, err, messages.CodeBadPage)
}
