// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// naive is the store as plain maps. Events of a log are whole: trimming is by
// chunk, so a store may hold more than naive's low, but never less.
type naive struct {
	logs   map[digest.Hash]LogRow
	small  map[Bucket]map[string]string
	events map[uint32]map[uint64]string // by log number and sequence
	low    map[uint32]uint64            // first sequence that must be there
	end    map[uint32]uint64
}

func newNaive() *naive {
	n := &naive{map[digest.Hash]LogRow{}, map[Bucket]map[string]string{}, map[uint32]map[uint64]string{}, map[uint32]uint64{}, map[uint32]uint64{}}
	for b := Topics; b.valid(); b++ {
		n.small[b] = map[string]string{}
	}
	return n
}

func (n *naive) clone() *naive {
	c := newNaive()
	maps.Copy(c.logs, n.logs)
	for b := range n.small {
		maps.Copy(c.small[b], n.small[b])
	}
	for num, m := range n.events {
		c.events[num] = maps.Clone(m)
	}
	maps.Copy(c.low, n.low)
	maps.Copy(c.end, n.end)
	return c
}

// diff reads the whole view and says where it differs.
func (n *naive) diff(v *View) error {
	for _, check := range append(n.parts(), n.diffLogs) {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

func (n *naive) diffLogs(v *View) error {
	logs := map[digest.Hash]LogRow{}
	if err := v.ForEachLog(func(r LogRow) error { logs[r.ID] = r; return nil }); err != nil {
		return err
	}
	if !maps.EqualFunc(logs, n.logs, sameRow) {
		return fmt.Errorf("%d logs differ from %d", len(logs), len(n.logs))
	}
	for id, want := range n.logs {
		if got, ok, err := v.Log(id); err != nil || !ok || !sameRow(got, want) {
			return errors.Join(fmt.Errorf("log %d differs", want.Num), err)
		}
	}
	if _, ok, err := v.Log(digest.Sum([]byte("none"))); ok || err != nil {
		return fmt.Errorf("log that is not there: %v, %w", ok, err)
	}
	return nil
}

func sameRow(a, b LogRow) bool {
	if !slices.Equal(a.Right, b.Right) {
		return false
	}
	a.Right, b.Right = nil, nil
	return rowFields(a) == rowFields(b)
}

// parts are checks that stand alone, so that damage to one hides no other.
func (n *naive) parts() (checks []func(*View) error) {
	for b := range n.small {
		checks = append(checks, func(v *View) error { return n.diffSmall(v, b) })
	}
	for num := range n.end {
		checks = append(checks, func(v *View) error { return n.diffEvents(v, num) })
	}
	return checks
}

func (n *naive) diffSmall(v *View, b Bucket) error {
	got := map[string]string{}
	var order []string
	err := v.ForEach(b, nil, func(k, val []byte) error {
		got[string(k)] = string(val)
		order = append(order, string(k))
		return nil
	})
	if err != nil {
		return err
	}
	if !maps.Equal(got, n.small[b]) || !slices.IsSorted(order) {
		return fmt.Errorf("%s: %d rows differ from %d", b, len(got), len(n.small[b]))
	}
	for k, want := range got {
		if val, ok, err := v.Get(b, []byte(k)); err != nil || !ok || string(val) != want {
			return errors.Join(fmt.Errorf("%s row %x differs", b, k), err)
		}
	}
	return nil
}

func (n *naive) diffEvents(v *View, num uint32) error {
	low, end := n.low[num], n.end[num]
	at := low
	err := v.Events(num, low, end, func(first uint64, count int, records []byte) error {
		if first != at {
			return fmt.Errorf("log %d: run at %d, want %d", num, first, at)
		}
		for range count {
			size, err := event.RecordLen(records)
			if err != nil {
				return err
			}
			if string(records[:size]) != n.events[num][at] {
				return fmt.Errorf("log %d event %d differs", num, at)
			}
			at++
			records = records[size:]
		}
		if len(records) != 0 {
			return fmt.Errorf("log %d: %d bytes after event %d", num, len(records), at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if at != end {
		return fmt.Errorf("log %d: events end at %d, want %d", num, at, end)
	}
	err = v.Events(num, end, end+1, func(uint64, int, []byte) error { return nil })
	if !errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("log %d: event %d past the end: %w", num, end, err)
	}
	return nil
}

// randomOps applies a few operations to both.
func (n *naive) randomOps(t *Txn, rng *rand.Rand) error {
	for range 1 + rng.IntN(8) {
		var err error
		switch rng.IntN(8) {
		case 0:
			err = n.putLog(t, rng)
		case 1:
			b := Topics + Bucket(rng.IntN(4))
			k := fmt.Appendf(nil, "k%d", rng.IntN(300))
			v := bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(300))
			if rng.IntN(20) == 0 {
				v = bytes.Repeat(v, 40) // an overflow value
			}
			n.small[b][string(k)] = string(v)
			err = t.Put(b, k, v)
		case 2:
			b := Topics + Bucket(rng.IntN(4))
			k := fmt.Appendf(nil, "k%d", rng.IntN(300))
			delete(n.small[b], string(k))
			err = t.Delete(b, k)
		case 3:
			err = n.trim(t, rng)
		case 4:
			err = n.drop(t, rng)
		default:
			err = n.appendEvents(t, rng)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *naive) putLog(t *Txn, rng *rand.Rand) error {
	r := randomRow(rng)
	if old, known := n.logs[r.ID]; known && rng.IntN(2) == 0 {
		r.Num = old.Num
	}
	if err := t.PutLog(&r); err != nil {
		return err
	}
	if old, known := n.logs[r.ID]; known && old.Num != r.Num || !known && int(r.Num) != len(n.logs)+1 {
		return fmt.Errorf("log numbered %d", r.Num)
	}
	n.logs[r.ID] = r
	return nil
}

func (n *naive) appendEvents(t *Txn, rng *rand.Rand) error {
	num := uint32(1 + rng.IntN(5))
	first, count := n.end[num], 1+rng.IntN(400)
	if rng.IntN(10) == 0 { // a gap: all below was sealed elsewhere
		first += uint64(rng.IntN(9))
		n.low[num], n.events[num] = first, nil
	}
	size := 1 << rng.IntN(8)
	if rng.IntN(30) == 0 {
		size, count = 200<<10, 3
	}
	records := randomRecords(rng, count, size)
	if n.events[num] == nil {
		n.events[num] = map[uint64]string{}
	}
	var all []byte
	for i, r := range records {
		n.events[num][first+uint64(i)] = string(r)
		all = append(all, r...)
	}
	n.end[num] = first + uint64(count)
	return t.AppendEvents(num, first, all, count)
}

func (n *naive) trim(t *Txn, rng *rand.Rand) error {
	num := uint32(1 + rng.IntN(5))
	low, end := n.low[num], n.end[num]
	if end > low {
		low += rng.Uint64N(end - low + 1)
	}
	n.low[num] = low
	return t.TrimEvents(num, low)
}

func (n *naive) drop(t *Txn, rng *rand.Rand) error {
	num := uint32(1 + rng.IntN(5))
	low, end := n.low[num], n.end[num]
	if end <= low {
		return nil
	}
	end -= rng.Uint64N(min(end-low, 50) + 1)
	for seq := range n.events[num] {
		if seq >= end {
			delete(n.events[num], seq)
		}
	}
	n.end[num] = end
	return t.DropEventsFrom(num, end)
}

func randomRow(rng *rand.Rand) LogRow {
	r := LogRow{ID: digest.Sum([]byte{byte(rng.IntN(200))}), PageBytes: 4096 << rng.IntN(5), Own: rng.IntN(2) == 0, Frozen: rng.IntN(9) == 0}
	for i := range r.Topic {
		r.Topic[i], r.Author[i], r.HeadRoot[i], r.HeadSig[i] = byte(i), byte(rng.Uint32()), byte(i*3), byte(rng.Uint32())
	}
	r.Size = rng.Uint64N(1 << rng.IntN(48))
	if r.Size > 0 {
		r.LastTime = rng.Int64N(event.MaxTime + 1)
	}
	r.Closed = event.Reason(rng.IntN(9))
	r.HeadSize = r.Size + rng.Uint64N(1000)
	if r.Size > 0 && rng.IntN(2) == 0 {
		r.SealedSize = 1 + rng.Uint64N(r.Size)
		r.SealedPages = 1 + r.SealedSize/7
	}
	if r.Own {
		r.HighWater = r.HeadSize
	}
	if r.HeadSize > r.Size {
		for range rng.IntN(20) {
			r.Right = append(r.Right, digest.Hash{byte(rng.Uint32())})
		}
	}
	return r
}

func randomRecords(rng *rand.Rand, count, size int) [][]byte {
	payload := make([]byte, size)
	out := make([][]byte, count)
	for i := range out {
		for j := range min(size, 8) {
			payload[j] = byte(rng.Uint32())
		}
		r, err := event.AppendRecord(nil, event.Event{Type: "t", Payload: payload[:rng.IntN(size)+1]}, int64(i), 0)
		if err != nil {
			panic(err)
		}
		out[i] = r
	}
	return out
}

// TestAgainstMaps runs random transactions, some of them aborted, and holds the
// store against its naive twin after each, and again after reopening it.
func TestAgainstMaps(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{MapBytes: 1, Key: testKey})
	model := newNaive()
	abort := errors.New("abort")
	for i := range 80 {
		var next *naive
		quit := rng.IntN(6) == 0
		src := rand.NewPCG(rng.Uint64(), 7)
		b, _ := src.MarshalBinary()
		err := s.Commit(func(tx *Txn) error { // repeatable: each run starts from the same random state
			again := new(rand.PCG)
			if err := again.UnmarshalBinary(b); err != nil {
				return err
			}
			next = model.clone()
			if err := next.randomOps(tx, rand.New(again)); err != nil {
				return err
			}
			if err := next.diff(&tx.View); err != nil {
				return fmt.Errorf("inside the transaction: %w", err)
			}
			if quit {
				return abort
			}
			return nil
		})
		switch {
		case quit && err != abort, !quit && err != nil:
			t.Fatalf("commit %d: %v", i, err)
		case !quit:
			model = next
		}
		if rng.IntN(10) == 0 {
			mustClose(t, s)
			if err := Check(dir); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, dir, Options{MapBytes: 1, Key: testKey})
		}
		if err := s.View(model.diff); err != nil {
			t.Fatalf("after commit %d: %v", i, err)
		}
	}
	mustClose(t, s)
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// rowFields is a row as a comparable value; Right is compared apart.
func rowFields(r LogRow) any {
	return struct {
		id, topic, root  digest.Hash
		author           [32]byte
		sig              [64]byte
		num, pageBytes   uint32
		own, frozen      bool
		size, sealed     uint64
		pages, head, top uint64
	}{r.ID, r.Topic, r.HeadRoot, r.Author, r.HeadSig, r.Num, r.PageBytes, r.Own, r.Frozen, r.Size, r.SealedSize, r.SealedPages, r.HeadSize, r.HighWater}
}
