// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// datagrams is a UDP port of the machine, as quic-go makes the most of it.
type datagrams interface {
	quic.OOBCapablePacketConn
	SetWriteBuffer(bytes int) error
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
}

// batched reads several packets with one call of the system.
type batched struct {
	*net.UDPConn
	all *ipv4.PacketConn
}

func (b batched) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	return b.all.ReadBatch(ms, flags)
}

func listenUDP(addr *net.UDPAddr) (datagrams, error) {
	udp, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	return batched{udp, ipv4.NewPacketConn(udp)}, nil
}

// A port is a UDP port for quic-go, which gives up a connection with the first
// packet that cannot be sent, and all of them with the first error of a read. Most
// refusals of a machine last a moment: memory, or a way out while it
// changes from one network to another. So a packet that cannot be sent is one that is
// lost, which QUIC repeats, and a read waits until there is memory again. A
// dialer hears of a refusal, as no handshake has gone through that way before.
type port struct {
	datagrams

	mu    sync.Mutex // guards dials
	dials map[*refusal]struct{}
}

// A refusal is what a dial wants to know of packets to an address.
type refusal struct {
	to   netip.AddrPort
	told func(error)
}

// onRefusal has told called with the error of each packet to an address that the
// machine refuses to send, until stop.
func (p *port) onRefusal(to netip.AddrPort, told func(error)) (stop func()) {
	r := &refusal{to, told}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dials == nil {
		p.dials = map[*refusal]struct{}{}
	}
	p.dials[r] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.dials, r)
	}
}

// lost returns nil for the error of a packet that counts as lost. quic-go has a use
// for the others: it makes shorter packets or sends them one by one.
func (p *port) lost(to net.Addr, err error) error {
	if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EMSGSIZE) || errors.Is(err, syscall.EIO) {
		return err
	}
	if udp, ok := to.(*net.UDPAddr); ok && durable.TroubleOf(err) != durable.Exhausted {
		p.refused(udp.AddrPort(), err)
	}
	return nil
}

func (p *port) refused(to netip.AddrPort, err error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.dials {
		if r.to == to {
			r.told(err)
		}
	}
}

func (p *port) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if _, _, err := p.datagrams.WriteMsgUDP(b, oob, to); p.lost(to, err) != nil {
		return 0, 0, err
	}
	return len(b), len(oob), nil
}

func (p *port) WriteTo(b []byte, to net.Addr) (int, error) {
	if _, err := p.datagrams.WriteTo(b, to); p.lost(to, err) != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *port) ReadBatch(ms []ipv4.Message, flags int) (n int, err error) {
	untilRoom(func() error {
		n, err = p.datagrams.ReadBatch(ms, flags)
		return err
	})
	return n, err
}

func (p *port) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	untilRoom(func() error {
		n, from, err = p.datagrams.ReadFrom(b)
		return err
	})
	return n, from, err
}

// Pauses while the machine has no memory for a packet.
const (
	firstPause = time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// untilRoom repeats a read that the machine refuses for want of memory.
func untilRoom(read func() error) {
	for pause := firstPause; durable.TroubleOf(read()) == durable.Exhausted; pause = min(2*pause, lastPause) {
		time.Sleep(pause)
	}
}
