// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// rangeResponse is the honest answer with the events [from, to).
func (l *pageLog) rangeResponse(from, to uint64) *messages.RangeResponse {
	return &messages.RangeResponse{
		Log: l.info.Log, Author: l.info.Author, PageBytes: l.info.PageBytes, First: from, Count: uint32(to - from),
		Head: wireHead(l.Head), Left: l.Peaks(from).Hashes(), Right: l.rightOf(to), Records: bytes.Join(l.Records[from:to], nil),
	}
}

// wanted is what a log is known by before anything of it came.
func (l *pageLog) wanted() LogInfo { return LogInfo{Log: l.info.Log, Topic: twinTopic.ID()} }

// Every part of a log is proven by itself, and so is every part of a part.
func TestRangeOfAnyPart(t *testing.T) {
	_, l := peerLog(21)
	for from := uint64(0); from <= 21; from++ {
		for to := from; to <= 21; to++ {
			v, err := VerifyRange(l.wanted(), l.rangeResponse(from, to))
			if err != nil {
				t.Fatalf("[%d, %d): %v", from, to, err)
			}
			if v.Info.Author != l.info.Author || v.End() != to || !slices.Equal(v.Leaves, l.Leaves[from:to]) {
				t.Fatalf("[%d, %d) came as [%d, %d)", from, to, v.First, v.End())
			}
			a := from + (to-from)/3
			for b := a; b <= to; b++ {
				part, err := v.Cut(a, b)
				if err != nil {
					t.Fatal(err)
				}
				got, want := mustAppendFrame(t, part.Message()), mustAppendFrame(t, l.rangeResponse(a, b))
				if !bytes.Equal(got, want) || !slices.Equal(part.Leaves, l.Leaves[a:b]) {
					t.Fatalf("[%d, %d) cut out of [%d, %d) differs from itself", a, b, from, to)
				}
			}
		}
	}
	v, err := VerifyRange(l.wanted(), l.rangeResponse(5, 10))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][2]uint64{{4, 8}, {5, 11}, {8, 7}} {
		if _, err := v.Cut(bad[0], bad[1]); err == nil {
			t.Errorf("cut %v out of [5, 10)", bad)
		}
	}
}

