// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// BenchmarkCommit commits batches of 268 byte records as the AOF actor does:
// append, the log's row, and a trim that keeps the file small.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 64, 1024, 4096} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			s := mustOpen(b, b.TempDir(), Options{})
			r := LogRow{ID: digest.Sum([]byte("bench")), PageBytes: 16384, Own: true}
			var records []byte
			for range batch {
				records, _ = event.AppendRecord(records, event.Event{Payload: make([]byte, 256)}, 0, 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				err := s.Commit(func(tx *Txn) error { return commitBatch(tx, &r, records, batch) })
				if err != nil {
					b.Fatal(err)
				}
				r.Size += uint64(batch)
			}
			b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "us/commit")
		})
	}
}

func commitBatch(tx *Txn, r *LogRow, records []byte, count int) error {
	row := *r
	row.Size += uint64(count)
	if row.Size > 100000 {
		row.SealedSize, row.SealedPages = row.Size-100000, 1
	}
	if err := tx.PutLog(&row); err != nil {
		return err
	}
	r.Num = row.Num
	if err := tx.AppendEvents(row.Num, r.Size, records, count); err != nil {
		return err
	}
	return tx.TrimEvents(row.Num, row.SealedSize)
}

func BenchmarkEvents(b *testing.B) {
	s := mustOpen(b, b.TempDir(), Options{})
	const count = 100000
	var records []byte
	for range count {
		records, _ = event.AppendRecord(records, event.Event{Payload: make([]byte, 256)}, 0, 0)
	}
	if err := s.Commit(func(tx *Txn) error { return tx.AppendEvents(1, 0, records, count) }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		err := s.View(func(v *View) error {
			return v.Events(1, 0, count, func(uint64, int, []byte) error { return nil })
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkViewLog(b *testing.B) {
	s := mustOpen(b, b.TempDir(), Options{})
	r := LogRow{ID: digest.Sum([]byte("bench")), PageBytes: 16384, Own: true}
	if err := s.Commit(func(tx *Txn) error { return tx.PutLog(&r) }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		err := s.View(func(v *View) error { _, _, err := v.Log(r.ID); return err })
		if err != nil {
			b.Fatal(err)
		}
	}
}
