// SPDX-License-Identifier: MPL-2.0

package tcpnet

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// noName is TLS's alert unrecognized_name, in the clear.
const noName = "\x15\x03\x03\x00\x02\x02\x70"

// A recorder keeps what is written.
type recorder struct {
	net.Conn
	said []byte
}

// Write implements net.Conn.
func (r *recorder) Write(b []byte) (int, error) {
	r.said = append(r.said, b...)
	return r.Conn.Write(b)
}

func allOf(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNobodyIsToldWhoIsHere: a stranger that does not know the listener is told one
// thing, whatever it asks, and a dialer of another peer that it is not here.
func TestNobodyIsToldWhoIsHere(t *testing.T) {
	_, ln := listen(t, Options{HandshakeTimeout: time.Minute})
	for what, name := range map[string]string{"no name": "", "a host": "example.org", "itself": identity.PeerID(testPeer(2)).String()[:63]} {
		conf := strangerConfig(t)
		conf.ServerName = name
		r := &recorder{Conn: dialRaw(t, ln)}
		go tls.Client(silent{r}, conf).HandshakeContext(t.Context())
		if said := allOf(t, r.Conn); said != noName {
			t.Errorf("%s: told %x", what, said)
		}
	}
	addr := ln.Addr()
	addr.Peer = testPeer(3)
	_, err := newCarrier(t, 1, Options{}).Dial(t.Context(), addr)
	var wrong *transport.WrongPeerError
	if !errors.As(err, &wrong) || *wrong != (transport.WrongPeerError{Host: addr.Host, Want: testPeer(3)}) {
		t.Errorf("%v", err)
	}
	nothingAccepted(t, ln)
}

// A silent connection hears nothing, so that a test hears it.
type silent struct{ net.Conn }

// Read implements net.Conn.
func (silent) Read([]byte) (int, error) { select {} }

// TestRecordedHello: what a dialer said, said again byte for byte, or its knock in
// another's words, is answered with an alert alone.
func TestRecordedHello(t *testing.T) {
	_, ln := listen(t, Options{HandshakeTimeout: time.Minute})
	conf, r := strangerConfig(t), &recorder{Conn: dialRaw(t, ln)}
	c := tls.Client(r, conf)
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	hello := r.said[:5+int(r.said[3])<<8+int(r.said[4])] // the first record
	again := dialRaw(t, ln)
	if _, err := again.Write(hello); err != nil {
		t.Fatal(err)
	}
	if said := allOf(t, again); said != noName {
		t.Errorf("told %x", said)
	}
	other := peertls.Config(foreignCert(t), peertls.Anyone)
	other.ServerName, other.VerifyConnection = conf.ServerName, nil
	if err := tls.Client(dialRaw(t, ln), other).HandshakeContext(t.Context()); err == nil {
		t.Error("a knock of somebody else opens")
	}
}
