// SPDX-License-Identifier: MPL-2.0

package peertls

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// testKey returns the i-th test key.
func testKey(i byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = i
	return ed25519.NewKeyFromSeed(seed)
}

func testCert(t *testing.T, i byte) tls.Certificate {
	t.Helper()
	c, err := Certificate(testKey(i))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake runs a handshake between two configurations and returns what each end
// made of it.
func shake(t *testing.T, client, server *tls.Config) (c, s *tls.Conn, clientErr, serverErr error) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	c, s = tls.Client(a, client), tls.Server(b, server)
	done := make(chan error, 1)
	go func() { done <- s.HandshakeContext(t.Context()) }()
	clientErr = c.HandshakeContext(t.Context())
	go c.Read(make([]byte, 1)) // takes what the server still says; ends with the pipe
	return c, s, clientErr, <-done
}

func TestBothEndsProve(t *testing.T) {
	two := identity.PeerID(testKey(2).Public().(ed25519.PublicKey))
	c, s, err1, err2 := shake(t, Config(testCert(t, 1), Only(two)), Config(testCert(t, 2), Anyone))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if have, err := PeerOf(c.ConnectionState()); have != two || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	one, err := Binding(c.ConnectionState())
	if err != nil {
		t.Fatal(err)
	}
	other, err := Binding(s.ConnectionState())
	if err != nil || string(one) != string(other) || len(one) != transport.BindingBytes {
		t.Errorf("bindings %x and %x, %v", one, other, err)
	}
}

func TestOnly(t *testing.T) {
	three := identity.PeerID(testKey(3).Public().(ed25519.PublicKey))
	_, _, err, _ := shake(t, Config(testCert(t, 1), Only(three)), Config(testCert(t, 2), Anyone))
	var wrong *transport.WrongPeerError
	if !errors.As(err, &wrong) || wrong.Want != three {
		t.Errorf("%v", err)
	}
}

func TestNoTLS12(t *testing.T) {
	old := Config(testCert(t, 1), Anyone)
	old.MinVersion, old.MaxVersion, old.VerifyConnection = tls.VersionTLS12, tls.VersionTLS12, nil
	if _, _, _, err := shake(t, old, Config(testCert(t, 2), Anyone)); err == nil {
		t.Error("TLS 1.2")
	}
	state := tls.ConnectionState{Version: tls.VersionTLS12, NegotiatedProtocol: Protocol}
	if _, err := PeerOf(state); !errors.Is(err, ErrIdentity) {
		t.Errorf("PeerOf: %v", err)
	}
}

func TestSmallOrderPeer(t *testing.T) {
	state := tls.ConnectionState{
		Version: tls.VersionTLS13, NegotiatedProtocol: Protocol,
		PeerCertificates: []*x509.Certificate{{PublicKey: ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))}},
	}
	if _, err := PeerOf(state); !errors.Is(err, ErrIdentity) {
		t.Errorf("the neutral element as a peer id: %v", err)
	}
}

// TestCertificateSaysNothing: a certificate holds the key and no name or time
// by which two of a device's identities could be linked.
func TestCertificateSaysNothing(t *testing.T) {
	one, err := Certificate(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(one.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if cert.Subject.String() != "" || cert.Issuer.String() != "" || cert.SerialNumber.Int64() != 1 || cert.NotBefore.Unix() != 0 || cert.NotAfter.Year() != 9999 || len(cert.DNSNames) != 0 {
		t.Errorf("%+v", cert)
	}
	again, err := Certificate(testKey(1))
	if err != nil || string(again.Certificate[0]) != string(one.Certificate[0]) {
		t.Error("the certificate is not a function of the key")
	}
}
