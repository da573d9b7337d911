// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStrangerWindow: what a stranger can send ahead of us does not depend on how
// many streams it opens, nor on how much of one is read; once it is admitted all
// of it comes.
func TestStrangerWindow(t *testing.T) {
	b := newCarrier(t, 2, small)
	dialed, accepted := connect(t, newCarrier(t, 1, small), listen(t, b, "127.0.0.1:0"))
	first, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go first.Write(make([]byte, 1<<20))
	s, err := accepted.AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1<<20)); err != nil { // the window moves on, and is no wider
		t.Fatal(err)
	}
	const each = 100_000
	var sent atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		r, err := dialed.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		all.Go(func() {
			n, _ := r.Write(make([]byte, each))
			sent.Add(int64(n))
			r.SetWriteDeadline(time.Time{})
			go func() {
				r.Write(make([]byte, each-n))
				r.CloseWrite()
			}()
		})
	}
	all.Wait()
	if n := sent.Load(); n > 2*strangerWindow {
		t.Errorf("%d bytes sent ahead, want at most %d", n, 2*strangerWindow)
	}
	accepted.Admit()
	for range 8 {
		s, err := accepted.AcceptStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { // together: what is not read of one is room that the others lack
			if n, err := io.Copy(io.Discard, s); n != each || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
	all.Wait()
}
