// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Ranges are events of a log beyond its prefix, which alone has pages and a
// tree: chunks that are proven by themselves, each a row of the AOF, none of
// which holds an event of another. A range that the prefix reaches is absorbed: its
// events are appended as a peer's are, and its row goes.

// ErrNotHeld is what every *GapError is.
var ErrNotHeld = errors.New("the event is not held here")

// A GapError says that an event which is in the log is not held here, and what
// else is not held around it.
type GapError struct {
	Log digest.Hash
	Seq uint64
	Gap syncer.Span
}

func (e *GapError) Error() string {
	return fmt.Sprintf("event %d of log %s is not held: events %d to %d are missing; fetch them from a peer",
		e.Seq, e.Log.Short(), e.Gap.First, e.Gap.End-1)
}

// Is makes the error an ErrNotHeld, and an ErrRange: it is past the end of the
// part without gaps.
func (e *GapError) Is(target error) bool { return target == ErrNotHeld || target == ErrRange }

// A heldRange is what is known of a row without reading it.
type heldRange struct {
	syncer.Span
	bytes int64      // of its value
	head  proof.Head // as the row has it; it is verified before it is believed
}

// ranges is what rows there are, by log and in order.
type ranges struct {
	mu    sync.RWMutex // guards byLog and doubts
	byLog map[digest.Hash][]heldRange

	doubts map[digest.Hash]proof.Head // of ranges that did not fit
}

// loadRanges reads the keys, and the head in each row.
func (s *Store) loadRanges() error {
	if err := s.loadDoubts(); err != nil {
		return err
	}
	s.ranges.byLog = map[digest.Hash][]heldRange{}
	return s.aof.View(func(v *aof.View) error {
		return v.ForEachRaw(aof.Ranges, nil, func(key, value []byte) error {
			log, span, err := splitRangeKey(key)
			if err != nil {
				return nil // Check tells of it
			}
			h, _ := layout.RangeHead(log, value)
			s.ranges.byLog[log] = append(s.ranges.byLog[log], heldRange{span, int64(len(value)), h})
			return nil
		})
	})
}

// of returns what there is of a log; it is not the caller's.
func (r *ranges) of(log digest.Hash) []heldRange {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byLog[log]
}

// RangeLogs returns the logs that ranges are held of.
func (s *Store) RangeLogs() (logs []digest.Hash) {
	s.ranges.mu.RLock()
	defer s.ranges.mu.RUnlock()
	for log := range s.ranges.byLog {
		logs = append(logs, log)
	}
	slices.SortFunc(logs, compareHashes)
	return logs
}

// HasRanges reports whether ranges are held of a log.
func (s *Store) HasRanges(log digest.Hash) bool { return len(s.ranges.of(log)) > 0 }

// RangeBytes returns how many bytes the rows of a log's ranges have.
func (s *Store) RangeBytes(log digest.Hash) (n int64) {
	for _, r := range s.ranges.of(log) {
		n += r.bytes
	}
	return n
}

// A KeepRange stores a range.
type KeepRange struct {
	r   *syncer.Range
	row *Put
}

// NewKeepRange returns the change that stores r.
func NewKeepRange(r *syncer.Range) *KeepRange {
	k := layout.RangeKey{Log: r.Info.Log, First: r.First, End: r.End()}
	return &KeepRange{r, putOf(layout.Ranges, k, &layout.Range{Head: r.Head, Left: r.Left, Right: r.Right, Records: r.Records})}
}

// Bytes returns how long the row is.
func (k *KeepRange) Bytes() int { return len(k.row.Value) }

func (k *KeepRange) write(c *Committer, t *aof.Txn) error { return k.row.write(c, t) }

func (k *KeepRange) made(s *Store) error {
	s.ranges.mu.Lock()
	defer s.ranges.mu.Unlock()
	list := s.ranges.byLog[k.r.Info.Log]
	at, _ := slices.BinarySearchFunc(list, k.r.First, func(h heldRange, seq uint64) int { return cmp.Compare(h.First, seq) })
	if at < len(list) {
		list = slices.Clone(list) // readers have the old one
	}
	s.ranges.byLog[k.r.Info.Log] = slices.Insert(list, at, heldRange{syncer.Span{First: k.r.First, End: k.r.End()}, int64(k.Bytes()), k.r.Head})
	return nil
}

