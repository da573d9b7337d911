// SPDX-License-Identifier: MPL-2.0

package transport

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

// A crowd is who came through a doorway, and who had to go.
type crowd struct {
	t    *testing.T
	d    *Doorway
	gone []string
}

func (c *crowd) enter(name, ip string) *Place {
	c.t.Helper()
	p, err := c.d.Enter(&net.TCPAddr{IP: net.ParseIP(ip), Port: 1}, func() { c.gone = append(c.gone, name) })
	if err != nil {
		c.t.Fatalf("%s from %s: %v", name, ip, err)
	}
	return p
}

func (c *crowd) want(gone ...string) {
	c.t.Helper()
	if fmt.Sprint(c.gone) != fmt.Sprint(gone) || c.d.Inside() > c.d.Limit() {
		c.t.Errorf("gone: %v, want %v; %d inside", c.gone, gone, c.d.Inside())
	}
	c.gone = nil
}

// TestDoorwayIsBounded: an address has a quarter of the places, a subnet half
// of them, and whoever passes that puts out its own kind.
func TestDoorwayIsBounded(t *testing.T) {
	for _, ips := range [][3]string{
		{"192.0.2.1", "192.0.2.2", "192.0.2.3"},
		{"2001:db8:0:100::1", "2001:db8:0:101::1", "2001:db8:0:1ff::1"},
	} {
		c := &crowd{t: t, d: NewDoorway(16)}
		for i := range 4 {
			c.enter(fmt.Sprint("one ", i), ips[0])
		}
		c.want()
		c.enter("one 4", ips[0])
		c.want("one 0")
		for i := range 4 {
			c.enter(fmt.Sprint("two ", i), ips[1])
		}
		c.want()
		c.enter("three", ips[2])
		c.want("one 1")
		c.enter("other subnet", "198.51.100.1")
		c.want()
	}
}

// TestDoorwayLetsOthersIn: of a full doorway the oldest of the fullest subnet
// goes, and one from elsewhere stays.
func TestDoorwayLetsOthersIn(t *testing.T) {
	c := &crowd{t: t, d: NewDoorway(8)}
	member := c.enter("member", "203.0.113.7")
	for i := range 8 {
		c.enter(fmt.Sprint("a", i), fmt.Sprintf("192.0.2.%d", i))
	}
	c.want("a0", "a1", "a2", "a3")
	for i := range 3 {
		c.enter(fmt.Sprint("b", i), fmt.Sprintf("198.51.100.%d", i))
	}
	c.want()
	for i := range 1000 {
		c.enter(fmt.Sprint("flood ", i), fmt.Sprintf("192.0.2.%d", 100+i%100))
	}
	if len(c.gone) != 1000 || c.gone[0] != "a4" || c.gone[4] != "flood 0" {
		t.Errorf("%d gone, %v", len(c.gone), c.gone[:6])
	}
	c.gone = nil
	if c.d.Inside() != 8 {
		t.Errorf("%d inside", c.d.Inside())
	}
	member.Leave()
	member.Leave()
	if c.d.Inside() != 7 {
		t.Errorf("%d inside after one left", c.d.Inside())
	}
	// Each from a network of its own: the oldest of all goes.
	c = &crowd{t: t, d: NewDoorway(8)}
	for i := range 9 {
		c.enter(fmt.Sprint(i), fmt.Sprintf("10.0.%d.1", i))
	}
	c.want("0")
}

// TestDoorwayRefuses: if nobody can be made to go, the newcomer is refused.
func TestDoorwayRefuses(t *testing.T) {
	d := NewDoorway(4)
	at := func(ip string) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	first, err := d.Enter(at("192.0.2.1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enter(at("192.0.2.1"), nil); !errors.Is(err, ErrRefused) {
		t.Errorf("a second one of an address: %v", err)
	}
	gone := false
	first.Evictable(func() { gone = true })
	if _, err := d.Enter(at("192.0.2.1"), nil); err != nil || !gone {
		t.Errorf("once the first can go: %v, %t", err, gone)
	}
	if p, err := d.Enter(&net.UnixAddr{Name: "s"}, nil); err != nil || p.host.IsValid() {
		t.Errorf("over a unix socket: %v, %v", p, err)
	}
}
