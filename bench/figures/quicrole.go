// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/quic-go/quic-go"
)

// A quicRole sends or fetches bytes over one QUIC stream, with the windows
// that Xaeroflux uses.
type quicRole struct{}

var quicConfig = &quic.Config{
	InitialPacketSize:          1200, // as the store's
	InitialStreamReceiveWindow: 512 << 10, MaxStreamReceiveWindow: 32 << 20,
	InitialConnectionReceiveWindow: 768 << 10, MaxConnectionReceiveWindow: 48 << 20,
}

func (q *quicRole) do(o order) (answer, error) {
	switch o.Op {
	case "listen":
		l, err := quic.ListenAddr("127.0.0.1:0", selfSigned(), quicConfig)
		if err != nil {
			return answer{}, err
		}
		go serveBytes(l)
		return answer{Addr: l.Addr().String()}, nil
	case "fetch":
		return fetchBytes(o)
	}
	return answer{}, errors.New("no such order")
}

const quicProtocol = "bench"

func selfSigned() *tls.Config {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // the system has no randomness
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err) // not with this template
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		NextProtos:   []string{quicProtocol},
	}
}

// serveBytes answers each stream with as many bytes as it asks for.
func serveBytes(l *quic.Listener) {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			return
		}
		go func() {
			stream, err := conn.AcceptStream(ctx)
			if err != nil {
				return
			}
			var want [8]byte
			if _, err := io.ReadFull(stream, want[:]); err != nil {
				return
			}
			chunk := payloads(1, 1<<20)[0]
			for left := binary.LittleEndian.Uint64(want[:]); left > 0; {
				n, err := stream.Write(chunk[:min(left, uint64(len(chunk)))])
				if err != nil {
					return
				}
				left -= uint64(n)
			}
			_ = stream.Close() // the reader counts
		}()
	}
}

func fetchBytes(o order) (answer, error) {
	start := time.Now()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := quic.DialAddr(limit, o.Addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{quicProtocol}}, quicConfig)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.CloseWithError(0, "") }()
	stream, err := conn.OpenStreamSync(limit)
	if err != nil {
		return answer{}, err
	}
	if _, err := stream.Write(binary.LittleEndian.AppendUint64(nil, uint64(o.Bytes))); err != nil {
		return answer{}, err
	}
	got, buf := int64(0), make([]byte, 256<<10)
	for err == nil {
		var n int
		n, err = stream.Read(buf)
		got += int64(n)
	}
	if !errors.Is(err, io.EOF) || got != o.Bytes {
		return answer{}, fmt.Errorf("%d of %d bytes: %w", got, o.Bytes, err)
	}
	return answer{Seconds: time.Since(start).Seconds()}, nil
}

// rawTransfer moves bytes between two processes.
func rawTransfer(bytes int64) (Sample, error) {
	s, err := rawFetch(bytes, func(addr string) (string, error) { return addr, nil })
	return Sample{"mib_s": float64(bytes) / (1 << 20) / s}, err
}

// rawBehind moves as many bytes as 1000 events are, through a relay.
func rawBehind(r *Run) (Sample, error) {
	var via *relay
	s, err := rawFetch(1000*268, func(addr string) (_ string, err error) {
		if via, err = newRelay(addr, seconds(r.X/2e3)); err != nil {
			return "", err
		}
		return via.addr(), nil
	})
	if via == nil {
		return nil, err
	}
	via.close()
	return Sample{"ms": s * 1e3, "kb": float64(via.bytes.Load()) / 1e3}, err
}

// rawFetch fetches bytes from another process, by the way that via makes to it, and
// returns how many seconds that took.
func rawFetch(bytes int64, via func(addr string) (string, error)) (float64, error) {
	server, err := start("quic")
	if err != nil {
		return 0, err
	}
	client, err := start("quic")
	if err != nil {
		return 0, errors.Join(err, server.stop())
	}
	a, err := server.do(order{Op: "listen"})
	addr := ""
	if err == nil {
		addr, err = via(a.Addr)
	}
	if err == nil {
		a, err = client.do(order{Op: "fetch", Addr: addr, Bytes: bytes})
	}
	return a.Seconds, errors.Join(err, client.stop(), server.stop())
}
