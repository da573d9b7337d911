// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// certOf makes a certificate as certificate does, of any key.
func certOf(t *testing.T, key crypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// strangers are TLS configurations that no node has, each with what the
// refusal must say.
func strangers(t *testing.T) map[string]func(*tls.Config) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two := certOf(t, testKey(1))
	two.Certificate = append(two.Certificate, certOf(t, testKey(3)).Certificate...)
	return map[string]func(*tls.Config){
		"RSA":    func(c *tls.Config) { c.Certificates = []tls.Certificate{certOf(t, rsaKey)} },
		"ECDSA":  func(c *tls.Config) { c.Certificates = []tls.Certificate{certOf(t, ecKey)} },
		"two":    func(c *tls.Config) { c.Certificates = []tls.Certificate{two} },
		"ALPN":   func(c *tls.Config) { c.NextProtos = []string{"h3"} },
		"noALPN": func(c *tls.Config) { c.NextProtos = nil },
		"none": func(c *tls.Config) {
			c.Certificates = nil
			c.ClientAuth = tls.NoClientCert
		},
	}
}

// wideOpen knocks at key 2's door and proves key 1, with no check of ours.
func wideOpen(t *testing.T) *tls.Config {
	c, err := peertls.Dial(certOf(t, testKey(1)), identity.SchemeQUIC, testPeer(2))
	if err != nil {
		t.Fatal(err)
	}
	c.VerifyConnection = nil
	return c
}

// TestStrangersAreRefused dials a node with each of them. Dial may succeed, as
// TLS 1.3 has it; but nothing is accepted and the connection ends.
func TestStrangersAreRefused(t *testing.T) {
	c := newCarrier(t, 2, small)
	ln, err := c.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range strangers(t) {
		t.Run(name, func(t *testing.T) {
			conf := wideOpen(t)
			spoil(conf)
			if err := strangerDials(t, conf, ln.Addr().Host); err == nil {
				t.Error("not refused")
			} else if te := new(quic.TransportError); !errors.As(err, &te) || !te.ErrorCode.IsCryptoError() {
				t.Errorf("refused by %v, want an alert", err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if conn, err := ln.Accept(ctx); err == nil {
		t.Errorf("accepted %v", conn.Peer())
	}
	// The control: the same dialer with nothing spoiled is taken.
	go strangerDials(t, wideOpen(t), ln.Addr().Host)
	if conn, err := ln.Accept(t.Context()); err != nil || conn.Peer() != testPeer(1) {
		t.Errorf("control: %v", err)
	}
}

// strangerDials dials with quic-go alone and waits for the end.
func strangerDials(t *testing.T, conf *tls.Config, host string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	qc, err := quic.DialAddr(ctx, host, conf, &quic.Config{})
	if err != nil {
		return err
	}
	defer qc.CloseWithError(0, "")
	select {
	case <-qc.Context().Done():
		return context.Cause(qc.Context())
	case <-time.After(500 * time.Millisecond):
		return nil
	}
}

// TestStrangersAreNotDialed is the other way round: the dialer refuses, with
// a typed error, before it has sent anything.
func TestStrangersAreNotDialed(t *testing.T) {
	c := newCarrier(t, 2, small)
	for name, spoil := range strangers(t) {
		if name == "none" {
			continue // a TLS server without a certificate does not start
		}
		t.Run(name, func(t *testing.T) {
			conf := wideOpen(t)
			conf.ClientAuth = tls.RequireAnyClientCert
			spoil(conf)
			ln, err := quic.ListenAddr("127.0.0.1:0", conf, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			_, err = c.Dial(t.Context(), identity.Address{Peer: testPeer(1), Host: ln.Addr().String()})
			if !errors.Is(err, transport.ErrRefused) {
				t.Errorf("dial: %v", err)
			}
		})
	}
}

func TestWrongPeerError(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	ln, err := b.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr()
	addr.Peer = testPeer(3)
	_, err = a.Dial(t.Context(), addr)
	var wrong *transport.WrongPeerError
	if !errors.As(err, &wrong) || wrong.Want != testPeer(3) || wrong.Have != (identity.PeerID{}) || wrong.Host != addr.Host {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(err.Error(), testPeer(3).String()) || !strings.Contains(err.Error(), "invite") {
		t.Errorf("%q does not help", err)
	}
}

func TestNoTLS12(t *testing.T) {
	c := newCarrier(t, 2, small)
	ln, err := c.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := wideOpen(t)
	conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if err := strangerDials(t, conf, ln.Addr().Host); err == nil {
		t.Error("TLS 1.2 over QUIC")
	}
}

func TestNew(t *testing.T) {
	if _, err := New(make([]byte, 5), Options{}); err == nil {
		t.Error("a key of 5 bytes")
	}
	if c, err := New(testKey(1), Options{}); err != nil || c.Peer() != testPeer(1) || c.Close() != nil {
		t.Errorf("%v", err)
	}
}
