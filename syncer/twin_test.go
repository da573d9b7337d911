// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

const twinPage = 4096

var twinTopic = TestTopic(42)

// A pageTwin is a Source in memory, of any number of topics.
type pageTwin struct {
	id    identity.PeerID
	logs  map[digest.Hash]*pageLog
	keys  []digest.Hash // of logs, so that a seed gives one run
	rooms map[digest.Hash]*twinRoom
}

// A twinRoom is what a twin holds of a topic.
type twinRoom struct {
	keys []digest.Hash // of its logs

	summed int // events that sum is of
	sum    digest.Set
}

// A pageLog is one log of a twin. It has no key if another node appends to it.
type pageLog struct {
	memlog.Log
	info LogInfo      // what never changes
	fork []byte       // the proof, if the log is frozen
	why  event.Reason // that the log is closed for
}

func newPageTwin(n byte) *pageTwin {
	return &pageTwin{id: PeerOf(identity.Seed{n}), logs: map[digest.Hash]*pageLog{}, rooms: map[digest.Hash]*twinRoom{}}
}

func (w *pageTwin) room(topic digest.Hash) *twinRoom {
	if w.rooms[topic] == nil {
		w.rooms[topic] = &twinRoom{summed: -1}
	}
	return w.rooms[topic]
}

func newPageLog(info LogInfo) *pageLog {
	return &pageLog{Log: memlog.Log{ID: info.Log, PageBytes: twinPage}, info: info}
}

func (w *pageTwin) log(info LogInfo) *pageLog {
	l := w.logs[info.Log]
	if l == nil {
		info.Own, info.Frozen, info.Ends, info.End = false, false, false, 0
		l = newPageLog(info)
		w.put(l)
	}
	return l
}

// put gives the twin a log that it does not have.
func (w *pageTwin) put(l *pageLog) {
	r := w.room(l.info.Topic)
	w.logs[l.info.Log], w.keys, r.keys = l, append(w.keys, l.info.Log), append(r.keys, l.info.Log)
}

// own returns the log of an author whose key this node has.
func (w *pageTwin) own(author byte) *pageLog {
	return w.ownIn(twinTopic.ID(), twinTopic.AuthorOf(identity.Seed{author}))
}

func (w *pageTwin) ownIn(topic digest.Hash, key ed25519.PrivateKey) *pageLog {
	return w.ownOf(identity.DataLog(topic, identity.PublicKey(key), twinPage), key)
}

func (w *pageTwin) ownOf(name identity.LogName, key ed25519.PrivateKey) *pageLog {
	l := w.log(LogOf(name.ID(), name, nil))
	l.Key, l.info.Own = key, true
	return l
}

// leg returns the roster log of a steward whose key this node has.
func (w *pageTwin) leg(steward byte, term, leg uint32) *pageLog {
	key := twinTopic.AuthorOf(identity.Seed{steward})
	return w.ownOf(identity.RosterLog(twinTopic.ID(), identity.PublicKey(key), term, leg), key)
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
	l.SignAll()
}

func (l *pageLog) add(record []byte) {
	if err := l.Add(record); err != nil {
		panic(err)
	}
}

// rightOf is the compact range from a sequence to the head's size.
func (l *pageLog) rightOf(from uint64) []digest.Hash {
	right, err := l.RightOf(from)
	if err != nil {
		panic(err)
	}
	return right
}

func (l *pageLog) state() LogInfo {
	i := l.info
	i.Frozen = l.fork != nil
	i.Size, i.Root, i.Head, i.Right = l.Size(), l.Root(l.Size()), l.Head, l.Right
	i.Pages, i.SealedSize = uint64(len(l.Pages())), l.Sealed()
	return i
}

func (w *pageTwin) Summary(topic digest.Hash) (digest.Set, error) {
	r := w.room(topic)
	var counted []*pageLog
	events := 0 // they only ever grow, and so does the number of logs
	for _, id := range r.keys {
		l := w.logs[id]
		if isRoster(l.info) {
			continue
		}
		counted = append(counted, l)
		if events += 1<<32 + len(l.Leaves); l.fork != nil {
			events += 1 << 24
		}
	}
	if events == r.summed {
		return r.sum, nil
	}
	var s digest.Multiset
	for _, l := range counted {
		if l.fork != nil {
			s.Add(l.info.Log, 0, digest.Empty)
		} else if n := l.Size(); n > 0 {
			s.Add(l.info.Log, n, l.Root(n))
		}
	}
	r.summed, r.sum = events, s.Set()
	return r.sum, nil
}

func (w *pageTwin) Logs(topic digest.Hash, yield func(LogInfo) bool) error {
	for _, id := range w.room(topic).keys {
		info := w.logs[id].state()
		held := info.Size > 0 || info.Frozen
		if info.Frozen {
			info.Size, info.Pages = 0, 0
		}
		if held && !isRoster(info) && !yield(info) {
			break
		}
	}
	return nil
}

// Roster is what is held of all legs.
func (w *pageTwin) Roster(topic digest.Hash) (r Roster, err error) {
	for _, id := range w.room(topic).keys {
		if i := w.logs[id].state(); isRoster(i) && (i.Size > 0 || i.Frozen) {
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

func (w *pageTwin) Log(id digest.Hash) (LogInfo, bool, error) {
	if l := w.logs[id]; l != nil {
		return l.state(), true, nil
	}
	return LogInfo{}, false, nil
}

func (w *pageTwin) Time(id digest.Hash, size uint64) (int64, error) {
	return event.TimeOf(w.logs[id].Records[size-1]), nil
}

func (w *pageTwin) PeaksAt(id digest.Hash, size uint64) (mmrindex.Peaks, error) {
	return w.logs[id].Peaks(size), nil
}

func (w *pageTwin) Events(id digest.Hash, from uint64, maxBytes int) (Chunk, error) {
	l := w.logs[id]
	records, n := l.Chunk(from, maxBytes)
	return Chunk{First: from, Count: n, Records: records, Head: l.Head, Right: l.rightOf(from + uint64(n))}, nil
}

func (w *pageTwin) Pages(id digest.Hash, from, count uint64) (PageRun, error) {
	l := w.logs[id]
	r, err := l.Run(from, count)
	return PageRun{From: from, FirstSeq: r.First, EndSeq: r.End, Pages: r.Pages, Head: l.Head, Right: l.rightOf(r.End), Release: func() {}}, err
}

// ingest stores verified events, cutting off what is there, as the store does.
func (w *pageTwin) ingest(v Verified) error {
	l := w.log(v.Info)
	if l.fork != nil {
		return errors.New("the log is frozen")
	}
	end := v.First + uint64(v.Count)
	if l.info.Ends && end > l.Size() {
		return ErrClosed
	}
	before := *l
	added, err := l.Take(v.First, v.Count, v.Records, end)
	if err != nil {
		return err
	}
	closes := v.Closed != 0 && !l.info.Ends && end == l.Size()
	if added > 0 || closes {
		l.Head, l.Right = v.Head, v.Right
	}
	if closes {
		l.info.Ends, l.info.End, l.why = true, l.Size(), v.Closed
	}
	if err = l.proven(); err != nil { // another branch came another way meanwhile
		*l = before
	}
	return err
}

// proven checks what must hold of every stored log: it is under its head.
func (l *pageLog) proven() error {
	return errors.Join(l.Proven(), l.Head.Verify(l.info.Author[:]))
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
