// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// ErrNoAddress is returned if something is bound to an address that this machine
// does not have now: its interface is down, or it has another one.
var ErrNoAddress = errors.New("this machine does not have the address now")

// A Health is why something cannot do its work at the moment. Its zero value is in
// good health.
type Health struct {
	mu      sync.Mutex // guards all below
	why     error
	changed chan struct{} // closed with the next change; nil if nobody waits
}

// Set says why, or nil.
func (h *Health) Set(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	same := text(why) == text(h.why)
	if h.why = why; !same && h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Get returns a channel that is closed with the next change, and why, or nil.
func (h *Health) Get() (changed <-chan struct{}, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed, h.why
}

// HasAddress reports whether a port at a local address can be sent from. It asks
// by binding one: some systems tell no program which addresses there are.
func HasAddress(ip netip.Addr) bool {
	if AlwaysHere(ip) {
		return true
	}
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err == nil {
		udp.Close()
	}
	return !errors.Is(err, syscall.EADDRNOTAVAIL)
}

// AlwaysHere reports whether a local address is one that no machine loses.
func AlwaysHere(ip netip.Addr) bool { return ip.Unmap().IsUnspecified() || ip.Unmap().IsLoopback() }
