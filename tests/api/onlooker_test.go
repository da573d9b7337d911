// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/quicnet"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A tap is an end of a pipe of which somebody on the way keeps all that goes by.
type tap struct {
	net.Conn
	seen *seen
}

type seen struct {
	mu  sync.Mutex // guards all
	all bytes.Buffer
}

func (c tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.seen.note(b[:n])
	return n, err
}

func (s *seen) note(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.Write(b)
}

// has reports whether some bytes went by.
func (s *seen) has(b []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.all.Bytes(), b)
}

// An inside is a carrier of which somebody keeps what goes by inside of the encryption.
type inside struct {
	transport.Carrier
	seen *seen
}

func (c inside) Dial(ctx context.Context, a identity.Address) (transport.Conn, error) {
	conn, err := c.Carrier.Dial(ctx, a)
	if err != nil {
		return nil, err
	}
	return insideConn{conn, c.seen}, nil
}

type insideConn struct {
	transport.Conn
	seen *seen
}

func (c insideConn) OpenStream(ctx context.Context) (transport.Stream, error) {
	s, err := c.Conn.OpenStream(ctx)
	return insideStream{s, c.seen}, err
}

func (c insideConn) AcceptStream(ctx context.Context) (transport.Stream, error) {
	s, err := c.Conn.AcceptStream(ctx)
	return insideStream{s, c.seen}, err
}

type insideStream struct {
	transport.Stream
	seen *seen
}

func (s insideStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	s.seen.note(b[:n])
	return n, err
}

func (s insideStream) Write(b []byte) (int, error) {
	s.seen.note(b)
	return s.Stream.Write(b)
}

// TestOnlookerReadsNothing: whoever carries the bytes between two members sees no event,
// and no key or id of the topic or of its members. Inside of the encryption the same words
// do go by: so they are looked for in the right form.
func TestOnlookerReadsNothing(t *testing.T) {
	h := newHost(t, xaeroflux.PlainTopic)
	h.append("a present for Ben")
	db := Open(t, filepath.Join(t.TempDir(), "guest"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: h.invite(xaeroflux.RoleWriter)})
	onlooker := &seen{}
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- h.db.ServeOver(ctx, tap{there, onlooker}, "there") }()
	_, err := db.SyncOver(ctx, tap{here, onlooker}, "here")
	Must(t, err)
	<-served
	if got := texts(t, TopicOf(t, db)); !got["private-type:a present for Ben"] {
		t.Errorf("the guest reads %v", got)
	}
	within := h.syncedInside(t)
	topic, one, other, author := h.topic.ID(), h.db.PeerID(), db.PeerID(), h.topic.Log().Author()
	for what, x := range map[string]struct {
		b    []byte
		said bool // inside
	}{
		"the payload": {[]byte("a present for Ben"), true}, "the type": {[]byte("private-type"), true}, "a peer id": {one[:], true},
		"an author": {author[:], true}, "the other peer id": {other[:], false}, "the topic's id": {topic[:], false},
	} {
		if onlooker.has(x.b) {
			t.Errorf("%s goes by in the clear", what)
		}
		if x.said && !within.has(x.b) {
			t.Errorf("%s does not go by inside of the encryption either", what)
		}
	}
	if n := onlooker.all.Len(); n < 1000 {
		t.Errorf("%d bytes went by", n)
	}
}

// syncedInside returns what goes by inside of the encryption if another guest comes.
func (h *host) syncedInside(t *testing.T) *seen {
	t.Helper()
	s := &seen{}
	o := &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: h.invite(xaeroflux.RoleWriter), NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) {
		c, err := quicnet.New(key, quicnet.Phone)
		return inside{c, s}, err
	}}
	db := Open(t, filepath.Join(t.TempDir(), "other"), o)
	_, err := db.Sync(ctx, h.addr)
	Must(t, err)
	return s
}
