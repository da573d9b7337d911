// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"strings"
	"testing"
)

var testPeer = testSeed.PeerID(testGeneration).String()

func TestParseAddress(t *testing.T) {
	for _, host := range []string{
		"localhost:1", "203.0.113.7:4242", "[2001:db8::1]:443", "[fe80::1%eth0]:65535",
		"a-b_c.Example.org:80", strings.Repeat("a.", 126) + "a:65535", strings.Repeat("a", 56) + ".onion:9",
		"quic://localhost:1", "tcp://[2001:db8::1]:443", "unix:///run/x.sock",
		"tcp://" + strings.Repeat("a.", 126) + "a:65535",
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
		testPeer + "@udp://host:80":                         "carrier",
		testPeer + "@://host:80":                            "carrier",
		testPeer + "@tcp://host":                            "host:port",
		testPeer + "@tcp://tcp://host:80":                   "host",
		testPeer + "@tcp:host:80":                           "host:port",
		testPeer + "@unix://run/x.sock":                     "unix:///path",
		testPeer + "@unix:///run/\nx":                       "unix:///path",
		"unix://x":                                          "unix:///path",
		"unix:///" + strings.Repeat("x", MaxHost):           "unix:///path",
		"tcp://host:80":                                     "no @",
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
	f.Add(testPeer + "@tcp://host:80")
	f.Add("unix:///run/x")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%q: untyped error %v", s, err)
			}
			return
		}
		if strings.HasPrefix(a.Host, "unix://") {
			if a.String() != s || CheckHost(a.Host) == nil {
				t.Errorf("%q: decoded as %q, or taken from others", s, a)
			}
			return
		}
		if a.String() != s || SmallOrder(a.Peer) || CheckHost(a.Host) != nil {
			t.Errorf("%q: decoded as %q", s, a)
		}
		inv := inviteTo(a)
		if err := inv.Check(); err != nil {
			t.Errorf("%q: fits no invite: %v", s, err)
		}
	})
}

// TestOnlyNetworksComeFromOthers: an invite or a peer must not make us talk to
// sockets of this machine.
func TestOnlyNetworksComeFromOthers(t *testing.T) {
	here, err := ParseAddress("unix:///run/x.sock")
	if err != nil || !here.Unnamed() || here.String() != "unix:///run/x.sock" {
		t.Fatal(here, err)
	}
	named := Address{Peer: testSeed.PeerID(testGeneration), Host: here.Host}
	for _, a := range []Address{here, named} {
		if err := CheckHost(a.Host); !errors.Is(err, ErrAddress) {
			t.Errorf("%v: %v", a, err)
		}
		if err := inviteTo(a).Check(); !errors.Is(err, ErrInvite) {
			t.Errorf("invite to %v: %v", a, err)
		}
	}
	tcp := Address{Peer: testSeed.PeerID(testGeneration), Host: "tcp://host:80"}
	text, err := inviteTo(tcp).Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseInvite(text)
	if err != nil || back.Peers[0] != tcp {
		t.Errorf("%v, %v", back, err)
	}
}

func TestSplitScheme(t *testing.T) {
	for host, want := range map[string][2]string{
		"host:80": {"", "host:80"}, "tcp://host:80": {"tcp", "host:80"}, "unix:///x": {"unix", "/x"},
	} {
		scheme, rest := SplitScheme(host)
		if [2]string{scheme, rest} != want || JoinScheme(scheme, rest) != host {
			t.Errorf("%s: %q and %q", host, scheme, rest)
		}
	}
}
