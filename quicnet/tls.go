// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	alpn          = "xsp/1"
	bindingLabel  = "EXPORTER-xaeroflux-xsp"
	resetKeyLabel = "xaeroflux quic stateless reset v1"
)

// errIdentity is wrapped in what a peer's certificate is refused for.
var errIdentity = errors.New("no node's identity")

// certificate returns a self-signed certificate of key that says nothing but
// the key: no name, one serial number, valid for ever.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // "no expiry", RFC 5280 4.1.2.5
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("quicnet: certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// tlsConfig is for both roles. Verification is all in VerifyConnection, which
// runs on every handshake; there is no resumption to begin with, so that each
// connection proves both keys anew.
func tlsConfig(cert tls.Certificate, verify func(identity.PeerID) error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		NextProtos:             []string{alpn},
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // there is no authority: VerifyConnection compares keys
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			peer, err := peerOf(state)
			if err != nil {
				return err
			}
			return verify(peer)
		},
	}
}

// peerOf returns the peer that a handshake proved, or what is wrong with it.
func peerOf(state tls.ConnectionState) (identity.PeerID, error) {
	switch {
	case state.Version < tls.VersionTLS13:
		return identity.PeerID{}, fmt.Errorf("%w: TLS version %#x, want 1.3", errIdentity, state.Version)
	case state.NegotiatedProtocol != alpn:
		return identity.PeerID{}, fmt.Errorf("%w: protocol %q, want %q", errIdentity, state.NegotiatedProtocol, alpn)
	case len(state.PeerCertificates) != 1:
		return identity.PeerID{}, fmt.Errorf("%w: %d certificates, want one", errIdentity, len(state.PeerCertificates))
	}
	cert := state.PeerCertificates[0]
	key, ok := cert.PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return identity.PeerID{}, fmt.Errorf("%w: certificate of a %v key, want Ed25519", errIdentity, cert.PublicKeyAlgorithm)
	}
	peer := identity.PeerID(key)
	if identity.SmallOrder(peer) {
		return identity.PeerID{}, fmt.Errorf("%w: peer id %v is a small-order key, which anybody can sign for", errIdentity, peer)
	}
	return peer, nil
}

// bindingOf derives the connection's binding, which both ends share.
func bindingOf(state tls.ConnectionState) ([]byte, error) {
	b, err := state.ExportKeyingMaterial(bindingLabel, nil, transport.BindingBytes)
	if err != nil {
		return nil, fmt.Errorf("quicnet: binding: %w", err)
	}
	return b, nil
}
