// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"io"
	"sync"
	"testing"
)

// BenchmarkStream moves 64 MiB an operation over loopback, both ends in this
// process, with one stream and with four.
func BenchmarkStream(b *testing.B) {
	for _, c := range []struct {
		name    string
		o       Options
		streams int
	}{{"default/1", Options{}, 1}, {"default/4", Options{}, 4}, {"phone/1", Phone, 1}} {
		b.Run(c.name, func(b *testing.B) { benchStreams(b, c.o, c.streams) })
	}
}

func benchStreams(b *testing.B, o Options, streams int) {
	const total = 64 << 20
	x, y := newCarrier(b, 1, o), newCarrier(b, 2, o)
	dialed, accepted := connect(b, x, listen(b, y, "127.0.0.1:0"))
	go func() {
		for {
			s, err := accepted.AcceptStream(context.Background())
			if err != nil {
				return
			}
			go func() {
				io.Copy(io.Discard, s)
				s.CloseWrite()
			}()
		}
	}()
	chunk := make([]byte, 256<<10)
	b.SetBytes(total)
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for range streams {
			wg.Go(func() { sendAll(b, dialed.(*conn), chunk, total/streams) })
		}
		wg.Wait()
	}
}

// sendAll writes n bytes and waits until the other end has read them.
func sendAll(b *testing.B, c *conn, chunk []byte, n int) {
	s, err := c.OpenStream(context.Background())
	if err != nil {
		b.Error(err)
		return
	}
	for ; n > 0; n -= len(chunk) {
		if _, err := s.Write(chunk); err != nil {
			b.Error(err)
			return
		}
	}
	s.CloseWrite()
	if _, err := io.Copy(io.Discard, s); err != nil {
		b.Error(err)
	}
}
