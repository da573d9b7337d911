// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"math/bits"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

func TestMountains(t *testing.T) {
	want := strings.Join([]string{
		`   /\`,
		`  /  \     /\`,
		` /    \   /  \`,
		`/______\ /____\ /\`,
		`    8       4    1`,
	}, "\n")
	// 13 events: trees over 8, 4 and 1
	if got := strings.Join(mountains(13), "\n"); got != want {
		t.Errorf("13 events:\n%s\nwant\n%s", got, want)
	}
}

func TestMountainsFit(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 255, 373, 1 << 20, 1<<20 - 1, 5_000_000, 999_999_999, 1<<40 - 1, 1 << 62} {
		rows := mountains(n)
		if len(rows) > pictureHeight+1 || len(rows) < 2 {
			t.Errorf("%d events: %d rows", n, len(rows))
		}
		for _, row := range rows {
			if len(row) > pictureWidth && bits.OnesCount64(n) < 20 {
				t.Errorf("%d events: a row of %d columns", n, len(row))
			}
		}
		foot := rows[len(rows)-2]
		if got := strings.Count(foot, "/"); got != bits.OnesCount64(n) {
			t.Errorf("%d events: %d mountains, want %d", n, got, bits.OnesCount64(n))
		}
		if got := len(strings.Fields(rows[len(rows)-1])); got != bits.OnesCount64(n) {
			t.Errorf("%d events: %d labels", n, got)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 100000: "100,000"} {
		if got := count(n); got != want {
			t.Errorf("count %d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 9999: "9999 B", 16400: "16.4 kB", 124_000_000: "124.0 MB"} {
		if got := bytesText(n); got != want {
			t.Errorf("bytes %d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{1: "1", 512: "512", 1024: "1Ki", 1 << 19: "512Ki", 1 << 20: "1Mi", 1 << 62: "4Ei"} {
		if got := short(n); got != want {
			t.Errorf("short %d: %s, want %s", n, got, want)
		}
	}
}

func TestDialable(t *testing.T) {
	var peer identity.PeerID
	interfaces := []net.Addr{
		&net.IPNet{IP: net.ParseIP("127.0.0.1"), Mask: net.CIDRMask(8, 32)},
		&net.IPNet{IP: net.ParseIP("fe80::1"), Mask: net.CIDRMask(64, 128)},
		&net.IPNet{IP: net.ParseIP("192.168.1.5"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("2001:db8::5"), Mask: net.CIDRMask(64, 128)},
	}
	for host, want := range map[string][]string{
		"127.0.0.1:4040":    {"127.0.0.1:4040"},
		"192.168.1.5:4040":  {"192.168.1.5:4040"},
		"node.example:4040": {"node.example:4040"},
		"0.0.0.0:4040":      {"192.168.1.5:4040", "127.0.0.1:4040"},
		"[::]:4040":         {"192.168.1.5:4040", "[2001:db8::5]:4040", "127.0.0.1:4040"},
	} {
		var got []string
		for _, a := range dialable(identity.Address{Peer: peer, Host: host}, interfaces) {
			got = append(got, a.Host)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	if got := dialable(identity.Address{Host: "[::]:1"}, nil); len(got) != 1 {
		t.Errorf("a machine without interfaces: %v", got)
	}
}
