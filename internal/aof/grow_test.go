// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
)

// TestGrow fills the map from 1 MiB to more than 64 while Views read all of it.
func TestGrow(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{MapBytes: minMapBytes})
	var size atomic.Uint64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				held := size.Load() // before the snapshot is taken
				if err := s.View(func(v *View) error { return wantSized(v, held) }); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond) // leave the writer a processor
			}
		})
	}
	const bytes, step = 70 << 20, 4 << 20
	runs := 0
	for done := 0; done < bytes; done += step {
		err := s.Commit(func(tx *Txn) error { runs++; return appendSized(tx, size.Load(), step) })
		if err != nil {
			t.Fatal(err)
		}
		size.Add(step / sizedBytes)
	}
	close(stop)
	readers.Wait()
	st, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if st.MapBytes < 64<<20 || runs < bytes/step+5 {
		t.Fatalf("map of %d bytes after %d runs of %d commits", st.MapBytes, runs, bytes/step)
	}
	trimAndCompact(t, s, dir, size.Load())
}

// trimAndCompact trims nearly all and wants a small file after the next Open.
func trimAndCompact(t *testing.T, s *Store, dir string, size uint64) {
	put(t, s, "k", "1")
	if err := s.Commit(func(tx *Txn) error { return tx.TrimEvents(1, size-50) }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir, Options{MapBytes: minMapBytes})
	st, err := s.Stats()
	if err != nil || st.FileBytes > 1<<20 || get(t, s, "k") != "1" {
		t.Fatalf("file of %d bytes after compaction, %v", st.FileBytes, err)
	}
	err = s.View(func(v *View) error {
		return v.Events(1, size-50, size, func(uint64, int, []byte) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(func(tx *Txn) error { return appendSized(tx, size, 2<<20) }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if err := Check(dir); err != nil {
		t.Fatal(err)
	}
}

// A sized event takes exactly sizedBytes and tells its sequence.
const sizedBytes = 4096

func appendSized(t *Txn, first uint64, bytes int) error {
	var records []byte
	count := bytes / sizedBytes
	for i := range count {
		records = sized(records, first+uint64(i))
	}
	return t.AppendEvents(1, first, records, count)
}

func sized(dst []byte, seq uint64) []byte {
	payload := make([]byte, sizedBytes-event.HeaderBytes)
	copy(payload, fmt.Sprint(seq))
	dst, err := event.AppendRecord(dst, event.Event{Payload: payload}, 0, 0)
	if err != nil {
		panic(err)
	}
	return dst
}

// wantSized checks a sample of the events below size.
func wantSized(v *View, size uint64) error {
	if size == 0 {
		return nil
	}
	from := rand.Uint64N(size)
	return v.Events(1, from, min(from+50, size), func(first uint64, count int, records []byte) error {
		for i := range uint64(count) {
			want := fmt.Sprint(first + i)
			at := i*sizedBytes + event.HeaderBytes
			if got := string(records[at : at+uint64(len(want))]); got != want {
				return fmt.Errorf("event %s, want %s", got, want)
			}
		}
		return nil
	})
}

// TestLargestEvent stores an event of 16 MiB between small ones, in a map of 1 MiB.
func TestLargestEvent(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{MapBytes: minMapBytes})
	big, err := event.AppendRecord(nil, event.Event{Type: "big", Key: make([]byte, event.MaxKey), Payload: make([]byte, event.MaxPayload)}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := append(append(sized(nil, 0), big...), sized(nil, 2)...)
	if err := s.Commit(func(tx *Txn) error { return tx.AppendEvents(9, 5, want, 3) }); err != nil {
		t.Fatal(err)
	}
	var got []byte
	err = s.View(func(v *View) error {
		return v.Events(9, 5, 8, func(first uint64, count int, records []byte) error {
			if count != 1 {
				t.Errorf("%d records from %d: the large one is not alone", count, first)
			}
			got = append(got, records...)
			return nil
		})
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes of %d: %v", len(got), len(want), err)
	}
}

// TestChurn appends and trims far more than the file may hold.
func TestChurn(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	next := map[uint32]uint64{}
	const keep = 1 << 20 / sizedBytes // events of each log that are not trimmed
	total := 0
	for range 90 {
		err := s.Commit(func(tx *Txn) error {
			for num := uint32(1); num <= 3; num++ {
				count := 1 + rng.IntN(120)
				var records []byte
				for i := range count {
					records = sized(records, next[num]+uint64(i))
				}
				if err := tx.AppendEvents(num, next[num], records, count); err != nil {
					return err
				}
				next[num] += uint64(count)
				total += count * sizedBytes
				if next[num] > keep {
					if err := tx.TrimEvents(num, next[num]-keep); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB through a file of %.1f MiB, %d of %d pages free", total>>20, float64(st.FileBytes)/(1<<20), st.FreePages, st.FreePages+st.UsedPages)
	if st.FileBytes > 16<<20 || st.MapBytes != defaultMapBytes {
		t.Fatalf("file of %d bytes, map of %d, for 3 MiB kept", st.FileBytes, st.MapBytes)
	}
}

// TestSmallLogs measures what a small log costs.
func TestSmallLogs(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	before, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	const logs = 10000
	rng := rand.New(rand.NewPCG(1, 2))
	for done := 0; done < logs; done += 1000 {
		err := s.Commit(func(tx *Txn) error {
			for range 1000 {
				r := LogRow{PageBytes: 16384, Size: 5, HeadSize: 5}
				for i := range r.ID {
					r.ID[i] = byte(rng.Uint32())
				}
				if err := tx.PutLog(&r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	each := float64((after.UsedPages-before.UsedPages)*uint64(after.PageBytes)) / logs
	t.Logf("%.0f bytes a log", each)
	if each > 320 || after.Logs != logs {
		t.Fatalf("%.0f bytes a log, %d logs", each, after.Logs)
	}
	mustClose(t, s)
	began := time.Now()
	mustOpen(t, dir, Options{})
	t.Logf("opened in %v", time.Since(began))
}

func TestAppendRefusesOverlap(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	one := sized(nil, 0)
	for i, c := range []struct {
		first uint64
		num   uint32
		count int
		ok    bool
	}{
		{10, 2, 1, true}, {10, 2, 1, false}, {9, 2, 1, false}, {11, 2, 1, true}, {20, 2, 1, true}, {0, 1, 1, true},
		{0, 3, 1, true}, {0, 0, 1, false}, {1, 3, 2, false}, {1, 3, 0, false}, {maxSize, 3, 1, false}, {1, 3, 1, true},
	} {
		err := s.Commit(func(tx *Txn) error { return tx.AppendEvents(c.num, c.first, one, c.count) })
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("append %d: %v", i, err)
		}
	}
}

// TestManyViews opens more Views at once than LMDB has reader slots.
func TestManyViews(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	put(t, s, "k", "1")
	var all sync.WaitGroup
	var waiting atomic.Int32
	release := make(chan struct{})
	for range maxViews + 100 {
		all.Go(func() {
			err := s.View(func(v *View) error {
				if waiting.Add(1) == maxViews {
					close(release)
				}
				<-release
				_, ok, err := v.Get(Meta, []byte("k"))
				if !ok {
					return fmt.Errorf("missing, %w", err)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
