// SPDX-License-Identifier: MPL-2.0

package tcpnet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// strangerConfig is a configuration that knocks at key 2's door and proves key 1, with no
// check of ours.
func strangerConfig(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := peertls.Certificate(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	c, err := peertls.Dial(cert, identity.SchemeTCP, testPeer(2))
	if err != nil {
		t.Fatal(err)
	}
	c.VerifyConnection = nil
	return c
}

// foreignCert is a certificate of a key that no node has.
func foreignCert(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func listen(t *testing.T, o Options) (*Carrier, transport.Listener) {
	t.Helper()
	c := newCarrier(t, 2, o)
	ln, err := c.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return c, ln
}

func dialRaw(t *testing.T, ln transport.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// closedByPeer waits until the listener hangs up.
func closedByPeer(t *testing.T, what string, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Errorf("%s: not hung up on", what)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// nothingAccepted checks that the listener took none of what came, and takes
// one that is as it should be.
func nothingAccepted(t *testing.T, ln transport.Listener) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := ln.Accept(ctx); err == nil {
		t.Errorf("accepted %v", c.Peer())
	}
	go newCarrier(t, 1, Options{}).Dial(context.Background(), ln.Addr())
	if c, err := ln.Accept(t.Context()); err != nil || c.Peer() != testPeer(1) {
		t.Errorf("control: %v", err)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	_, ln := listen(t, Options{HandshakeTimeout: time.Minute}) // none is refused by waiting
	for name, spoil := range map[string]func(*tls.Config){
		"no name": func(c *tls.Config) { c.ServerName = "" },
		"ECDSA":   func(c *tls.Config) { c.Certificates = []tls.Certificate{foreignCert(t)} },
		"ALPN":    func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"no ALPN": func(c *tls.Config) { c.NextProtos = nil },
		"none":    func(c *tls.Config) { c.Certificates = nil },
		"TLS 1.2": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
	} {
		conf := strangerConfig(t)
		spoil(conf)
		c := tls.Client(dialRaw(t, ln), conf)
		c.HandshakeContext(t.Context()) // may succeed, as TLS 1.3 has it
		closedByPeer(t, name, c)
	}
	nothingAccepted(t, ln)
}

func TestPlainBytesAreRefused(t *testing.T) {
	_, ln := listen(t, Options{HandshakeTimeout: time.Minute}) // none is refused by waiting
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", strings.Repeat("\x00", 1000), "\x16\x03\x01\xff\xff" + strings.Repeat("x", 1<<16)} {
		c := dialRaw(t, ln)
		io.WriteString(c, text)
		closedByPeer(t, text[:3], c)
	}
	nothingAccepted(t, ln)
}

// TestNoNodeThere is the dialer's side: what answers is no node.
func TestNoNodeThere(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"text":    func(c net.Conn) { readHello(c); io.WriteString(c, "220 mail.example.org ESMTP\r\n") },
		"hang up": readHello,
		"ECDSA": func(c net.Conn) {
			conf := strangerConfig(t)
			conf.Certificates = []tls.Certificate{foreignCert(t)}
			tls.Server(c, conf).Handshake()
		},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := ln.Accept(); err == nil {
				answer(c)
				c.Close()
			}
		}()
		_, err = newCarrier(t, 1, Options{}).Dial(t.Context(), identity.Address{Peer: testPeer(2), Host: ln.Addr().String()})
		if !errors.Is(err, transport.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		ln.Close()
	}
}

// readHello reads what a dialer says first, so that closing is no reset.
func readHello(c net.Conn) { c.Read(make([]byte, 1<<16)) }

// TestSlowHandshakeEnds: who says nothing, or a byte now and then, is hung up
// on after the timeout and leaves nothing.
func TestSlowHandshakeEnds(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c, ln := listen(t, Options{HandshakeTimeout: 200 * time.Millisecond})
	silent, dripping := dialRaw(t, ln), dialRaw(t, ln)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			if _, err := dripping.Write([]byte{0x16}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	closedByPeer(t, "silent", silent)
	closedByPeer(t, "dripping", dripping)
	<-done

	// A handshake that is done, and then no first stream.
	tc := tls.Client(dialRaw(t, ln), strangerConfig(t))
	if err := tc.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	closedByPeer(t, "no first stream", tc)
	nothingAccepted(t, ln)
	c.Close()
	tc.Close()
	goleak.VerifyNone(t, before)
}

// TestFloodIsBounded: strangers have so many places, from their first byte until
// they are admitted; those that pass them put out each other, and one that comes from
// elsewhere and is admitted stays.
func TestFloodIsBounded(t *testing.T) {
	door := transport.NewDoorway(8)
	_, ln := listen(t, Options{Doorway: door, HandshakeTimeout: time.Minute})
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, 1)}}
	raw, err := elsewhere.DialContext(t.Context(), "tcp", ln.Addr().Host)
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	defer raw.Close()
	first := dialRaw(t, ln)
	for range 20 { // some say nothing,
		dialRaw(t, ln)
	}
	closedByPeer(t, "the first of a flood", first)
	go newCarrier(t, 1, Options{}).node.Connect(context.Background(), raw, testPeer(2), "member")
	member, err := ln.Accept(t.Context())
	if err != nil || member.Peer() != testPeer(1) {
		t.Fatal("during the flood:", err)
	}
	stranger := newCarrier(t, 3, Options{})
	for range 20 { // and some greet
		if c, err := stranger.Dial(t.Context(), ln.Addr()); err == nil {
			defer c.CloseWithError(0, "")
		}
	}
	if member.Err() != nil {
		t.Error("the member had to go:", member.Err())
	}
	if n := door.Inside(); n > 3 { // the member, and two of the flood's address
		t.Errorf("%d strangers inside", n)
	}
	member.Admit()
	if n := door.Inside(); n > 2 {
		t.Errorf("%d strangers inside, once one was admitted", n)
	}
}

