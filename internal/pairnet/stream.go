// SPDX-License-Identifier: MPL-2.0

package pairnet

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/pairing"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
)

// Protocol is the name that both sides offer (ALPN).
const Protocol = "xaeroflux-pairing/1"

const bindingLabel = "EXPORTER-xaeroflux-pairing-1"

// A stream is a connection whose two ends have keys that were drawn for it.
type stream struct {
	ctx     context.Context
	tls     *tls.Conn
	stop    func() bool // ends that ctx closes the connection
	setup   pairing.Setup
	session *pairing.Session
}

// secure begins TLS over c, with a new key. It closes c if that fails.
func secure(ctx context.Context, c net.Conn, role pairing.Role) (*stream, error) {
	self, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	cert, err := peertls.Certificate(key)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s := &stream{ctx: ctx, tls: over(c, role, cert)}
	s.stop = context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }) // whoever waits hears of it
	if err = c.SetDeadline(time.Now().Add(patience)); err == nil {
		err = s.tls.HandshakeContext(ctx)
	}
	if err == nil {
		s.setup, err = setup(s.tls.ConnectionState(), role, identity.PeerID(self))
	}
	if err != nil {
		err = s.reason(err)
		s.close()
		return nil, err
	}
	return s, nil
}

// over returns TLS over c. The responder is the server.
func over(c net.Conn, role pairing.Role, cert tls.Certificate) *tls.Conn {
	config := &tls.Config{
		Certificates:           []tls.Certificate{cert},
		NextProtos:             []string{Protocol},
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // the code says who it is
		SessionTicketsDisabled: true,
	}
	if role == pairing.Responder {
		return tls.Server(c, config)
	}
	return tls.Client(c, config)
}

// setup returns what a handshake says of a session.
func setup(state tls.ConnectionState, role pairing.Role, self identity.PeerID) (u pairing.Setup, err error) {
	if state.NegotiatedProtocol != Protocol || len(state.PeerCertificates) != 1 {
		return u, fmt.Errorf("protocol %q with %d certificates, want %q with one", state.NegotiatedProtocol, len(state.PeerCertificates), Protocol)
	}
	peer, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return u, fmt.Errorf("certificate of a %v key, want Ed25519", state.PeerCertificates[0].PublicKeyAlgorithm)
	}
	binding, err := state.ExportKeyingMaterial(bindingLabel, nil, pairing.BindingBytes)
	if err != nil {
		return u, err
	}
	return pairing.Setup{Role: role, Binding: [pairing.BindingBytes]byte(binding), Self: self, Peer: identity.PeerID(peer)}, nil
}

// close ends the connection, and tells the other end that nothing is missing if all went
// well.
func (s *stream) close() {
	s.stop()
	_ = s.tls.Close()
}

// reason says why an attempt ended: as the session does, because ctx ended, or because of
// the connection.
func (s *stream) reason(err error) error {
	switch {
	case err == nil || errors.Is(err, pairing.ErrPairing):
		return err
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: the other device said nothing for %v: ask for a new code", pairing.ErrPairing, patience)
	}
	return fmt.Errorf("%w: is the other device waiting with a code at this address? (%w)", pairing.ErrPairing, err)
}
