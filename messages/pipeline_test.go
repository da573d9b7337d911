// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

func mustPipeline(t testing.TB, m PipelineMessage) []byte {
	t.Helper()
	b, err := AppendPipeline(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPipelineRoundTrip(t *testing.T) {
	for typ := range pipelineTypes {
		for seed := range uint64(150) {
			want := newGen(seed).pipeline(typ)
			if want.PipelineType() != typ {
				t.Fatalf("%v says it is %v", typ, want.PipelineType())
			}
			b, err := AppendPipeline([]byte("before"), want)
			if err != nil || !bytes.HasPrefix(b, []byte("before")) {
				t.Fatalf("%v seed %d: %v, %.6q", typ, seed, err, b)
			}
			got, err := DecodePipeline(b[len("before"):])
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%v seed %d: %v\n got %+v\nwant %+v", typ, seed, err, got, want)
			}
		}
	}
}

// TestPipelineEveryField: a field that the codec forgets is zero after a round
// trip, whatever the generator makes of it.
func TestPipelineEveryField(t *testing.T) {
	for typ := range pipelineTypes {
		want := reflect.TypeOf(newGen(0).pipeline(typ)).Elem()
		seen := map[string]bool{}
		for seed := range uint64(100) {
			m, err := DecodePipeline(mustPipeline(t, newGen(seed).pipeline(typ)))
			if err != nil {
				t.Fatal(err)
			}
			v := reflect.ValueOf(m).Elem()
			for i := range v.NumField() {
				seen[want.Field(i).Name] = seen[want.Field(i).Name] || !v.Field(i).IsZero()
			}
		}
		for i := range want.NumField() {
			if name := want.Field(i).Name; seen[name] == (name == "Done" || name == "Recycle" || name == "IDs") { // these stay in the process
				t.Errorf("%v.%s: set after a round trip: %v", typ, name, seen[name])
			}
		}
	}
}

func TestPipelineNumbers(t *testing.T) {
	if len(pipelineTypes) != len(pipelineKinds) {
		t.Fatalf("%d types, the tests know %d", len(pipelineKinds), len(pipelineTypes))
	}
	for typ, number := range pipelineTypes {
		m := newGen(1).pipeline(typ)
		if uint32(typ) != number || typ.String() != reflect.TypeOf(m).Elem().Name() {
			t.Errorf("%v is %d, want %d", typ, uint32(typ), number)
		}
	}
	if s := PipelineType(65543).String() + PipelineType(1).String(); s != "pipeline type 65543pipeline type 1" {
		t.Error(s)
	}
	m := &Durable{Log: digest.Hash(bytes.Repeat([]byte{0xab}, 32)), Size: 1000}
	want := "93ce00010005" + "c420" + strings.Repeat("ab", 32) + "cd03e8"
	if got := hex.EncodeToString(mustPipeline(t, m)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPipelineLibraryReads(t *testing.T) {
	for typ, number := range pipelineTypes {
		var fields []any
		if err := msgpack.Unmarshal(mustPipeline(t, newGen(2).pipeline(typ)), &fields); err != nil {
			t.Fatalf("%v: %v", typ, err)
		}
		if len(fields) != 1+typ.kind().fields || fields[0] != number {
			t.Errorf("%v: %d fields beginning with %v", typ, len(fields), fields[0])
		}
	}
}

// TestPipelineIsNotWire: neither decoder takes what is the other's.
func TestPipelineIsNotWire(t *testing.T) {
	for typ := range pipelineTypes {
		pm := newGen(3).pipeline(typ)
		if _, ok := pm.(Message); ok {
			t.Errorf("%v can be put in a frame", typ)
		}
		b := mustPipeline(t, pm)
		if m, err := Decode(b); m != nil || !errors.Is(err, ErrMalformed) {
			t.Errorf("%v off the wire: %v, %v", typ, m, err)
		}
	}
	for _, typ := range append(wireTypes, 128, 1001, 65535) {
		body := mustFrame(t, newGen(3).message(typ))[4:]
		if m, err := DecodePipeline(body); m != nil || !errors.Is(err, ErrUnknownType) {
			t.Errorf("%v as a pipeline message: %v, %v", typ, m, err)
		}
	}
}

// TestPipelineLongerArrays checks that a later version's fields are skipped,
// in the body and in every array of fields inside it.
func TestPipelineLongerArrays(t *testing.T) {
	extra := []byte{0x92, 0xc0, 0x81, 0xa1, 'k', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0}
	for typ := range pipelineTypes {
		want := newGen(4).pipeline(typ)
		b := mustPipeline(t, want)
		b[0]++
		if got, err := DecodePipeline(append(b, extra...)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v", typ, err)
		}
	}
	g := newGen(5)
	newLog := &NewLog{LogName: identity.LogName{Topic: g.hash(), Author: g.hash(), PageBytes: 4096, Number: 3}, Own: true}
	proven, seal, rng := g.proven(1), g.seals(1, 7)[0], g.rangeOf(5, 77)
	for name, c := range map[string]struct {
		encode func(*writer)
		equal  func(*reader) bool
	}{
		"new log": {newLog.encode, func(r *reader) bool { var n NewLog; n.decode(r); return n == *newLog }},
		"proven":  {proven.encode, func(r *reader) bool { var p Proven; p.decode(r); return reflect.DeepEqual(p, proven) }},
		"seal":    {seal.encode, func(r *reader) bool { var s Seal; s.decode(r); return s == seal }},
		"range": {func(w *writer) { w.ranges([]merkleindex.Range{rng}) }, func(r *reader) bool {
			return reflect.DeepEqual(r.ranges(0), []merkleindex.Range{rng})
		}},
	} {
		w := writers.New().(*writer)
		c.encode(w)
		at := 0
		if name == "range" {
			at = 1 // after the list's own header
		}
		w.out[at]++
		r := &reader{b: append(w.out, extra...)}
		if !c.equal(r) || r.err != nil || r.left() != 0 {
			t.Errorf("%s: %v, %d bytes left", name, r.err, r.left())
		}
	}
}

func TestPipelineBorrowed(t *testing.T) {
	b := mustPipeline(t, &Append{Records: bytes.Repeat([]byte{7}, 40), Leaves: make([]digest.Hash, 2)})
	m, err := DecodePipeline(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	a := m.(*Append)
	if a.Records[39] != 0 || cap(a.Records) != len(a.Records) {
		t.Errorf("records copied, or %d bytes of room behind them", cap(a.Records)-len(a.Records))
	}
	p := newGen(6).pages()
	b = mustPipeline(t, p)
	if m, err = DecodePipeline(b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	got := m.(*Pages)
	if got.Bytes[0]|got.Bytes[1]|got.Bytes[2] != 0 || cap(got.Bytes) != len(got.Bytes) {
		t.Error("pages were copied")
	}
	got.Bytes = p.Bytes
	if !reflect.DeepEqual(got, p) {
		t.Error("more than the bulk bytes is borrowed")
	}
}

// TestPipelineLargest: the largest record, a full batch and a full run of
// pages fit.
func TestPipelineLargest(t *testing.T) {
	n := MaxPipelineRecords / 512
	bulk := make([]byte, MaxPipelineRecords)
	full := &Batch{First: 1, Records: bulk, Leaves: make([]digest.Hash, n)}
	run := &Pages{Bytes: bulk, Leaves: make([]digest.Hash, n), Proven: Proven{Head: proof.Head{Size: MaxCount}, Right: make([]digest.Hash, MaxRight)}}
	for i := range MaxPipelineRecords / 4096 {
		s := Seal{Page: uint64(i), Pages: 1, First: uint64(8 * i), Count: 8}
		run.Seals = append(run.Seals, s)
		run.Trees = append(run.Trees, make([]digest.Hash, merkleindex.NodeCount(s.First, s.End())))
	}
	buf := make([]byte, 0, MaxPipelineBody)
	for _, m := range []PipelineMessage{
		&Append{Records: bulk[:event.MaxRecord], Leaves: make([]digest.Hash, 1)}, full, run,
		&Sealed{Remote: &run.Proven},
	} {
		b, err := AppendPipeline(buf, m)
		if err == nil {
			_, err = DecodePipeline(b)
		}
		if err != nil {
			t.Errorf("%v: %v", m.PipelineType(), err)
		}
	}
	full.Leaves = make([]digest.Hash, MaxPipelineRecords/digest.Size)
	if b, err := AppendPipeline(buf, full); !errors.Is(err, ErrTooLong) || len(b) != 0 {
		t.Errorf("body over its limit: %v", err)
	}
}

// flawed are messages that no decoder takes, and why.
func flawed() map[string]struct {
	m    PipelineMessage
	want error
} {
	type c = struct {
		m    PipelineMessage
		want error
	}
	hs := func(n int) []digest.Hash { return make([]digest.Hash, n) }
	seal := Seal{Page: 3, Pages: 1, First: 10, Count: 1}
	next := Seal{Page: 4, Pages: 1, First: 11, Count: 1}
	with := func(s ...Seal) *Batch { return &Batch{First: 10, Leaves: hs(4), Seals: s} }
	pages := func(change func(*Pages)) *Pages {
		p := &Pages{Bytes: make([]byte, 8192), Seals: []Seal{seal, next}, Leaves: hs(2), Trees: make([][]digest.Hash, 2), Proven: Proven{Head: proof.Head{Size: 12}}}
		change(p)
		return p
	}
	short := &Proven{Head: proof.Head{Size: 11}}
	return map[string]c{
		"page bytes":            {&Append{Create: &NewLog{LogName: identity.LogName{PageBytes: MaxPageBytes + 1}}}, ErrMalformed},
		"leaves without bytes":  {&Append{Leaves: hs(1)}, ErrMalformed},
		"too many leaves":       {&Append{Leaves: hs(2), Records: make([]byte, 23)}, ErrMalformed},
		"bytes without leaves":  {&Append{Records: make([]byte, 12)}, ErrMalformed},
		"long records":          {&Append{Leaves: hs(1), Records: make([]byte, MaxPipelineRecords+1)}, ErrTooLong},
		"past the head":         {&Append{First: 11, Leaves: hs(1), Records: make([]byte, 12), Remote: short}, ErrMalformed},
		"past the largest log":  {&Append{First: MaxCount, Leaves: hs(1), Records: make([]byte, 12)}, ErrMalformed},
		"first":                 {&Append{First: MaxCount + 1}, ErrMalformed},
		"right":                 {&Append{Remote: &Proven{Right: hs(MaxRight + 1)}}, ErrTooLong},
		"head size":             {&Append{Remote: &Proven{Head: proof.Head{Size: MaxCount + 1}}}, ErrMalformed},
		"batch: leaves":         {&Batch{Leaves: hs(2), Records: make([]byte, 23)}, ErrMalformed},
		"batch: no leaves":      {&Batch{Records: make([]byte, 12)}, ErrMalformed},
		"batch: head":           {&Batch{First: 11, Leaves: hs(1), Remote: short}, ErrMalformed},
		"seal of no page":       {with(Seal{Page: 3, First: 10, Count: 1}), ErrMalformed},
		"seal of no event":      {with(Seal{Page: 3, Pages: 1, First: 10}), ErrMalformed},
		"negative pages":        {with(Seal{Pages: -1, First: 10, Count: 1}), ErrMalformed},
		"negative events":       {with(Seal{Pages: 1, First: 10, Count: -1}), ErrMalformed},
		"many pages":            {with(Seal{Pages: MaxRunPages + 1, First: 10, Count: 1}), ErrMalformed},
		"many events":           {with(Seal{Pages: 1, First: 10, Count: maxSealEvents + 1}), ErrMalformed},
		"group of two events":   {with(Seal{Pages: 2, First: 10, Count: 2}), ErrMalformed},
		"page gap":              {with(seal, Seal{Page: 5, Pages: 1, First: 11, Count: 1}), ErrMalformed},
		"event gap":             {with(seal, Seal{Page: 4, Pages: 1, First: 12, Count: 1}), ErrMalformed},
		"seal before the batch": {with(Seal{Pages: 1, First: 8, Count: 1}), ErrMalformed},
		"seal after the batch":  {with(Seal{Pages: 1, First: 10, Count: 5}), ErrMalformed},
		"many seals":            {with(make([]Seal, MaxSeals+1)...), ErrTooLong},
		"trees":                 {&Batch{First: 10, Leaves: hs(4), Seals: []Seal{seal, next}, Trees: make([][]digest.Hash, 1)}, ErrMalformed},
		"tree nodes":            {&Batch{First: 10, Leaves: hs(4), Seals: []Seal{seal}, Trees: [][]digest.Hash{hs(1)}}, ErrMalformed},
		"ranges":                {&Batch{First: 10, Leaves: hs(4), Seals: []Seal{seal}, Ranges: make([]merkleindex.Range, 1)}, ErrMalformed},
		"range":                 {&Batch{First: 10, Leaves: hs(4), Ranges: []merkleindex.Range{{Begin: 1, End: 2}}}, ErrMalformed},
		"backward range":        {&Batch{First: 10, Leaves: hs(4), Ranges: []merkleindex.Range{{Begin: 2, End: 1}}}, ErrMalformed},
		"no seals":              {&Pages{}, ErrMalformed},
		"pages: no bytes":       {pages(func(p *Pages) { p.Bytes = nil }), ErrMalformed},
		"pages: odd bytes":      {pages(func(p *Pages) { p.Bytes = p.Bytes[1:] }), ErrMalformed},
		"pages: long bytes":     {pages(func(p *Pages) { p.Bytes = make([]byte, 2*MaxPageBytes+2) }), ErrMalformed},
		"pages: leaves":         {pages(func(p *Pages) { p.Leaves = hs(1) }), ErrMalformed},
		"pages: no trees":       {pages(func(p *Pages) { p.Trees = nil }), ErrMalformed},
		"pages: tree nodes":     {pages(func(p *Pages) { p.Trees[1] = hs(1) }), ErrMalformed},
		"pages: head":           {pages(func(p *Pages) { p.Proven = *short }), ErrMalformed},
		"pages: gap":            {pages(func(p *Pages) { p.Seals[1].Page++ }), ErrMalformed},
		"sealed: head":          {&Sealed{Size: 12, Remote: short}, ErrMalformed},
		"sealed: pages":         {&Sealed{Pages: MaxCount + 1}, ErrMalformed},
		"durable":               {&Durable{Size: MaxCount + 1}, ErrMalformed},
	}
}

// TestPipelineFlaws: what does not agree is refused at the sender, where dst
// comes back as it was, and, where it could be written down, at the receiver.
func TestPipelineFlaws(t *testing.T) {
	for name, c := range flawed() {
		out, err := AppendPipeline([]byte("before"), c.m)
		var de *DecodeError
		if !errors.Is(err, c.want) || !errors.As(err, &de) || !strings.Contains(err.Error(), c.m.PipelineType().String()) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if string(out) != "before" {
			t.Errorf("%s: dst is %q", name, out)
		}
		w := writers.New().(*writer)
		c.m.encodePipeline(w)
		if de = nil; errors.As(w.err, &de) && de.Field != "body" {
			continue // cut off at the field
		}
		if m, err := DecodePipeline(w.out); m != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: decoded: %v, want %v", name, err, c.want)
		}
	}
}

// A run of pages can be cut where a page begins, and nowhere else.
func TestPagesFrom(t *testing.T) {
	p := &Pages{
		Bytes:  bytes.Repeat([]byte{1, 2, 3, 4, 5}, 4096)[:4*4096],
		Seals:  []Seal{{Page: 7, Pages: 1, First: 10, Count: 3}, {Page: 8, Pages: 2, First: 13, Count: 1}, {Page: 10, Pages: 1, First: 14, Count: 2}},
		Leaves: make([]digest.Hash, 6), Trees: make([][]digest.Hash, 3),
	}
	for i, s := range p.Seals {
		cut, err := p.From(s.First, 4096)
		if err != nil || cut.First() != s.First || cut.End() != p.End() || len(cut.Trees) != 3-i {
			t.Fatalf("from %d: %+v, %v", s.First, cut, err)
		}
		if want := p.Bytes[(s.Page-7)*4096:]; !bytes.Equal(cut.Bytes, want) || len(cut.Leaves) != int(16-s.First) {
			t.Errorf("from %d: %d bytes and %d leaves", s.First, len(cut.Bytes), len(cut.Leaves))
		}
	}
	for _, first := range []uint64{0, 9, 11, 15, 16} {
		if _, err := p.From(first, 4096); err == nil {
			t.Errorf("from %d: no page begins there", first)
		}
	}
}