// TestForeignWords: what a proven peer says on the first stream, or under it,
// that is not in the rules ends the connection as lost and nothing else.
func TestForeignWords(t *testing.T) {
	_, ln := listen(t, Options{})
	syn := "\x00\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00" // window update with SYN, stream 1
	data := func(text string) string {
		return "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00" + string(rune(len(text))) + text
	}
	for name, text := range map[string]string{
		"long reason":     data("\x00\x00\x00\x00\x00\x00\x00\x05\xff\xff"),
		"cut off":         data("\x00\x00\x00"),
		"of version 9":    "\x09\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00",
		"end":             "\x00\x01\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00",
		"over the window": "\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x00\x00\x00",
	} {
		c := tls.Client(dialRaw(t, ln), strangerConfig(t))
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, syn)
		conn, err := ln.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		c.CloseWrite()
		select {
		case <-conn.Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: goes on", name)
		}
		var ce *transport.ClosedError
		if !errors.As(conn.Err(), &ce) || !errors.Is(ce, transport.ErrLost) || ce.Code != 0 {
			t.Errorf("%s: %v", name, conn.Err())
		}
	}
}

// TestStreamsAreBounded: a peer that is known that opens streams without counting is given
// twice the limit and no more.
func TestStreamsAreBounded(t *testing.T) {
	_, ln := listen(t, Options{MaxStreams: 4})
	greedy := newCarrier(t, 1, Options{MaxStreams: 100})
	a, err := greedy.Dial(t.Context(), ln.Addr())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Admit()
	refused := 0
	for range 20 {
		s, err := a.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		var se *transport.StreamError
		if _, err := s.Read(make([]byte, 1)); errors.As(err, &se) && se.Remote {
			refused++
		}
	}
	if refused != 20-(2*4-1) { // the first stream of the connection is one of the eight
		t.Errorf("%d of 20 streams were refused", refused)
	}
}

// TestSilenceIsNoTraffic: a connection on which nothing happens sends nothing.
func TestSilenceIsNoTraffic(t *testing.T) {
	_, ln := listen(t, Options{})
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	moved := make(chan int, 1000)
	go func() {
		c, err := relay.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("tcp", ln.Addr().Host)
		if err != nil {
			return
		}
		pump := func(to, from net.Conn) {
			for b := make([]byte, 1<<16); ; {
				n, err := from.Read(b)
				if err != nil {
					to.Close()
					return
				}
				to.Write(b[:n])
				moved <- n
			}
		}
		go pump(c, d)
		pump(d, c)
	}()
	addr := ln.Addr()
	addr.Host = relay.Addr().String()
	if _, err := newCarrier(t, 1, Options{}).Dial(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	if _, err := ln.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // what belongs to the beginning
	for len(moved) > 0 {
		<-moved
	}
	time.Sleep(time.Second)
	if len(moved) != 0 {
		t.Errorf("%d packets in a second of silence", len(moved))
	}
}
