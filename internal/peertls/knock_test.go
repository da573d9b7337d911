// SPDX-License-Identifier: MPL-2.0

package peertls

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

func peerOf(i byte) identity.PeerID {
	return identity.PeerID(testKey(i).Public().(ed25519.PublicKey))
}

func testDoor(t testing.TB, i byte, carrier string) *Door {
	t.Helper()
	d, err := NewDoor(testKey(i), carrier)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func knocking(t *testing.T, carrier string, want identity.PeerID) *tls.Config {
	t.Helper()
	conf, err := Dial(testCert(t, 1), carrier, want)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// Of each key both halves are the halves of one key on Curve25519 too.
func TestMontgomery(t *testing.T) {
	for i := range byte(100) {
		public, err := montgomery(peerOf(i))
		if err != nil {
			t.Fatal(err)
		}
		private, err := montgomeryKey(testKey(i))
		if err != nil || !private.PublicKey().Equal(public) {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

func TestKnocksOfSmallOrder(t *testing.T) {
	for _, y := range []string{"\x00", "\x01", "\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05"} {
		var peer identity.PeerID
		copy(peer[:], y)
		if _, err := Knock("tcp", peer); !errors.Is(err, ErrIdentity) {
			t.Errorf("%x: %v", y, err)
		}
	}
	d := testDoor(t, 2, "tcp")
	if opens(make([]byte, knockBytes), d.key, d.peer, d.carrier) {
		t.Error("a point of small order opens")
	}
}

// TestKnock: whoever knocks at the right door is answered, and by nobody else.
func TestKnock(t *testing.T) {
	door := testDoor(t, 2, "tcp")
	c, s, err1, err2 := shake(t, knocking(t, "tcp", peerOf(2)), door.Listen(testCert(t, 2)))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if have, err := PeerOf(c.ConnectionState()); have != peerOf(2) || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	if have, err := PeerOf(s.ConnectionState()); have != peerOf(1) || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	_, _, err, _ := shake(t, knocking(t, "tcp", peerOf(2)), Config(testCert(t, 3), Anyone))
	var wrong *transport.WrongPeerError
	if !errors.As(err, &wrong) || wrong.Have != peerOf(3) {
		t.Errorf("another answers: %v", err)
	}
}

// TestDoorStaysShut: nothing of the listener is learned by whoever does not know it, or
// says again what somebody else said.
func TestDoorStaysShut(t *testing.T) {
	door := testDoor(t, 2, "tcp")
	name, err := Knock("tcp", peerOf(2))
	if err != nil {
		t.Fatal(err)
	}
	other := func(old, new string) string { return strings.Replace(name, old, new, 1) }
	shut := func(what, name string, protocols ...string) {
		t.Helper()
		conf := Config(testCert(t, 1), Anyone)
		conf.ServerName, conf.NextProtos = name, protocols
		if said := answers(t, conf, door.Listen(testCert(t, 2))); said != "\x15\x03\x03\x00\x02\x02\x70" {
			t.Errorf("%s: it says %x, want one alert", what, said)
		}
	}
	shut("no name", "", Protocol)
	shut("no name and protocol", "")
	shut("another protocol", "", "h2")
	shut("a host's name", "example.org", Protocol)
	shut("another's knock", knocking(t, "tcp", peerOf(3)).ServerName, Protocol)
	shut("another carrier's knock", knocking(t, "quic", peerOf(2)).ServerName, Protocol)
	shut("a changed knock", other(name[:1], string(name[0]^1)), Protocol)
	shut("a short one", name[1:], Protocol)
	shut("a knock and more", name+"x", Protocol)
	shut("upper case", strings.ToUpper(name), Protocol)
	if said := answers(t, knockOnce(t, name), door.Listen(testCert(t, 2))); len(said) < 500 {
		t.Errorf("control: a fresh knock is answered with %x", said)
	}
	shut("a knock twice", name, Protocol)
}

func knockOnce(t *testing.T, name string) *tls.Config {
	conf := Config(testCert(t, 1), Anyone)
	conf.ServerName = name
	return conf
}

// answers returns all that a listener says to a dialer's first flight.
func answers(t *testing.T, client, server *tls.Config) string {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		tls.Server(b, server).HandshakeContext(t.Context())
		b.Close()
	}()
	said := make(chan string, 1)
	go tls.Client(&listening{Conn: a, said: said}, client).HandshakeContext(t.Context())
	return <-said
}

// A listening connection writes once, and then listens until there is no more.
type listening struct {
	net.Conn
	said chan string
}

// Read implements net.Conn.
func (l *listening) Read([]byte) (int, error) {
	first := make([]byte, 1<<14)
	n, err := l.Conn.Read(first)
	if err != nil {
		l.said <- ""
		return 0, err
	}
	if n > 7 { // it goes on, and waits for an answer
		l.said <- string(first[:n])
		return 0, io.EOF
	}
	rest, _ := io.ReadAll(l.Conn)
	l.said <- string(first[:n]) + string(rest)
	return 0, io.EOF
}

// Twice as many knocks as it says are remembered at most, and each for as long as it says.
func TestDoorForgets(t *testing.T) {
	d := testDoor(t, 2, "tcp")
	for k := range uint64(5 * knocksKept) {
		if !d.first(k) {
			t.Fatalf("knock %d is known", k)
		}
		if k >= knocksKept && d.first(k-knocksKept) {
			t.Fatalf("knock %d is not known after %d more", k-knocksKept, knocksKept)
		}
	}
	if n := len(d.heard[0]) + len(d.heard[1]); n > 2*knocksKept {
		t.Errorf("%d are kept", n)
	}
}

func FuzzKnock(f *testing.F) {
	d := testDoor(f, 2, "tcp")
	secret, err := ecdh.X25519().NewPrivateKey(make([]byte, pointBytes))
	if err != nil {
		f.Fatal(err)
	}
	right, err := knockWith(secret, "tcp", d.peer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(right)
	f.Add(strings.Repeat("0", labelBytes*2) + "." + strings.Repeat("0", labelBytes*2) + knockSuffix)
	f.Fuzz(func(t *testing.T, name string) {
		k := parseKnock(name)
		if k != nil && (len(k) != knockBytes || knockName(k) != name) {
			t.Errorf("%q is read as %x", name, k)
		}
		if k != nil && opens(k, d.key, d.peer, d.carrier) && name != right {
			t.Errorf("%q opens", name)
		}
	})
}
