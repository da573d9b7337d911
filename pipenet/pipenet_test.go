// SPDX-License-Identifier: MPL-2.0

package pipenet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
	"github.com/xaeroflux/xaeroflux/transport/conformance"
)

// testKey returns the i-th test key.
func testKey(i byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = i
	return ed25519.NewKeyFromSeed(seed)
}

func testPeer(i byte) identity.PeerID {
	return identity.PeerID(testKey(i).Public().(ed25519.PublicKey))
}

func newCarrier(t testing.TB, i byte) *Carrier {
	t.Helper()
	c, err := New(testKey(i), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestUnixConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Setup {
		dir := t.TempDir()
		return conformance.Setup{
			Dialer: newCarrier(t, 1), DialerPeer: testPeer(1),
			Listener: newCarrier(t, 2), ListenerPeer: testPeer(2),
			ListenAt: filepath.Join(dir, "s"), Nowhere: filepath.Join(dir, "nobody"), Buffered: 300 << 10,
		}
	})
}

// A switchboard is a carrier pair whose dial is two pipes, so that pipes pass
// the suite as well: what is dialed is handed to whoever listens.
type switchboard struct {
	*Carrier
	mu   sync.Mutex // guards open
	open map[string]*board
}

// A board is a listener of the switchboard.
type board struct {
	c     *Carrier
	ready chan transport.Conn
	done  chan struct{}
	once  sync.Once
}

func (b *board) Trouble() (<-chan struct{}, error) { return nil, nil }

func (s *switchboard) Dial(ctx context.Context, a identity.Address) (transport.Conn, error) {
	s.mu.Lock()
	b := s.open[a.Host]
	s.mu.Unlock()
	if b == nil || b.closed() {
		return nil, transport.ErrRefused
	}
	near, far := pipes()
	go func() {
		if conn, err := b.c.Accept(context.Background(), far, "pipe"); err == nil {
			b.ready <- conn
		}
	}()
	return s.Connect(ctx, near, a.Peer, "pipe")
}

func (b *board) closed() bool {
	select {
	case <-b.done:
		return true
	default:
		return b.c.nodeClosed()
	}
}

// nodeClosed reports whether the carrier was closed.
func (c *Carrier) nodeClosed() bool {
	_, leave, err := c.node.Enter(context.Background())
	if err == nil {
		leave()
	}
	return err != nil
}

func (b *board) Accept(ctx context.Context) (transport.Conn, error) {
	if b.closed() {
		return nil, transport.ErrClosed
	}
	select {
	case c := <-b.ready:
		return c, nil
	case <-b.done:
		return nil, transport.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *board) Addr() identity.Address {
	return identity.Address{Peer: b.c.node.Peer(), Host: "board"}
}

func (b *board) Close() error {
	b.once.Do(func() { close(b.done) })
	return nil
}

// listening is the other carrier of a switchboard.
type listening struct {
	*Carrier
	s *switchboard
}

func (l *listening) Listen(ctx context.Context, host string) (transport.Listener, error) {
	if l.nodeClosed() {
		return nil, transport.ErrClosed
	}
	b := &board{c: l.Carrier, ready: make(chan transport.Conn, 16), done: make(chan struct{})}
	l.s.mu.Lock()
	l.s.open[host] = b
	l.s.mu.Unlock()
	return b, nil
}

// A plain pair of pipes has no deadlines and is no net.Conn.
type plain struct {
	io.Reader
	io.Writer
	closers []io.Closer
}

func (p *plain) Close() error {
	for _, c := range p.closers {
		c.Close()
	}
	return nil
}

func pipes() (near, far io.ReadWriteCloser) {
	a, b := io.Pipe()
	c, d := io.Pipe()
	return &plain{a, d, []io.Closer{a, d}}, &plain{c, b, []io.Closer{c, b}}
}

func TestPipeConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Setup {
		s := &switchboard{Carrier: newCarrier(t, 1), open: map[string]*board{}}
		return conformance.Setup{
			Dialer: s, DialerPeer: testPeer(1),
			Listener: &listening{newCarrier(t, 2), s}, ListenerPeer: testPeer(2),
			ListenAt: "board", Nowhere: "nobody", Buffered: 300 << 10,
		}
	})
}

// TestUnnamedPeer: who listens at our own socket need not be named, and proves
// its key all the same.
func TestUnnamedPeer(t *testing.T) {
	a, b := newCarrier(t, 1), newCarrier(t, 2)
	ln, err := b.Listen(t.Context(), filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Dial(t.Context(), identity.Address{Host: ln.Addr().Host})
	if err != nil || c.Peer() != testPeer(2) {
		t.Fatal(err)
	}
}

func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := newCarrier(t, 1)
	ln, err := c.Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("beside the socket: %v", left)
	}
	if _, err := newCarrier(t, 2).Listen(t.Context(), path); !errors.Is(err, errTaken) {
		t.Errorf("a second listener: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after Close: %v", err)
	}
}

// TestStaleSocket: a process that was killed leaves its socket; what is no
// socket is not touched.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	ln, err := newCarrier(t, 1).Listen(t.Context(), path)
	if err != nil {
		t.Fatal("over a dead socket:", err)
	}
	ln.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newCarrier(t, 1).Listen(t.Context(), path); err == nil {
		t.Error("over a file")
	}
	if b, err := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := newCarrier(t, 1).Listen(t.Context(), filepath.Join(t.TempDir(), strings.Repeat("x", 120))); err == nil {
		t.Error("a path that is too long")
	}
}

// TestCommand: cat sends our own ClientHello back, which is no handshake; the
// command is ended and waited for.
func TestCommand(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for line, want := range map[string]string{
		"cat":           "",
		"echo hello":    "no xaeroflux node",
		"exit 3":        "hung up",
		"exec sleep 60": "",
	} {
		c := newCarrier(t, 1)
		cmd, err := Start(line, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		conn, err := c.Connect(ctx, cmd, identity.PeerID{}, line)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want something of %q", line, conn, err, want)
		}
		cmd.Close()
		if err := cmd.Wait(); line == "exit 3" && (err == nil || !strings.Contains(err.Error(), "exit status 3")) {
			t.Errorf("%s: %v", line, err)
		}
		c.Close()
	}
	goleak.VerifyNone(t, before)
}

// TestSocketIsGone: a listener knows that its socket was removed, and leaves what
// somebody put there.
func TestSocketIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := newCarrier(t, 1)
	ln, err := c.Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, why := ln.Trouble(); why != nil {
		t.Error(why)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, why := ln.Trouble(); !errors.Is(why, fs.ErrNotExist) {
		t.Errorf("removed: %v", why)
	}
	other := newCarrier(t, 2)
	if _, err := other.Listen(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if _, why := ln.Trouble(); !errors.Is(why, fs.ErrExist) {
		t.Errorf("replaced: %v", why)
	}
	ln.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of another was removed: %v", err)
	}
}

// stuckPipe takes no byte, until it is closed.
type stuckPipe struct{ closed chan struct{} }

func (p stuckPipe) Read([]byte) (int, error)  { <-p.closed; return 0, io.EOF }
func (p stuckPipe) Write([]byte) (int, error) { <-p.closed; return 0, io.ErrClosedPipe }
func (p stuckPipe) Close() error              { close(p.closed); return nil }

// The caller's rw is closed with the connection, also while a write of it waits.
func TestCloseWhileAWriteWaits(t *testing.T) {
	p := stuckPipe{make(chan struct{})}
	c := asConn(p)
	if _, err := c.Write([]byte("taken by the pipe, and by nobody behind it")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	select {
	case <-p.closed:
	default:
		t.Error("it is open still")
	}
}
