// SPDX-License-Identifier: MPL-2.0

package doors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A world is a set of doors behind a connection.
type world struct {
	t    *testing.T
	set  *Set
	conn transport.Conn // of the caller
	who  Caller         // the caller, as the set knows it
}

func newWorld(t *testing.T) *world {
	net := transport.NewMemory(transport.MemoryOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	server, client := net.Node(identity.PeerID{1}), net.Node(identity.PeerID{2})
	l, err := server.Listen(ctx, "a:1")
	must(t, err)
	conn, err := client.Dial(ctx, l.Addr())
	must(t, err)
	served, err := l.Accept(ctx)
	must(t, err)
	w := &world{t: t, set: New(slog.New(slog.DiscardHandler)), conn: conn, who: Caller{Peer: identity.PeerID{2}, Topics: []identity.TopicID{{7}}}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			stream, err := served.AcceptStream(ctx)
			if err != nil {
				return
			}
			wg.Go(func() {
				body, err := messages.ReadFrame(stream, messages.MaxHelloFrame, nil)
				if err != nil {
					return
				}
				m, err := messages.Decode(body)
				if err != nil {
					t.Error(err)
					return
				}
				w.set.Serve(ctx, stream, m.(*messages.Open), w.who)
			})
		}
	})
	t.Cleanup(func() {
		w.set.Close()
		cancel()
		if err := w.set.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
		client.Close()
		wg.Wait()
	})
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) open(name string) (*Call, error) {
	w.t.Helper()
	stream, err := w.conn.OpenStream(w.t.Context())
	must(w.t, err)
	return Open(w.t.Context(), stream, name, []byte("hello"), Caller{Peer: identity.PeerID{1}})
}

// code is what a call was refused with.
func code(err error) messages.Code {
	var r *RefusedError
	if errors.As(err, &r) {
		return r.Code
	}
	return messages.CodeOK
}

func TestACallAndItsEnd(t *testing.T) {
	w := newWorld(t)
	stop, err := w.set.Register("echo", Door{Serve: func(_ context.Context, c *Call) error {
		if string(c.Param) != "hello" || c.Peer != w.who.Peer || !c.Shares(identity.TopicID{7}) {
			return fmt.Errorf("called by %+v", c)
		}
		_, err := io.Copy(c, c)
		return err
	}})
	must(t, err)
	c, err := w.open("echo")
	must(t, err)
	_, err = c.Write([]byte("one two"))
	must(t, err)
	must(t, c.CloseWrite())
	if b, err := io.ReadAll(c); err != nil || string(b) != "one two" {
		t.Errorf("%q, %v", b, err)
	}
	must(t, c.Close())
	stop()
	stop()
	if _, err := w.open("echo"); code(err) != messages.CodeNoCapability {
		t.Errorf("a door that is closed: %v", err)
	}
}

func TestWhoIsNotLetIn(t *testing.T) {
	w := newWorld(t)
	hold := make(chan struct{})
	_, err := w.set.Register("slow", Door{Limits: Limits{Calls: 2, Burst: 4, Rate: 1e-9}, Serve: func(ctx context.Context, c *Call) error {
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return nil
	}})
	must(t, err)
	topics := w.who.Topics
	w.who.Topics = nil
	if _, err := w.open("slow"); code(err) != messages.CodeNotShared {
		t.Errorf("a stranger: %v", err)
	}
	w.who.Topics = topics
	var open []*Call
	for range 2 {
		c, err := w.open("slow")
		must(t, err)
		open = append(open, c)
	}
	if _, err := w.open("slow"); code(err) != messages.CodeBusy {
		t.Errorf("one call too many at a time: %v", err)
	}
	close(hold)
	for _, c := range open {
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
	}
	c, err := w.open("slow")
	must(t, err)
	must(t, c.Close())
	if _, err := w.open("slow"); code(err) != messages.CodeBusy {
		t.Errorf("the fifth of four at once: %v", err)
	}
}

func TestACallIsBounded(t *testing.T) {
	w := newWorld(t)
	ended := make(chan error, 1)
	_, err := w.set.Register("big", Door{Limits: Limits{Bytes: 100}, Serve: func(_ context.Context, c *Call) error {
		_, err := io.Copy(io.Discard, c)
		ended <- err
		return err
	}})
	must(t, err)
	_, err = w.set.Register("long", Door{Limits: Limits{Time: time.Millisecond}, Serve: func(ctx context.Context, c *Call) error {
		_, err := c.Read(make([]byte, 1)) // nothing comes
		ended <- ctx.Err()
		return err
	}})
	must(t, err)
	c, err := w.open("big")
	must(t, err)
	_, err = c.Write(make([]byte, 101))
	must(t, err)
	if err := <-ended; !errors.Is(err, ErrLimit) {
		t.Errorf("101 bytes of 100: %v", err)
	}
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the caller reads an end as if it had gone well")
	}
	c, err = w.open("long")
	must(t, err)
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call without end: %v", err)
	}
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the caller reads an end as if it had gone well")
	}
}