func mustAppendFrame(t testing.TB, m messages.Message) []byte {
	t.Helper()
	f, err := messages.AppendFrame(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever is changed in a response is found out, with the code that tells it.
func TestHostileRange(t *testing.T) {
	_, l := peerLog(40)
	other := twinTopic.AuthorOf(identity.Seed{202})
	resigned := func(m *messages.RangeResponse, key ed25519.PrivateKey) {
		h := proof.Sign(key, l.info.Log, m.Head.Size, m.Head.Root)
		m.Head = wireHead(h)
	}
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(m *messages.RangeResponse)
	}{
		"log":                   {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Log[3] ^= 1 }},
		"author":                {messages.CodeBadHead, func(m *messages.RangeResponse) { m.Author[3] ^= 1 }},
		"page size":             {messages.CodeBadHead, func(m *messages.RangeResponse) { m.PageBytes *= 2 }},
		"first, one more":       {messages.CodeBadRange, func(m *messages.RangeResponse) { m.First++ }},
		"first, one fewer":      {messages.CodeBadRange, func(m *messages.RangeResponse) { m.First-- }},
		"count, one more":       {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Count++ }},
		"count, one fewer":      {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Count-- }},
		"head's size, one more": {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Head.Size++ }},
		"head's size of a twin": {messages.CodeBadHead, func(m *messages.RangeResponse) { *m = *l.rangeResponse(0, 40); m.Head.Sig[0] ^= 1 }},
		"head's root":           {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Head.Root[0] ^= 1 }},
		"head's signature":      {messages.CodeBadHead, func(m *messages.RangeResponse) { m.Head.Sig[9] ^= 1 }},
		"head of somebody else": {messages.CodeBadHead, func(m *messages.RangeResponse) { resigned(m, other) }},
		"head of no events": {messages.CodeBadRange, func(m *messages.RangeResponse) {
			*m = messages.RangeResponse{Log: m.Log, Author: m.Author, PageBytes: m.PageBytes}
		}},
		"signed, another root": {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Head.Root[0] ^= 1; resigned(m, l.Key) }},
		"left":                 {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Left[0][0] ^= 1 }},
		"left, a hash more":    {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Left = append(m.Left, digest.Hash{}) }},
		"left, a hash fewer":   {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Left = m.Left[1:] }},
		"right":                {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Right[0][0] ^= 1 }},
		"right, a hash more":   {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Right = append(m.Right, digest.Hash{}) }},
		"right, a hash fewer":  {messages.CodeBadRange, func(m *messages.RangeResponse) { m.Right = m.Right[1:] }},
		"a record":             {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Records[20] ^= 1 }},
		"a byte more":          {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Records = append(m.Records, 0) }},
		"a byte fewer":         {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Records = m.Records[:len(m.Records)-1] }},
		"another order": {messages.CodeBadEvents, func(m *messages.RangeResponse) {
			m.Records = bytes.Join([][]byte{l.Records[14], l.Records[13]}, nil)
			m.Records = append(m.Records, bytes.Join(l.Records[15:25], nil)...)
		}},
		"right place, wrong part": {messages.CodeBadEvents, func(m *messages.RangeResponse) { m.Records = bytes.Join(l.Records[12:24], nil) }},
	} {
		m := l.rangeResponse(13, 25)
		c.spoil(m)
		_, err := VerifyRange(l.wanted(), m)
		var v *Violation
		if !errors.As(err, &v) || v.Code != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func eraseFirst(t testing.TB, m *messages.RangeResponse) {
	t.Helper()
	r, n, err := event.DecodeRecord(m.Records)
	if err != nil {
		t.Fatal(err)
	}
	m.Records = append(r.AppendErased(nil), m.Records[n:]...)
}

// Only what was asked for may come: the head, then chunks in their order.
func TestRangePullOrder(t *testing.T) {
	_, l := peerLog(40)
	head := l.rangeResponse(40, 40)
	chunk := func(from, to uint64) *messages.RangeResponse { return l.rangeResponse(from, to) }
	for name, c := range map[string]struct {
		req  messages.RangeRequest
		come []*messages.RangeResponse
		good int // that are taken
	}{
		"in order":          {messages.RangeRequest{From: 5, To: 30}, []*messages.RangeResponse{head, chunk(5, 9), chunk(12, 30)}, 3},
		"backwards":         {messages.RangeRequest{From: 5, Newest: true}, []*messages.RangeResponse{head, chunk(20, 40), chunk(5, 9)}, 3},
		"no head":           {messages.RangeRequest{}, []*messages.RangeResponse{chunk(5, 9)}, 0},
		"two heads":         {messages.RangeRequest{}, []*messages.RangeResponse{head, head}, 1},
		"before":            {messages.RangeRequest{From: 5}, []*messages.RangeResponse{head, chunk(4, 9)}, 1},
		"behind":            {messages.RangeRequest{To: 30}, []*messages.RangeResponse{head, chunk(4, 31)}, 1},
		"again":             {messages.RangeRequest{}, []*messages.RangeResponse{head, chunk(4, 9), chunk(8, 10)}, 2},
		"again, backwards":  {messages.RangeRequest{Newest: true}, []*messages.RangeResponse{head, chunk(8, 10), chunk(4, 9)}, 2},
		"in the wrong one":  {messages.RangeRequest{Newest: true}, []*messages.RangeResponse{head, chunk(4, 9), chunk(9, 12)}, 2},
		"more than wanted":  {messages.RangeRequest{Limit: 10}, []*messages.RangeResponse{head, chunk(0, 8), chunk(8, 11)}, 2},
		"as many as wanted": {messages.RangeRequest{Limit: 10}, []*messages.RangeResponse{head, chunk(0, 8), chunk(8, 10)}, 3},
	} {
		p := NewRangePull(l.wanted(), &c.req)
		for i, m := range c.come {
			_, err := p.Take(m)
			if (err == nil) != (i < c.good) {
				t.Errorf("%s: response %d: %v", name, i, err)
			}
			if err != nil {
				mustViolate(t, err, messages.CodeBadRange)
				break
			}
		}
	}
}

// A rangeTwin holds parts of a log.
type rangeTwin struct {
	*pageTwin
	l    *pageLog
	held []Span
}

func (w *rangeTwin) Held(digest.Hash) ([]Span, error) { return w.held, nil }

func (w *rangeTwin) Newest(digest.Hash) (*Range, error) {
	if len(w.held) == 0 {
		return nil, ErrNothingHeld
	}
	end := w.held[len(w.held)-1].End
	return VerifyRange(w.l.wanted(), w.l.rangeResponse(end, end))
}

func (w *rangeTwin) Chunk(_ digest.Hash, s Span, backwards bool) (*Range, error) {
	if backwards {
		s.First = max(s.First, s.End-min(s.End, 4))
	}
	return VerifyRange(w.l.wanted(), w.l.rangeResponse(s.First, min(s.End, s.First+4)))
}

// randomSpans are parts of [0, n) that do not touch.
func randomSpans(r *rand.Rand, n uint64) (all []Span) {
	for at := r.Uint64N(5); at < n; {
		s := Span{at, min(n, at+1+r.Uint64N(9))}
		all = append(all, s)
		at = s.End + 1 + r.Uint64N(6)
	}
	return all
}

// The answer is what is held of what was asked for, counted from the side
// that was asked for.
func TestServeRange(t *testing.T) {
	_, l := peerLog(60)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		w := &rangeTwin{pageTwin: newPageTwin(1), l: l, held: randomSpans(r, 60)}
		w.logs[l.info.Log] = l
		if len(w.held) == 0 {
			continue
		}
		req := &messages.RangeRequest{Log: l.info.Log, From: r.Uint64N(70), Newest: i%2 == 0, Limit: r.Uint64N(3) * r.Uint64N(20)}
		if i%3 > 0 {
			req.To = req.From + r.Uint64N(40)
		}
		var got []uint64
		for _, v := range served(t, w, req) {
			part := make([]uint64, 0, v.Count)
			for seq := v.First; seq < v.End(); seq++ {
				part = append(part, seq)
			}
			if req.Newest {
				slices.Reverse(part)
			}
			got = append(got, part...)
		}
		if want := naiveServed(w.held, req); !slices.Equal(got, want) {
			t.Fatalf("%+v of %v: served %v, want %v", req, w.held, got, want)
		}
	}
}

