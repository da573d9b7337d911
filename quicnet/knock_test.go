// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
)

// TestNobodyIsToldWhoIsHere: whoever does not know the listener, or says again what
// another dialer said, is told that its name is not known, and sees no certificate.
func TestNobodyIsToldWhoIsHere(t *testing.T) {
	b := newCarrier(t, 2, small)
	ln := listen(t, b, "127.0.0.1:0")
	asks := func(name string, protocols ...string) (told error, seen bool) {
		conf := wideOpen(t)
		conf.ServerName, conf.NextProtos = name, protocols
		conf.VerifyConnection = func(tls.ConnectionState) error { seen = true; return nil }
		return strangerDials(t, conf, ln.Addr().Host), seen
	}
	fresh := func(peer identity.PeerID) string {
		name, err := peertls.Knock(identity.SchemeQUIC, peer)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	once := fresh(testPeer(2))
	go asks(once, peertls.Protocol)
	if c, err := ln.Accept(t.Context()); err != nil || c.Peer() != testPeer(1) {
		t.Fatalf("control: %v", err)
	}
	for what, name := range map[string]string{"no name": "", "a host": "example.org", "another peer": fresh(testPeer(3)), "a knock again": once} {
		for _, protocol := range []string{peertls.Protocol, "h3"} {
			told, seen := asks(name, protocol)
			var te *quic.TransportError
			if seen || !errors.As(told, &te) || !te.Remote || te.ErrorCode != alertNoName {
				t.Errorf("%s, %s: told %v, certificate seen: %v", what, protocol, told, seen)
			}
		}
	}
}
