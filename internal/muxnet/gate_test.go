// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// A canned connection holds what a peer has sent.
type canned struct {
	net.Conn
	io.Reader
}

func (c *canned) Read(b []byte) (int, error) { return c.Reader.Read(b) }

func (c *canned) Close() error { return nil }

// frame is one of yamux.
func frame(kind byte, flags uint16, stream uint32, length int, body string) string {
	b := []byte{0, kind, 0, 0}
	binary.BigEndian.PutUint16(b[2:], flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return string(binary.BigEndian.AppendUint32(b, uint32(length))) + body
}

// passed reads from a gate of which nothing is taken out, until it waits.
func passed(t *testing.T, g *gate) []byte {
	t.Helper()
	var got bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(&got, onlyReader{g})
	}()
	poll(t, "a gate that waits", func() bool {
		select {
		case <-done:
			return true
		default:
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.waits
	})
	g.Close()
	<-done
	return got.Bytes()
}

type onlyReader struct{ io.Reader }

// TestGateHoldsBack: of what a stranger sends at once, yamux sees a stream or
// two and one window.
func TestGateHoldsBack(t *testing.T) {
	open := func(id uint32) string { return frame(typeWindow, flagSYN, id, 0, "") }
	many := ""
	for id := range uint32(1000) {
		many += open(2*id + 1)
	}
	full := string(make([]byte, gateBytes))
	for name, c := range map[string]struct {
		sent string
		want int
	}{
		"streams":          {many, 2 * frameHeader},
		"streams by data":  {open(1) + frame(typeData, flagSYN, 3, 1, "x") + frame(typeData, flagSYN, 5, 1, "x"), 2*frameHeader + 1},
		"a window":         {open(1) + frame(typeData, 0, 1, gateBytes, full) + frame(typeData, 0, 1, 1, "x"), 2*frameHeader + gateBytes},
		"one long frame":   {open(1) + frame(typeData, 0, 1, 16*gateBytes, full+full+full), 2*frameHeader + gateBytes},
		"a claim":          {open(1) + frame(typeData, 0, 1, 1<<32-1, "x"), 2*frameHeader + 1},
		"bytes one by one": {open(1) + string(bytes.Repeat([]byte(frame(typeData, 0, 1, 1, "x")), 10_000)), frameHeader + gatePieces*(frameHeader+1)},
	} {
		g := newGate(&canned{Reader: bytes.NewBufferString(c.sent)}, 2)
		if got := len(passed(t, g)); got != c.want {
			t.Errorf("%s: %d bytes passed, want %d", name, got, c.want)
		}
	}
}

// TestGateChangesNothing: streams read through a gate are those of the peer,
// whatever its frames are and whenever it is admitted.
func TestGateChangesNothing(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var sent, want bytes.Buffer
		for i := range 100 {
			body := make([]byte, r.IntN(3*gateBytes/2)*r.IntN(2))
			for i := range body {
				body[i] = byte(r.Uint32())
			}
			want.Write(body)
			flags := uint16(0)
			if i == 99 {
				flags = 4
			}
			sent.WriteString(frame(typeData, flags, 1, len(body), string(body)))
			if r.IntN(3) == 0 {
				sent.WriteString(frame(typeWindow, 0, 1, r.IntN(1000), ""))
			}
		}
		admitAt := r.IntN(2 * want.Len())
		g := newGate(&canned{Reader: &sent}, 0)
		var got bytes.Buffer
		var flags uint16
		for {
			var head [frameHeader]byte
			if _, err := io.ReadFull(g, head[:]); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if head[1] != typeData {
				continue
			}
			if flags != 0 {
				t.Fatalf("seed %d: data behind the end", seed)
			}
			flags = binary.BigEndian.Uint16(head[2:])
			n, err := io.CopyN(&got, g, int64(binary.BigEndian.Uint32(head[8:])))
			if err != nil {
				t.Fatal(err)
			}
			if g.read(int(n)); got.Len() > admitAt {
				g.admit()
			}
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) || flags != 4 {
			t.Fatalf("seed %d: %d bytes of %d, flags %d", seed, got.Len(), want.Len(), flags)
		}
	}
}

// TestStrangerIsSmall: the streams and bytes that yamux keeps of a stranger do
// not depend on what it opens and sends, and all of it is there when it turns
// out to be none.
func TestStrangerIsSmall(t *testing.T) {
	session, c := stockDial(t, 2, Options{})
	const streams = 100
	for range streams {
		go func() {
			if s, err := session.OpenStream(); err == nil {
				s.Write(make([]byte, 100_000))
			}
		}()
	}
	g := c.(*conn).gate
	poll(t, "a gate that waits", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.waits })
	if n := c.(*conn).session.NumStreams(); n > 2 {
		t.Errorf("%d streams are open", n)
	}
	if g.unread > gateBytes {
		t.Errorf("%d bytes wait", g.unread)
	}
	c.Admit()
	for range streams {
		s, err := c.AcceptStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
	}
}
