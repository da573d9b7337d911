// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// benchPages makes n full pages of 268-byte records.
func benchPages(b *testing.B, n int) (pages []byte, perPage int) {
	b.Helper()
	r := record(b, rand.New(rand.NewPCG(1, 1)), 255)
	perPage = (DefaultPageBytes - PageHeaderBytes) / len(r)
	builder := NewBuilder(DefaultPageBytes, 0, 0)
	err := builder.AddRun(bytes.Repeat(r, n*perPage+1), n*perPage+1, func(_ uint64, page []byte, _ Seal) error {
		pages = append(pages, page...)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return pages, perPage
}

func BenchmarkWritePagesSync(b *testing.B) {
	for _, group := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(group), func(b *testing.B) {
			pages, perPage := benchPages(b, group)
			l := openLog(b, durable.OS, b.TempDir(), testParams(DefaultPageBytes, 1024), Options{})
			b.SetBytes(int64(len(pages)))
			at := uint64(0)
			for b.Loop() {
				if err := l.WritePages(at, pages); err != nil {
					b.Fatal(err)
				}
				if err := l.SyncPages(); err != nil {
					b.Fatal(err)
				}
				at += uint64(group)
			}
			b.ReportMetric(float64(at)/b.Elapsed().Seconds(), "pages/s")
			b.ReportMetric(float64(at)*float64(perPage)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkWriteTree(b *testing.B) {
	l := openLog(b, durable.OS, b.TempDir(), testParams(DefaultPageBytes, 1024), Options{})
	nodes := make([]digest.Hash, 100)
	at := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		e := Entry{First: 61 * at, Count: 61}
		if err := l.WriteTree(at, e.First, e.Count, nodes[:e.Nodes()]); err != nil {
			b.Fatal(err)
		}
		at++
	}
}

func benchLog(b *testing.B, pages int) (l *Log, perPage int) {
	b.Helper()
	l = openLog(b, durable.OS, b.TempDir(), testParams(DefaultPageBytes, 1024), Options{})
	all, perPage := benchPages(b, pages)
	if err := l.WritePages(0, all); err != nil {
		b.Fatal(err)
	}
	nodes := make([]digest.Hash, 100)
	for i := range pages {
		e := Entry{First: uint64(i * perPage), Count: perPage}
		if err := l.WriteTree(uint64(i), e.First, e.Count, nodes[:e.Nodes()]); err != nil {
			b.Fatal(err)
		}
	}
	return l, perPage
}

func BenchmarkPageGetWalk(b *testing.B) {
	const pages = 4096
	l, _ := benchLog(b, pages)
	rnd := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	b.SetBytes(DefaultPageBytes)
	for b.Loop() {
		ref, err := l.Page(rnd.Uint64N(pages))
		if err != nil {
			b.Fatal(err)
		}
		for rest := ref.Header.Records(ref.Bytes); len(rest) > 0; {
			_, n, err := event.DecodeRecord(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		ref.Release()
	}
}

func BenchmarkPageGet(b *testing.B) {
	const pages = 4096
	l, _ := benchLog(b, pages)
	rnd := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	for b.Loop() {
		ref, err := l.Page(rnd.Uint64N(pages))
		if err != nil {
			b.Fatal(err)
		}
		ref.Release()
	}
}

func BenchmarkFindPage(b *testing.B) {
	const pages = 4096
	l, perPage := benchLog(b, pages)
	rnd := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := l.FindPage(rnd.Uint64N(uint64(pages*perPage)), pages); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTreeNodesAt(b *testing.B) {
	const pages = 4096
	l, _ := benchLog(b, pages)
	rnd := rand.New(rand.NewPCG(2, 2))
	var out [5]digest.Hash
	b.ReportAllocs()
	for b.Loop() {
		if err := l.TreeNodesAt(rnd.Uint64N(pages), []int{0, 20, 35, 43, 48}, out[:]); err != nil {
			b.Fatal(err)
		}
	}
}
