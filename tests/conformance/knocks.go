// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// knocks: the program shows its certificate to nobody who does not know it. Where the
// way to it is a person's own there is nothing to try.
func knocks(s *suite) error {
	if s.reach.quic+s.reach.tcp == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.patient)
	defer cancel()
	if err := s.wrongDoor(ctx); err != nil || s.reach.tcp == "" {
		return err
	}
	peer, err := identity.ParsePeerID(s.reach.peer)
	if err != nil {
		return err
	}
	knock, err := peertls.Knock(identity.SchemeTCP, peer)
	if err != nil {
		return err
	}
	if !s.shown(ctx, knock, peertls.Protocol) {
		return ruleKnock.broken("it shows no certificate for a knock")
	}
	for _, name := range []string{"", "example.org", knock} {
		for _, protocol := range []string{peertls.Protocol, "h2"} {
			if s.shown(ctx, name, protocol) {
				return ruleKnock.broken("it shows its certificate for the name %q", name)
			}
		}
	}
	return nil
}

// wrongDoor dials another peer than the program.
func (s *suite) wrongDoor(ctx context.Context) error {
	r := s.reach
	r.peer = member(1).PeerID().String()
	_, end, err := r.knock(ctx, member(1))
	var wrong *transport.WrongPeerError
	switch {
	case err == nil:
		end()
		return ruleKnock.broken("it takes a dialer of another peer")
	case !errors.As(err, &wrong) || wrong.Have != identity.PeerID{}:
		return ruleAlert.broken("a dialer of another peer is told: %v", err)
	}
	return nil
}

// shown reports whether the program shows a certificate to a dialer that says a name.
func (s *suite) shown(ctx context.Context, name, protocol string) (shown bool) {
	cert, err := peertls.Certificate(member(1).PeerKey())
	if err != nil {
		return false
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", s.reach.tcp)
	if err != nil {
		return false
	}
	defer raw.Close()
	conf := peertls.Config(cert, peertls.Anyone)
	conf.ServerName, conf.NextProtos = name, []string{protocol}
	conf.VerifyConnection = func(tls.ConnectionState) error { shown = true; return nil }
	tls.Client(raw, conf).HandshakeContext(ctx)
	return shown
}
