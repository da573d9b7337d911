// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A boundCarrier is one whose connections that come have a given binding: on a real one
// no two are the same, and proofs and salts follow from it.
type boundCarrier struct {
	transport.Carrier
	binding *atomic.Pointer[[]byte]
}

func (c boundCarrier) Listen(ctx context.Context, hostport string) (transport.Listener, error) {
	l, err := c.Carrier.Listen(ctx, hostport)
	return boundListener{l, c.binding}, err
}

type boundListener struct {
	transport.Listener
	binding *atomic.Pointer[[]byte]
}

func (l boundListener) Accept(ctx context.Context) (transport.Conn, error) {
	c, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return boundConn{c, *l.binding.Load()}, nil
}

type boundConn struct {
	transport.Conn
	binding []byte
}

func (c boundConn) Binding() []byte { return slices.Clone(c.binding) }

// A rerun is a node that is told again what it was told in the recorded sessions.
type rerun struct {
	t       *testing.T
	net     *transport.Memory
	at      identity.Address
	binding *atomic.Pointer[[]byte]
}

// Our own node says what it said when the sessions were recorded, byte for byte but for
// the parameter of RUN, which is another one each time a store is opened.
func TestRecordedSessionsAgain(t *testing.T) {
	r := &rerun{t: t, net: transport.NewMemory(transport.MemoryOptions{}), binding: &atomic.Pointer[[]byte]{}}
	db := joinedWith(t, newSuite(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) {
		return boundCarrier{r.net.NodeOf(key), r.binding}, nil
	}})
	addr, err := db.Listen(t.Context(), "program:1")
	if err != nil {
		t.Fatal(err)
	}
	r.at = identity.Address{Peer: identity.PeerID(addr.Peer), Host: addr.Host}
	raw, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range readSessions(t, raw) {
		if err := r.play(s); err != nil {
			t.Fatalf("session %d, %s: %v", s.begin.Session, s.begin.Scenario, err) // the next ones follow from what it holds
		}
	}
}

// play says in a session of its own what the suite said in a recorded one.
func (r *rerun) play(s *session) error {
	binding := unhex(r.t, s.begin.Binding)
	r.binding.Store(&binding)
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	carrier := r.net.NodeOf(suiteDevice(r.t, s.begin.Suite).PeerKey())
	defer carrier.Close()
	conn, err := carrier.Dial(ctx, r.at)
	if err != nil {
		return err
	}
	control, err := conn.OpenStream(ctx)
	if err != nil {
		return err
	}
	control.SetReadDeadline(time.Now().Add(20 * time.Second))
	var said [][]byte
	lines := slices.Clone(s.lines)
	first := slices.IndexFunc(lines, func(l recordedLine) bool { return l.From == "suite" })
	lines = slices.Insert(slices.Delete(lines, first, first+1), 0, s.lines[first]) // nobody sees a stream without a byte in it
	for i, l := range lines {
		body := unhex(r.t, l.Body)
		if l.From == "suite" {
			err = tellFrame(control, body)
		} else {
			said, err = r.hear(control, said, body)
		}
		if err != nil {
			return fmt.Errorf("message %d of %d: %w", i+1, len(s.lines), err)
		}
	}
	if len(said) > 0 {
		return fmt.Errorf("it says %d messages that are not recorded, of them %x", len(said), said[0])
	}
	return r.saysNoMore(control, s.lines[len(s.lines)-1])
}

func suiteDevice(t *testing.T, peer string) identity.Device {
	t.Helper()
	for n := range 100 {
		if d := member(n); d.PeerID().String() == peer {
			return d
		}
	}
	t.Fatalf("peer %s is none of the suite's", peer)
	return identity.Device{}
}

func tellFrame(control transport.Stream, body []byte) error {
	m, err := messages.Decode(body)
	if err != nil {
		return err
	}
	frame, err := messages.AppendFrame(nil, m)
	if err == nil && !bytes.Equal(frame[4:], body) {
		err = fmt.Errorf("encoded again it is %x, and not %x", frame[4:], body)
	}
	if err != nil {
		return err
	}
	_, err = control.Write(frame)
	return err
}

// hear reads until the node has said what is recorded. Events and forks are sent
// beside the session, and come in any order between the rest.
func (r *rerun) hear(control transport.Stream, said [][]byte, want []byte) ([][]byte, error) {
	want = r.plain(want)
	for {
		for i, b := range said {
			if bytes.Equal(b, want) {
				return slices.Delete(said, i, i+1), nil
			}
			if !r.beside(b) && !r.beside(want) {
				return said, fmt.Errorf("it says\n\t%x, and the recorded program\n\t%x", b, want)
			}
		}
		body, err := messages.ReadFrame(control, messages.MaxEventsFrame, nil)
		if err != nil {
			return said, fmt.Errorf("%x does not come: %w", want, err)
		}
		said = append(said, r.plain(body))
	}
}

func (r *rerun) beside(body []byte) bool {
	m := (&recordedLine{Body: fmt.Sprintf("%x", body)}).message(r.t)
	return m.Type() == messages.TypeEvents || m.Type() == messages.TypeFork
}

// plain is a message without what is random in it.
func (r *rerun) plain(body []byte) []byte {
	r.t.Helper()
	m := (&recordedLine{Body: fmt.Sprintf("%x", body)}).message(r.t)
	h, ok := m.(*messages.Hello)
	if !ok {
		return body
	}
	for i, c := range h.Caps {
		if c.Name == messages.CapRun {
			h.Caps[i].Param = make([]byte, len(c.Param))
		}
	}
	frame, err := messages.AppendFrame(nil, h)
	if err != nil {
		r.t.Fatal(err)
	}
	return frame[4:]
}

// saysNoMore asks whether the node is there: all that it had to say comes before its
// answer.
func (r *rerun) saysNoMore(control transport.Stream, last recordedLine) error {
	if refused(last.message(r.t)) != nil {
		return nil
	}
	const nonce = 1 << 40
	frame, err := messages.AppendFrame(nil, &messages.Ping{Nonce: nonce})
	if err != nil {
		return err
	}
	if _, err := control.Write(frame); err != nil {
		return err
	}
	body, err := messages.ReadFrame(control, messages.MaxEventsFrame, nil)
	if err != nil {
		return err
	}
	if m, err := messages.Decode(body); err != nil || m.Type() != messages.TypePong {
		return fmt.Errorf("it says more than is recorded: %x", body)
	}
	return nil
}
