// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"math"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
)

// BenchmarkStrangers reports what a node keeps of peers that prove no topic:
// some that greet nobody, and some that open 256 streams each over TCP and fill
// the first window of all. The memory of their own ends is in it.
func BenchmarkStrangers(b *testing.B) {
	for name, c := range map[string]struct{ peers, streams int }{"silent=64": {64, 0}, "greedy=24": {24, 256}} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.ReportMetric(float64(heapOf(b, c.peers, c.streams)/1024), "KiB")
			}
		})
	}
}

// heapOf returns how much the heap grows by strangers.
func heapOf(b *testing.B, peers, streams int) int64 {
	db, err := xaeroflux.Open(b.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	at, err := db.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr, err := identity.ParseAddress(at.String())
	if err != nil {
		b.Fatal(err)
	}
	before := heapInUse()
	attack := make([]byte, 0, streams*(256<<10+24)+12)
	for i := range streams + 1 {
		attack = append(attack, 0, 1, 0, 1)
		attack = append(binary.BigEndian.AppendUint32(attack, uint32(2*i+1)), 0, 0, 0, 0)
		if i > 0 {
			attack = binary.BigEndian.AppendUint32(append(attack, 0, 0, 0, 0), uint32(2*i+1))
			attack = append(binary.BigEndian.AppendUint32(attack, 256<<10), make([]byte, 256<<10)...)
		}
	}
	for range peers {
		_, key, _ := ed25519.GenerateKey(nil)
		cert, err := peertls.Certificate(key)
		if err != nil {
			b.Fatal(err)
		}
		raw, err := net.Dial("tcp", addr.Host)
		if err != nil {
			b.Fatal(err)
		}
		defer raw.Close()
		conf, err := peertls.Dial(cert, identity.SchemeTCP, addr.Peer)
		if err != nil {
			b.Fatal(err)
		}
		tc := tls.Client(raw, conf)
		if tc.Handshake() == nil {
			go tc.Write(attack)
		}
	}
	time.Sleep(4 * time.Second) // what they are given by then
	grown := heapInUse() - before
	runtime.KeepAlive(attack)
	return grown - int64(cap(attack))
}

// heapInUse returns what the heap holds once no more of it goes: what earlier tests left
// may go in several collections.
func heapInUse() int64 {
	var m runtime.MemStats
	for last := int64(math.MaxInt64); ; {
		runtime.GC()
		runtime.ReadMemStats(&m)
		now := int64(m.HeapAlloc)
		if now > last-32<<10 {
			return now
		}
		last = now
		time.Sleep(50 * time.Millisecond)
	}
}
