// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

const twinPage = 4096

var twinTopic = TestTopic(42)

// A pageTwin is a naive Source with pages: records in slices, everything else
// computed anew when it is asked for.
type pageTwin struct {
	id   identity.PeerID
	logs map[digest.Hash]*pageLog
	keys []digest.Hash // of logs, so that a seed gives one run

	summed int // events that sum is of
	sum    digest.Set
}

// A pageLog is one log of a twin; key is nil if another node appends to it.
type pageLog struct {
	info    LogInfo // what never changes
	key     ed25519.PrivateKey
	records [][]byte
	leaves  []digest.Hash
	head    proof.Head
	right   []digest.Hash
	fork    []byte       // the proof, if the log is frozen
	why     event.Reason // that the log is closed for

	packedAt int // records that pages and spans were made from
	pages    [][]byte
	spans    []segwriter.Seal
}

func newPageTwin(n byte) *pageTwin {
	return &pageTwin{id: PeerOf(identity.Seed{n}), logs: map[digest.Hash]*pageLog{}, summed: -1}
}

func (w *pageTwin) log(info LogInfo) *pageLog {
	l := w.logs[info.Log]
	if l == nil {
		info.Own, info.Frozen, info.Ends, info.End = false, false, false, 0
		l = &pageLog{info: info}
		w.logs[info.Log] = l
		w.keys = append(w.keys, info.Log)
	}
	return l
}

// own returns the log of an author whose key this node has.
func (w *pageTwin) own(author byte) *pageLog {
	key := twinTopic.AuthorOf(identity.Seed{author})
	info := LogInfo{Topic: twinTopic.ID(), Author: [32]byte(key.Public().(ed25519.PublicKey)), PageBytes: twinPage}
	info.Log = DataLog(info.Topic, info.Author, info.PageBytes)
	l := w.log(info)
	l.key, l.info.Own = key, true
	return l
}

func twinRecord(size int, text string) []byte {
	payload := append([]byte(text), make([]byte, max(size-len(text), 0))...)
	r, err := event.AppendRecord(nil, event.Event{Type: "t", Payload: payload}, 1, 0)
	if err != nil {
		panic(err)
	}
	return r
}

// write appends an event of about so many bytes to a log of the node's own.
func (l *pageLog) write(size int, text string) {
	l.add(twinRecord(size, text))
	l.sign()
}

func (l *pageLog) sign() {
	l.head = proof.Sign(l.key, l.info.Log, uint64(len(l.leaves)), l.mountains(uint64(len(l.leaves))).Root())
	l.right = nil
}

func (l *pageLog) add(record []byte) {
	r, n, err := event.DecodeRecord(record)
	if err != nil || n != len(record) {
		panic(fmt.Sprint("not one record: ", n, err))
	}
	l.records, l.leaves = append(l.records, record), append(l.leaves, r.LeafHash())
}

func (l *pageLog) mountains(size uint64) (m mmrindex.Peaks) {
	r := l.rangeOf(0, size)
	if err := m.Merge(r, nil); err != nil {
		panic(err)
	}
	return m
}

func (l *pageLog) rangeOf(begin, end uint64) merkleindex.CompactRange {
	r := merkleindex.CompactRange{Begin: begin, End: begin}
	for _, leaf := range l.leaves[begin:end] {
		if err := r.Append(leaf, nil); err != nil {
			panic(err)
		}
	}
	return r
}

// rightOf is the compact range from a sequence to the head's size.
func (l *pageLog) rightOf(from uint64) []digest.Hash {
	r := l.rangeOf(from, uint64(len(l.leaves)))
	if err := r.Merge(merkleindex.CompactRange{Begin: r.End, End: l.head.Size, Hashes: l.right}, nil); err != nil {
		panic(err)
	}
	return r.Hashes
}