// A panic ends its own call, and nothing else.
func TestAHandlerThatPanics(t *testing.T) {
	w := newWorld(t)
	heard := make(chan string, 4)
	_, err := w.set.Register("odd", Door{
		Serve: func(context.Context, *Call) error { panic("served") },
		Heard: func(p Presence) {
			heard <- string(p.Data)
			if string(p.Data) == "bad" {
				panic("heard")
			}
		},
	})
	must(t, err)
	for range 2 {
		c, err := w.open("odd")
		if err == nil { // it may be broken off before the answer to it is read
			_, err = io.ReadAll(c)
		}
		if err == nil {
			t.Error("a call that panicked ended well")
		}
	}
	for _, word := range []string{"bad", "good"} {
		w.set.Hear("odd", Presence{Peer: w.who.Peer, Data: []byte(word)})
		if got := <-heard; got != word {
			t.Errorf("heard %q, want %q", got, word)
		}
	}
	w.set.Hear("nobody", Presence{Peer: w.who.Peer, Data: []byte("x")})
}

// Of many doors those are told that go on, and no other.
func TestWhoGoesOnIsTold(t *testing.T) {
	set := New(slog.New(slog.DiscardHandler))
	hold, held := make(chan struct{}), make(chan struct{})
	for i := range 20 {
		d := Door{Heard: func(Presence) {}}
		if i == 7 {
			d.Heard = func(Presence) { close(held); <-hold }
		}
		_, err := set.Register(fmt.Sprint("door ", i), d)
		must(t, err)
	}
	set.Hear("door 7", Presence{Peer: identity.PeerID{2}, Data: []byte("x")})
	<-held
	set.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err, want := set.Wait(ctx), ErrBusy.Error()+`: "door 7"`; err == nil || err.Error() != want {
		t.Errorf("it says %v, want %s", err, want)
	}
	close(hold)
}

// One peer's words do not cost another one its own, and a burst of them is cut.
func TestWordsAreBoundedForEachPeer(t *testing.T) {
	d := newDoor("x", Door{Heard: func(Presence) {}, Limits: Limits{Burst: 3, Rate: 1}}, slog.New(slog.DiscardHandler))
	now := time.Now()
	said := func(p byte, at time.Time) (n int) {
		for range 10 {
			if d.spend(identity.PeerID{p}, at) != nil {
				n++
			}
		}
		return n
	}
	if a, b, later := said(1, now), said(2, now), said(1, now.Add(2*time.Second)); a != 3 || b != 3 || later != 2 {
		t.Errorf("%d, %d and %d words, want 3, 3 and 2", a, b, later)
	}
	for i := range 3 * maxPeers {
		said(byte(i), now.Add(time.Hour+time.Duration(i)*time.Hour))
		d.spend(identity.PeerID{9, byte(i), byte(i >> 8)}, now.Add(time.Hour))
	}
	if len(d.peers) > maxPeers {
		t.Errorf("%d peers are remembered", len(d.peers))
	}
}

func TestNamesOfCapabilities(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler))
	for _, name := range []string{"", messages.CapSync, messages.CapRun, string(make([]byte, messages.MaxCapBytes+1))} {
		if _, err := s.Register(name, Door{Heard: ignore}); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	stop, err := s.Register("a", Door{Param: []byte("p"), Heard: ignore})
	must(t, err)
	if _, err := s.Register("a", Door{Heard: ignore}); !errors.Is(err, ErrRegistered) {
		t.Error(err)
	}
	if p := s.Params(); len(p) != 1 || string(p["a"]) != "p" {
		t.Errorf("told are %v", p)
	}
	stop()
	stop, err = s.Register("a", Door{Heard: ignore})
	must(t, err)
	stop()
	s.Close()
}

func ignore(Presence) {}

func TestDoorsThatNobodyCouldUse(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler))
	for _, name := range []string{"a\nb", "a\x1b[2J", "a\x00", "\xff", "a\u202eb"} {
		if _, err := s.Register(name, Door{Heard: ignore}); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Register("a", Door{}); !errors.Is(err, ErrName) {
		t.Errorf("a door that does nothing: %v", err)
	}
}