// A DropRange deletes the row of a range.
type DropRange struct {
	Log  digest.Hash
	Span syncer.Span
}

func (d *DropRange) write(_ *Committer, t *aof.Txn) error {
	return aof.DeleteRow(t, layout.Ranges, keyOf(d.Log, d.Span))
}

func (d *DropRange) made(s *Store) error {
	s.ranges.mu.Lock()
	defer s.ranges.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(s.ranges.byLog[d.Log]), func(h heldRange) bool { return h.Span == d.Span })
	if s.ranges.byLog[d.Log] = list; len(list) == 0 {
		delete(s.ranges.byLog, d.Log)
	}
	return nil
}

// FirstRange returns the first row of a log.
func (s *Store) FirstRange(log digest.Hash) (syncer.Span, bool) {
	list := s.ranges.of(log)
	if len(list) == 0 {
		return syncer.Span{}, false
	}
	return list[0].Span, true
}

// ReadRange reads the row of a span. The error is ErrNotHeld if there is none
// any more, or a *CorruptError.
func (s *Store) ReadRange(l *Log, span syncer.Span) (*syncer.Range, error) {
	var b []byte
	var found bool
	err := s.aof.View(func(v *aof.View) error {
		value, ok, err := v.Get(aof.Ranges, layout.Ranges.Key(keyOf(l.ID, span)))
		b, found = bytes.Clone(value), ok
		return err
	})
	if errors.Is(err, aof.ErrCorrupt) {
		err = &CorruptError{Where: rangeName(l.ID, span), What: "its row", Err: err}
	}
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: %s", ErrNotHeld, rangeName(l.ID, span))
	}
	info, err := l.info()
	if err != nil {
		return nil, err
	}
	return decodeRange(info, span, b)
}

// Missing returns the parts of a range that are not held yet.
func (s *Store) Missing(l *Log, r *syncer.Range) (parts []*syncer.Range, err error) {
	for _, gap := range chunk.Gaps(s.Held(l), syncer.Span{First: r.First, End: r.End()}) {
		part, err := r.Cut(gap.First, gap.End)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// Held returns what is held of a log in order, its prefix first. Spans that
// touch are one.
func (s *Store) Held(l *Log) []syncer.Span {
	var rows []syncer.Span
	for _, r := range s.ranges.of(l.ID) { // before the prefix, which what is absorbed moves to
		rows = append(rows, r.Span)
	}
	held := chunk.Held(l.State().Size, rows)
	if cut, ok := l.Cut(); ok {
		held = chunk.Clip(held, cut)
	}
	return held
}

// Gaps returns what is not held of a log, up to the newest head that is known.
func (s *Store) Gaps(l *Log) []syncer.Span {
	return chunk.Gaps(s.Held(l), syncer.Span{End: s.Known(l)})
}

// GapsIn returns what is not held of a part of a log.
func (s *Store) GapsIn(l *Log, part syncer.Span) []syncer.Span { return chunk.Gaps(s.Held(l), part) }

// NewestHead returns the newest head that something held is proven under; of
// nothing held it is the zero head.
func (s *Store) NewestHead(l *Log) (proof.Head, error) {
	p := l.State()
	if h, ok := s.headOfRanges(l, p.HeadSize()); ok {
		return h, nil
	}
	return l.Head(p)
}

// Known returns how many events the newest head counts.
func (s *Store) Known(l *Log) uint64 {
	size := l.State().HeadSize()
	if h, ok := s.headOfRanges(l, size); ok {
		size = h.Size
	}
	return size
}

// headOfRanges returns the newest head that a range is proven under, if it counts more
// than size events.
func (s *Store) headOfRanges(l *Log, size uint64) (newest proof.Head, ok bool) {
	newest.Size = size
	for _, r := range s.ranges.of(l.ID) {
		if r.head.Size > newest.Size && r.head.Verify(l.AuthorKey()) == nil { // it was read without its checksum
			newest, ok = r.head, true
		}
	}
	return newest, ok
}

// gapError says what is missing around an event; nil if the event is not
// known to be in the log.
func (s *Store) gapError(l *Log, seq uint64) error {
	for _, gap := range s.Gaps(l) {
		if seq >= gap.First && seq < gap.End {
			return &GapError{Log: l.ID, Seq: seq, Gap: gap}
		}
	}
	return nil
}
