// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"strings"
	"testing"
)

var testPeer = testSeed.PeerID().String()

func TestParseAddress(t *testing.T) {
	for _, host := range []string{
		"localhost:1", "203.0.113.7:4242", "[2001:db8::1]:443", "[fe80::1%eth0]:65535",
		"a-b_c.Example.org:80", strings.Repeat("a.", 126) + "a:65535", strings.Repeat("a", 56) + ".onion:9",
	} {
		a, err := ParseAddress(testPeer + "@" + host)
		if err != nil || a.Host != host || a.String() != testPeer+"@"+host {
			t.Errorf("%s: %v, %v", host, a, err)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "no @",
		testPeer:                       "no @",
		testPeer + "@":                 "host:port",
		testPeer + "@host":             "host:port",
		testPeer + "@host:":            "port",
		testPeer + "@host:0":           "port",
		testPeer + "@host:65536":       "port",
		testPeer + "@host:080":         "port",
		testPeer + "@host:+80":         "port",
		testPeer + "@host:http":        "port",
		testPeer + "@:80":              "host",
		testPeer + "@ho st:80":         "host",
		testPeer + "@host..org:80":     "host",
		testPeer + "@host/x:80":        "host",
		testPeer + "@host:80 ":         "port",
		testPeer + "@a@b:80":           "host",
		testPeer + "@2001:db8::1:80":   "host:port",
		testPeer + "@[2001:db8::1]":    "host:port",
		testPeer + "@[host]:80":        "host",
		testPeer + "@[fe80::1%]:80":    "host",
		testPeer + "@[fe80::1%a b]:80": "host",
		testPeer + "@[::zz]:80":        "host",
		testPeer + "@ärger.de:80":      "host",
		testPeer + "@" + strings.Repeat("a.", 140) + "b:80": "limit",
		testPeer + "@" + strings.Repeat("a", 64) + ":80":    "host",
		testPeer + "@" + strings.Repeat("a.", 126) + "ab:1": "host", // a name of 254 bytes
		testPeer[1:] + "@host:80":                           "63 characters",
		strings.ToUpper(testPeer) + "@host:80":              "character",
		"g" + testPeer[1:] + "@host:80":                     "character 1",
		strings.Repeat("0", 64) + "@host:80":                "small order",
	} {
		_, err := ParseAddress(in)
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something of %q", in, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add(testPeer + "@host:80")
	f.Add(testPeer + "@[fe80::1%eth0]:65535")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%q: untyped error %v", s, err)
			}
			return
		}
		if a.String() != s || SmallOrder(a.Peer) || CheckHost(a.Host) != nil {
			t.Errorf("%q: decoded as %q", s, a)
		}
		inv := Invite{Peers: []Address{a}}
		if err := inv.Check(); err != nil {
			t.Errorf("%q: fits no invite: %v", s, err)
		}
	})
}
