// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/transport"
)

// A weakSocket accepts as told.
type weakSocket struct {
	net.Listener
	refuses atomic.Pointer[syscall.Errno] // nil: nothing comes
	closed  chan struct{}
}

func (w *weakSocket) Accept() (net.Conn, error) {
	if no := w.refuses.Load(); no != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: *no}
	}
	<-w.closed
	return nil, net.ErrClosed
}

func (w *weakSocket) Close() error {
	close(w.closed)
	return nil
}

// TestRefusedSockets: a listener outlasts a machine that has no more sockets, and says
// so meanwhile; one that nothing can be accepted on ends and says why.
func TestRefusedSockets(t *testing.T) {
	none := errors.New("lost")
	for no, ends := range map[syscall.Errno]bool{syscall.EMFILE: false, syscall.EINVAL: true} {
		n, err := New("test", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := &weakSocket{closed: make(chan struct{})}
		w.refuses.Store(&no)
		var lost error
		l, err := n.Listen(w, "here", ListenOptions{Place: net.Addr.String, Lost: func() error { return lost }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*maxFailures*busyPause)
		_, err = l.Accept(ctx)
		if ended := errors.Is(err, no); ended != ends || errors.Is(err, transport.ErrClosed) {
			t.Errorf("%v: accept ends with %v", no, err)
		}
		if _, why := l.Trouble(); !errors.Is(why, no) {
			t.Errorf("%v: trouble is %v", no, why)
		}
		if lost = none; !ends {
			w.refuses.Store(nil)
		}
		if _, why := l.Trouble(); why != none {
			t.Errorf("trouble is %v, want %v", why, none)
		}
		cancel()
		l.Close()
		n.Close()
	}
}
