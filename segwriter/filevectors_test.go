// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A vectorLog is a log of two segments, and the files that it lies in.
type vectorLog struct {
	What     string          `json:"what"`
	Log      digest.Hash     `json:"log"`
	Topic    digest.Hash     `json:"topic"`
	Author   hexBytes        `json:"author"`
	Kind     uint8           `json:"kind"`
	Number   uint64          `json:"number"`
	Page     int             `json:"page_bytes"`
	Pages    int             `json:"segment_pages"`
	Payloads []int           `json:"payload_bytes"` // event i has type note, time 1700000000000 + i, and a payload as above
	Erased   []vectorErasure `json:"erased"`
	Files    []vectorFileOf  `json:"files"`
}

type vectorErasure struct {
	First  uint64 `json:"first"`
	End    uint64 `json:"end"`
	Wholly bool   `json:"wholly"`
}

// A vectorFileOf is a file: its hash, and of trees and mountains all that is not zero.
type vectorFileOf struct {
	File   string        `json:"file"`
	Length int           `json:"length"` // of a .seg file without the room to grow
	SHA256 digest.Hash   `json:"sha256"`
	Pieces []vectorPiece `json:"pieces"`
}

type vectorPiece struct {
	At    int      `json:"at"`
	Bytes hexBytes `json:"bytes"`
}

func fileEvents(payloads []int) (events []vectorEvent) {
	for i, n := range payloads {
		events = append(events, vectorEvent{Type: "note", TimeMS: 1_700_000_000_000 + int64(i), PayloadBytes: n})
	}
	return events
}

// filePayloads fill more pages than have near entries, with more nodes than are
// near, and a large event over the end of the first segment.
func filePayloads() (list []int) {
	for i := range 186 {
		list = append(list, 280+7*i%80)
	}
	list = append(list, 9000)
	for i := range 50 {
		list = append(list, 130+i)
	}
	return append(list, 4096)
}

func makeLogs(t *testing.T) (list []vectorLog) {
	p := testParams(MinPageBytes, 18)
	for _, x := range []struct {
		what   string
		erased []Erasure
	}{
		{"a log of which nothing was erased", nil},
		{"the same log, of which some was", []Erasure{{First: 3, End: 6, Wholly: true}, {First: 8, End: 9}, {First: 20, End: 60, Wholly: true}, {First: 186, End: 187}, {First: 190, End: 191, Wholly: true}}},
	} {
		v := vectorLog{
			What: x.what, Log: p.Log, Topic: p.Topic, Author: p.Author[:], Kind: p.Kind, Number: p.Number, Page: p.PageBytes, Pages: p.SegmentPages,
			Payloads: filePayloads(), Erased: []vectorErasure{},
		}
		for _, e := range x.erased {
			v.Erased = append(v.Erased, vectorErasure(e))
		}
		v.Files = filesOf(t, p, seal(t, p.PageBytes, vectorRecords(t, fileEvents(v.Payloads))), x.erased)
		list = append(list, v)
	}
	return list
}

// filesOf writes a log, erases what is to be erased, and reads its files.
func filesOf(t *testing.T, p Params, spans []sealedSpan, erased []Erasure) (list []vectorFileOf) {
	t.Helper()
	dir := t.TempDir()
	s := NewStore(noSync, dir, Options{})
	l, err := s.Log(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(l, spans, 0); err != nil {
		t.Fatal(err)
	}
	if err := syncAll(l); err != nil {
		t.Fatal(err)
	}
	if len(erased) > 0 {
		if err := l.Erase(pagesOf(spans), erased); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "logs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(logs, filepath.Join(dir, "mmr", p.Log.String())) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := vectorFileOf{File: filepath.Base(name), Pieces: []vectorPiece{}}
		if filepath.Ext(name) == ".seg" {
			b = b[:usedOf(t, b)]
		} else {
			f.Pieces = piecesOf(b)
		}
		f.Length, f.SHA256 = len(b), digest.Sum(b)
		list = append(list, f)
	}
	return list
}

// usedOf is the length of a .seg file without the room to grow: a page or an
// image ends in it.
func usedOf(t *testing.T, b []byte) int {
	_, h, what := parseSegHeader(b)
	if what != "" {
		t.Fatal(what)
	}
	n := fileHeaderBytes
	if h.packed > 0 {
		return len(b) // all its pages are packed
	}
	for n < len(b) && !allZero(b[n:min(n+PageHeaderBytes, len(b))]) {
		n += MinPageBytes
	}
	return n
}

// piecesOf are runs of 8 bytes that are not all zero.
func piecesOf(b []byte) (list []vectorPiece) {
	for i := 0; i < len(b); {
		end := i
		for end < len(b) && !allZero(b[end:min(end+8, len(b))]) {
			end = min(end+8, len(b))
		}
		if end > i {
			list = append(list, vectorPiece{i, slices.Clone(b[i:end])})
		}
		i = max(end, i+8)
	}
	return list
}

// TestFileVectors: a log of the vectors' events, from which is erased what they
// say, lies in the files that they say.
func TestFileVectors(t *testing.T) {
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Logs []json.RawMessage }
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	logs := makeLogs(t)
	if len(logs) != len(v.Logs) {
		t.Fatalf("%d logs, want %d", len(v.Logs), len(logs))
	}
	for i := range logs {
		got, _ := json.Marshal(logs[i])
		var want bytes.Buffer
		if err := json.Compact(&want, v.Logs[i]); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: other files, %v", logs[i].What, err)
		}
	}
}
