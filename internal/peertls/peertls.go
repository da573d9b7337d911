// SPDX-License-Identifier: MPL-2.0

// Package peertls is how two nodes prove their peer keys to each other, the
// same on every carrier (docs/xsp.md, "Carriers and streams"): TLS 1.3, one
// self-signed Ed25519 certificate on both sides of which only the key is looked
// at, a fixed protocol name, no resumption. Binding ties what is said later to
// this one connection.
//
// On a network a listener shows its key only to dialers who know it already (knock.go).
//
// Start with Config; Door and Dial are for carriers that anybody reaches.
package peertls

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

// Protocol is the name that both sides offer (ALPN).
const Protocol = "xsp/2"

const bindingLabel = "EXPORTER-xaeroflux-xsp-2"

// ErrIdentity is wrapped in what a peer's certificate is refused for.
var ErrIdentity = errors.New("no node's identity")

// Certificate returns a self-signed certificate of key that says nothing but
// the key: no name, one serial number, valid for ever.
func Certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	if len(key) != ed25519.PrivateKeySize {
		return tls.Certificate{}, fmt.Errorf("certificate: key of %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // "no expiry", RFC 5280 4.1.2.5
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Config is for both roles. Verification is all in VerifyConnection, which
// runs on every handshake; there is no resumption to begin with, so that each
// connection proves both keys anew.
func Config(cert tls.Certificate, verify func(identity.PeerID) error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{cert},
		NextProtos:             []string{Protocol},
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // there is no authority: VerifyConnection compares keys
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			peer, err := PeerOf(state)
			if err != nil {
				return err
			}
			return verify(peer)
		},
	}
}

// Anyone is the verify of a listener: who dials is known afterwards.
func Anyone(identity.PeerID) error { return nil }

// Only is the verify of a dialer: the peer that the address names, or a
// *transport.WrongPeerError.
func Only(want identity.PeerID) func(identity.PeerID) error {
	return func(have identity.PeerID) error {
		if have != want {
			return &transport.WrongPeerError{Want: want, Have: have}
		}
		return nil
	}
}

// PeerOf returns the peer that a handshake proved, or what is wrong with it.
func PeerOf(state tls.ConnectionState) (identity.PeerID, error) {
	switch {
	case state.Version < tls.VersionTLS13:
		return identity.PeerID{}, fmt.Errorf("%w: TLS version %#x, want 1.3", ErrIdentity, state.Version)
	case state.NegotiatedProtocol != Protocol:
		return identity.PeerID{}, fmt.Errorf("%w: protocol %q, want %q", ErrIdentity, state.NegotiatedProtocol, Protocol)
	case len(state.PeerCertificates) != 1:
		return identity.PeerID{}, fmt.Errorf("%w: %d certificates, want one", ErrIdentity, len(state.PeerCertificates))
	}
	cert := state.PeerCertificates[0]
	key, ok := cert.PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return identity.PeerID{}, fmt.Errorf("%w: certificate of a %v key, want Ed25519", ErrIdentity, cert.PublicKeyAlgorithm)
	}
	peer := identity.PeerID(key)
	if identity.SmallOrder(peer) {
		return identity.PeerID{}, fmt.Errorf("%w: peer id %v is a small-order key, which anybody can sign for", ErrIdentity, peer)
	}
	return peer, nil
}

// Binding derives the connection's binding, which both ends share.
func Binding(state tls.ConnectionState) ([]byte, error) {
	b, err := state.ExportKeyingMaterial(bindingLabel, nil, transport.BindingBytes)
	if err != nil {
		return nil, fmt.Errorf("channel binding: %w", err)
	}
	return b, nil
}