// pack cuts the records into pages.
func (l *pageLog) pack() {
	if l.packedAt == len(l.records) {
		return
	}
	l.packedAt, l.pages, l.spans = len(l.records), nil, nil
	b := segwriter.NewBuilder(twinPage, 0, 0)
	for _, r := range l.records {
		err := b.Add(r, func(index uint64, page []byte, s segwriter.Seal) error {
			if l.pages = append(l.pages, slices.Clone(page)); index == s.Page {
				l.spans = append(l.spans, s)
			}
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
}

func (l *pageLog) state() LogInfo {
	l.pack()
	i, n := l.info, uint64(len(l.leaves))
	i.Frozen = l.fork != nil
	i.Size, i.Root, i.Pages, i.Head, i.Right = n, l.mountains(n).Root(), uint64(len(l.pages)), l.head, l.right
	if len(l.spans) > 0 {
		i.SealedSize = l.spans[len(l.spans)-1].First + uint64(l.spans[len(l.spans)-1].Count)
	}
	return i
}

func (w *pageTwin) Summary(digest.Hash) (digest.Set, error) {
	leaves := len(w.logs) << 32 // they only ever grow
	for _, l := range w.logs {
		if isRoster(l.info) {
			continue
		}
		leaves += len(l.leaves)
		if l.fork != nil {
			leaves += 1 << 24
		}
	}
	if leaves == w.summed {
		return w.sum, nil
	}
	var s digest.Multiset
	for _, l := range w.logs {
		if n := uint64(len(l.leaves)); isRoster(l.info) {
		} else if l.fork != nil {
			s.Add(l.info.Log, 0, digest.Empty)
		} else if n > 0 {
			s.Add(l.info.Log, n, l.mountains(n).Root())
		}
	}
	w.summed, w.sum = leaves, s.Set()
	return w.sum, nil
}

func (w *pageTwin) Logs(_ digest.Hash, yield func(LogInfo) bool) error {
	for _, id := range w.keys {
		l := w.logs[id]
		info := l.state()
		if info.Frozen {
			info.Size, info.Pages = 0, 0
		}
		if (len(l.leaves) > 0 || info.Frozen) && !isRoster(info) && !yield(info) {
			break
		}
	}
	return nil
}

// Roster is what is held of all legs.
func (w *pageTwin) Roster(digest.Hash) (r Roster, err error) {
	for _, l := range w.logs {
		if i := l.state(); isRoster(i) && (i.Size > 0 || i.Frozen) {
			r.Legs = append(r.Legs, i)
		}
	}
	slices.SortFunc(r.Legs, func(a, b LogInfo) int { return cmp.Compare(a.Number, b.Number) })
	if n := len(r.Legs); n > 0 {
		last := r.Legs[n-1]
		r.Position.Term, r.Position.Leg = identity.SplitRosterNumber(last.Number)
		r.Position.Size, r.Position.Root = last.Size, last.Root
	}
	return r, nil
}

func (w *pageTwin) Position(topic digest.Hash) (identity.Position, error) {
	r, err := w.Roster(topic)
	return r.Stated(), err
}

// leg returns the roster log of a steward whose key this node has.
func (w *pageTwin) leg(steward byte, term, leg uint32) *pageLog {
	key := twinTopic.AuthorOf(identity.Seed{steward})
	info := LogInfo{
		Topic: twinTopic.ID(), Author: [32]byte(key.Public().(ed25519.PublicKey)), PageBytes: identity.RosterPageBytes,
		Kind: identity.KindRoster, Number: identity.RosterNumber(term, leg),
	}
	info.Log = identity.LogID(info.Topic, info.Author, info.PageBytes, info.Kind, info.Number)
	l := w.log(info)
	l.key, l.info.Own = key, true
	return l
}

func (w *pageTwin) Log(id digest.Hash) (LogInfo, bool, error) {
	if l := w.logs[id]; l != nil {
		return l.state(), true, nil
	}
	return LogInfo{}, false, nil
}

func (w *pageTwin) Time(id digest.Hash, size uint64) (int64, error) {
	return event.TimeOf(w.logs[id].records[size-1]), nil
}

func (w *pageTwin) PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error) {
	return w.logs[id].mountains(size), nil
}

func (w *pageTwin) Events(id digest.Hash, from uint64, maxBytes int) (Chunk, error) {
	l := w.logs[id]
	c := Chunk{First: from, Head: l.head}
	for _, r := range l.records[from:] {
		if c.Count > 0 && len(c.Records)+len(r) > maxBytes {
			break
		}
		c.Records, c.Count = append(c.Records, r...), c.Count+1
	}
	c.Right = l.rightOf(from + uint64(c.Count))
	return c, nil
}

func (w *pageTwin) Pages(id digest.Hash, from, count uint64) (PageRun, error) {
	l := w.logs[id]
	l.pack()
	run := PageRun{From: from, Head: l.head, Release: func() {}}
	for _, s := range l.spans {
		switch n := uint64(len(run.Pages)); {
		case s.Page < from:
		case n > 0 && n+uint64(s.Pages) > count:
			run.Right = l.rightOf(run.EndSeq)
			return run, nil
		default:
			if n == 0 {
				run.FirstSeq = s.First
			}
			run.EndSeq = s.First + uint64(s.Count)
			run.Pages = append(run.Pages, l.pages[s.Page:s.Page+uint64(s.Pages)]...)
		}
	}
	run.Right = l.rightOf(run.EndSeq)
	return run, nil
}

// ingest stores verified events, cutting off what is there, as the store does.
func (w *pageTwin) ingest(v Verified) error {
	l := w.log(v.Info)
	if l.fork != nil {
		return errors.New("the log is frozen")
	}
	if l.info.Ends && v.First+uint64(v.Count) > uint64(len(l.leaves)) {
		return ErrClosed
	}
	if v.First > uint64(len(l.leaves)) {
		return fmt.Errorf("events from %d behind %d", v.First, len(l.leaves))
	}
	rest, grew, before := v.Records, false, *l
	for seq := v.First; seq < v.First+uint64(v.Count); seq++ {
		n, err := event.RecordLen(rest)
		if err != nil {
			return err
		}
		if seq == uint64(len(l.leaves)) {
			l.add(slices.Clone(rest[:n]))
			grew = true
		}
		rest = rest[n:]
	}
	closes := v.Closed != 0 && !l.info.Ends && v.First+uint64(v.Count) == uint64(len(l.leaves))
	if grew || closes {
		l.head, l.right = v.Head, v.Right
	}
	if closes {
		l.info.Ends, l.info.End, l.why = true, uint64(len(l.leaves)), v.Closed
	}
	err := l.proven()
	if err != nil { // another branch came another way meanwhile
		*l = before
	}
	return err
}

// proven checks what must hold of every stored log: it is under its head.
func (l *pageLog) proven() error {
	m := l.mountains(uint64(len(l.leaves)))
	if err := m.Merge(merkleindex.CompactRange{Begin: m.Size(), End: l.head.Size, Hashes: l.right}, nil); err != nil {
		return err
	}
	if m.Root() != l.head.Root {
		return fmt.Errorf("log %s: stored, and not under its head", l.info.Log.Short())
	}
	return l.head.Verify(l.info.Author[:])
}

// ingestPages stores verified pages; they must be the pages that this node
// packs from the same events.
func (w *pageTwin) ingestPages(t testing.TB, v *VerifiedPages) error {
	t.Helper()
	l := w.log(v.Info)
	for i, s := range v.Seals {
		at := (int(s.Page) - int(v.Seals[0].Page)) * twinPage
		sp := &span{seal: s, bytes: v.Bytes[at : at+s.Pages*twinPage]}
		records, err := sp.records(twinPage)
		if err != nil {
			return err
		}
		one := Verified{Info: v.Info, First: s.First, Count: s.Count, Records: records, Head: v.Head}
		r := l.rangeTo(v, i)
		one.Right = r
		if err := w.ingest(one); err != nil {
			return err
		}
	}
	return nil
}

// rangeTo is the proof of what ends with the i-th seal of v.
func (l *pageLog) rangeTo(v *VerifiedPages, i int) []digest.Hash {
	end := v.Seals[i].End()
	r := merkleindex.CompactRange{Begin: end, End: end}
	for _, leaf := range v.Leaves[end-v.Seals[0].First:] {
		if err := r.Append(leaf, nil); err != nil {
			panic(err)
		}
	}
	if err := r.Merge(merkleindex.CompactRange{Begin: r.End, End: v.Head.Size, Hashes: v.Right}, nil); err != nil {
		panic(err)
	}
	return r.Hashes
}

// checksummed gives a page that was changed a checksum that fits.
func checksummed(page []byte) []byte {
	binary.LittleEndian.PutUint32(page, crc32.Checksum(page[4:], crc32.MakeTable(crc32.Castagnoli)))
	return page
}

// eventsOf is an honest EVENTS of a log from a sequence on.
func (w *pageTwin) eventsOf(l *pageLog, from uint64, maxBytes int) *messages.Events {
	c, err := w.Events(l.info.Log, from, maxBytes)
	if err != nil {
		panic(err)
	}
	return &messages.Events{
		Log: l.info.Log, Author: l.info.Author, PageBytes: twinPage, Kind: l.info.Kind, Number: l.info.Number, First: c.First, Count: uint32(c.Count),
		Head: wireHead(c.Head), Right: c.Right, Records: c.Records,
	}
}

func (*pageTwin) Counts(identity.LogName) (bool, error) { return true, nil }