func naiveServed(held []Span, req *messages.RangeRequest) (all []uint64) {
	for _, s := range held {
		for seq := s.First; seq < s.End; seq++ {
			if seq >= req.From && (req.To == 0 || seq < req.To) {
				all = append(all, seq)
			}
		}
	}
	if req.Newest {
		slices.Reverse(all)
	}
	if req.Limit > 0 && uint64(len(all)) > req.Limit {
		all = all[:req.Limit]
	}
	return all
}

// served asks and takes what comes, which must all be right.
func served(t testing.TB, w RangeSource, req *messages.RangeRequest) (all []*Range) {
	t.Helper()
	var b bytes.Buffer
	if _, err := ServeRange(&b, w, twinTopic.ID(), req); err != nil {
		t.Fatal(err)
	}
	p := NewRangePull(LogInfo{Log: req.Log, Topic: twinTopic.ID()}, req)
	for {
		body, err := messages.ReadFrame(&b, messages.MaxEventsFrame, nil)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := messages.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Take(m.(*messages.RangeResponse))
		if err != nil {
			t.Fatal(err)
		}
		if v.Count > 0 {
			all = append(all, v)
		}
	}
}

func TestServeRangeRefuses(t *testing.T) {
	_, l := peerLog(10)
	w := &rangeTwin{pageTwin: newPageTwin(1), l: l, held: []Span{{2, 4}}}
	w.logs[l.info.Log] = l
	for name, c := range map[string]struct{ topic, log digest.Hash }{
		"another topic": {digest.Hash{1}, l.info.Log},
		"unknown":       {twinTopic.ID(), digest.Hash{1}},
	} {
		_, err := ServeRange(io.Discard, w, c.topic, &messages.RangeRequest{Log: c.log})
		var v *Violation
		if !errors.As(err, &v) || v.Code != messages.CodeUnknownLog {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.held = nil
	_, err := ServeRange(io.Discard, w, twinTopic.ID(), &messages.RangeRequest{Log: l.info.Log})
	mustViolate(t, err, messages.CodeUnknownLog)
	l.fork = []byte("fork")
	_, err = ServeRange(io.Discard, w, twinTopic.ID(), &messages.RangeRequest{Log: l.info.Log})
	mustViolate(t, err, messages.CodeFrozen)
}

// A range that the prefix has reached follows it, or is of another history.
func TestRangeFollows(t *testing.T) {
	_, l := peerLog(30)
	_, fork := peerLog(12)
	for i := range 18 {
		fork.add(twinRecord(50, "of another history "+string(rune('a'+i))))
	}
	fork.SignAll()
	own := l.state()
	for next := uint64(10); next <= 20; next++ {
		v, err := VerifyRange(l.wanted(), l.rangeResponse(10, 20))
		if err != nil {
			t.Fatal(err)
		}
		own.Size, own.Root = next, l.Peaks(next).Root()
		got, err := v.Follow(own, next, 1, l.Peaks(next))
		if err != nil || got.First != next || !slices.Equal(got.Leaves, l.Leaves[next:20]) || !bytes.Equal(got.Records, bytes.Join(l.Records[next:20], nil)) {
			t.Errorf("from %d: %v, %d events from %d", next, err, got.Count, got.First)
		}
		var c *Conflict
		if _, err := v.Follow(fork.state(), next, 1, fork.Peaks(next)); (next > 12) != errors.As(err, &c) {
			t.Errorf("behind another history at %d: %v", next, err)
		}
	}
	v, err := VerifyRange(l.wanted(), l.rangeResponse(10, 20))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Fits(own, l.Peaks(20)); err != nil {
		t.Error(err)
	}
	var c *Conflict
	if err := v.Fits(own, fork.Peaks(20)); !errors.As(err, &c) || c.Theirs != l.Head {
		t.Error(err)
	}
	if err := v.Fits(own, mmrindex.Peaks{}); !errors.As(err, &c) {
		t.Error(err)
	}
}

// FuzzVerifyRange: what is taken is events of the log in their place, whatever
// was sent, as nobody else has its author's key.
func FuzzVerifyRange(f *testing.F) {
	_, l := peerLog(20)
	for _, s := range []Span{{0, 20}, {0, 3}, {7, 12}, {19, 20}, {20, 20}, {4, 4}} {
		f.Add(mustAppendFrame(f, l.rangeResponse(s.First, s.End))[4:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := messages.Decode(body)
		if err != nil {
			return
		}
		r, ok := m.(*messages.RangeResponse)
		if !ok {
			return
		}
		v, err := VerifyRange(l.wanted(), r)
		if err != nil {
			if !errors.As(err, new(*Violation)) {
				t.Fatal(err)
			}
			return
		}
		if v.Head != l.Head || v.End() > 20 || !slices.Equal(v.Leaves, l.Leaves[v.First:v.End()]) {
			t.Fatalf("[%d, %d) was taken", v.First, v.End())
		}
		again, err := VerifyRange(l.wanted(), v.Message())
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("again: %v", err)
		}
	})
}
