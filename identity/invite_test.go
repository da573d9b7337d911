// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
)

func testInvite() Invite {
	return Invite{Key: testKey, Name: "Die Gärtner", Peers: []Address{
		{Peer: testSeed.PeerID(), Host: "203.0.113.7:4242"},
		{Peer: Seed{1}.PeerID(), Host: "[2001:db8::1]:443"},
	}}
}

// shortInvite keeps the tests that try everything short.
func shortInvite() Invite {
	return Invite{Key: testKey, Name: "é", Peers: []Address{{Peer: testSeed.PeerID(), Host: "a.example:1"}}}
}

func largestInvite() Invite {
	v := Invite{Key: testKey, Name: strings.Repeat("n", MaxInviteName)}
	name := strings.Repeat(strings.Repeat("a", 49)+".", 5) + "abc:65535"
	for i := range MaxInvitePeers {
		v.Peers = append(v.Peers, Address{Peer: Seed{byte(i)}.PeerID(), Host: name})
	}
	return v
}

func TestInviteRoundTrip(t *testing.T) {
	for _, v := range []Invite{{}, {Key: testKey}, testInvite(), largestInvite()} {
		s, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{s, strings.ToUpper(s), " \t" + s + "\r\n"} {
			got, err := ParseInvite(text)
			if err != nil || !reflect.DeepEqual(*got, v) {
				t.Errorf("%q: %#v, %v", text, got, err)
			}
		}
	}
}

func faultOf(t *testing.T, s string) *InviteError {
	t.Helper()
	v, err := ParseInvite(s)
	var fault *InviteError
	if !errors.As(err, &fault) || !errors.Is(err, ErrInvite) {
		t.Fatalf("%q: %v, want an InviteError", s, err)
	}
	if v != nil {
		t.Errorf("%q: an invite came with the error", s)
	}
	return fault
}

// Every character in turn becomes every other one of the alphabet, and some
// that are not of it: never accepted, and the place is pointed at.
func TestEveryTypoIsDetected(t *testing.T) {
	good := shortInvite().String()
	pointed := 0
	for i := range good {
		for _, c := range []byte(inviteAlphabet + "0189-_. ~\x00\x80\xff") {
			if c == good[i] || c == good[i]-'a'+'A' {
				continue
			}
			text := good[:i] + string([]byte{c}) + good[i+1:]
			fault := faultOf(t, text)
			if !strings.Contains(fault.What, "typo") {
				t.Errorf("%s: %v", text, fault)
			}
			if i >= len(invitePrefix) && fault.At == i+1 {
				pointed++
			}
		}
	}
	if all := (len(good) - len(invitePrefix)) * 42; pointed < all*9/10 {
		t.Errorf("%d of %d typos were pointed at", pointed, all)
	}
}

func TestLongInviteTyposAreDetected(t *testing.T) {
	for _, v := range []Invite{testInvite(), largestInvite()} {
		good := v.String()
		for i := 0; i < len(good); i += len(good)/40 + 1 {
			c := byte('a')
			if good[i] == c {
				c = '2'
			}
			faultOf(t, good[:i]+string([]byte{c})+good[i+1:])
		}
	}
}

// Two characters that change places: a CRC is certain to notice any two of
// five in a row.
func TestSwappedCharacters(t *testing.T) {
	good := shortInvite().String()
	for apart := 1; apart <= 4; apart++ {
		for i := len(invitePrefix); i+apart < len(good); i++ {
			text := []byte(good)
			if text[i], text[i+apart] = text[i+apart], text[i]; string(text) == good {
				continue
			}
			fault := faultOf(t, string(text))
			if apart == 1 && fault.Fault != FaultTypo {
				t.Errorf("swap at %d: %v", i+1, fault)
			}
		}
	}
}

func TestLostAndDoubledCharacters(t *testing.T) {
	good := shortInvite().String()
	for i := range good {
		if i > 0 && good[i] == good[i-1] {
			continue
		}
		faultOf(t, good[:i]+good[i+1:])
		faultOf(t, good[:i]+good[i:i+1]+good[i:])
	}
}

// Cut anywhere, an invite is called cut: not mistyped, which would send people
// looking for a wrong character in what they have.
func TestTruncatedInvite(t *testing.T) {
	for _, v := range []Invite{testInvite(), shortInvite(), {Key: testKey}} {
		good := v.String()
		for n := range good {
			fault := faultOf(t, good[:n])
			want := FaultTruncated
			if n < len(invitePrefix) {
				want = FaultPrefix
			}
			if fault.Fault != want || !strings.Contains(fault.What, "all of it was copied") {
				t.Errorf("%d of %d characters: fault %d, %v", n, len(good), fault.Fault, fault)
			}
		}
	}
}

// Bits of the last character that are not of the invite are a typo there.
func TestSpareBitsOfTheLastCharacter(t *testing.T) {
	seen := 0
	for n := range 8 {
		good := Invite{Key: testKey, Name: strings.Repeat("n", n)}.String()
		spare := 5 * (len(good) - len(invitePrefix)) % 8
		last := strings.IndexByte(inviteAlphabet, good[len(good)-1])
		for x := 1; x < 1<<spare; x++ {
			fault := faultOf(t, good[:len(good)-1]+inviteAlphabet[last^x:last^x+1])
			if fault.Fault != FaultTypo || fault.At != len(good) {
				t.Errorf("%d spare bits changed by %d: %v at %d", spare, x, fault, fault.At)
			}
			seen++
		}
	}
	if seen < 1+3+7+15 {
		t.Errorf("only %d changes tried", seen)
	}
}

// raw writes an invite of any bytes, with a CRC that fits.
func raw(b []byte) string {
	b = binary.LittleEndian.AppendUint32(b[:len(b):len(b)], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return invitePrefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

func bytesOf(t *testing.T, v Invite) []byte {
	t.Helper()
	b, err := inviteText.DecodeString(v.String()[len(invitePrefix):])
	if err != nil {
		t.Fatal(err)
	}
	return b[:len(b)-crcBytes]
}

func TestInviteFaults(t *testing.T) {
	good := testInvite().String()
	b := bytesOf(t, testInvite())
	version := append([]byte{2}, b[1:]...)
	for _, c := range []struct {
		text string
		want Fault
	}{
		{"", FaultPrefix},
		{"xf", FaultPrefix},
		{"xg1" + good[3:], FaultPrefix},
		{"xf2" + good[3:], FaultVersion},
		{"https://example.org/" + good, FaultPrefix},
		{"xf1", FaultTruncated},
		{good[:20] + " " + good[20:], FaultCharacter},
		{good[:20] + "\n" + good[20:], FaultCharacter},
		{good + "=", FaultCharacter},
		{good + good[3:], FaultTrailing},
		{good + strings.Repeat("a", 8), FaultTrailing},
		{good + strings.Repeat("a", 5000), FaultTrailing},
		{raw(version), FaultVersion},
		{raw(nil), FaultVersion},
		{raw(b[:len(b)-1]), FaultTruncated},
		{raw(b[:1]), FaultTruncated},
		{raw(append(b[:len(b):len(b)], 0)), FaultTrailing},
		{raw(append(append([]byte{1}, testKey[:]...), 65)), FaultTruncated},
		{raw(append(append(append([]byte{1}, testKey[:]...), 1), '\n', 0)), FaultContent},
		{raw(append(append(append([]byte{1}, testKey[:]...), 1), 0xff, 0)), FaultContent},
	} {
		if got := faultOf(t, c.text); got.Fault != c.want {
			t.Errorf("%q: fault %d (%v), want %d", c.text, got.Fault, got, c.want)
		}
	}
}

func TestInviteCheck(t *testing.T) {
	addr := testInvite().Peers[0]
	for name, v := range map[string]Invite{
		"long name":       {Name: strings.Repeat("x", MaxInviteName+1)},
		"line feed":       {Name: "a\nb"},
		"bidi override":   {Name: "a\u202eb"},
		"not UTF-8":       {Name: "\xff"},
		"too many peers":  {Peers: make([]Address, MaxInvitePeers+1)},
		"no peer id":      {Peers: []Address{{Host: addr.Host}}},
		"no host":         {Peers: []Address{{Peer: addr.Peer}}},
		"a host too long": {Peers: []Address{{Peer: addr.Peer, Host: strings.Repeat("a.", 150) + "a:1"}}},
	} {
		s, err := v.Encode()
		if !errors.Is(err, ErrInvite) || s != "" {
			t.Errorf("%s: %q, %v", name, s, err)
		}
		fit, err := ParseInvite(v.String())
		if err != nil || fit.Check() != nil || fit.Key != v.Key {
			t.Errorf("%s: String leaves %#v, %v", name, fit, err)
		}
	}
}

func TestInviteStringFits(t *testing.T) {
	good := largestInvite()
	v := Invite{Key: testKey, Name: "a\nb\xff" + strings.Repeat("é", 40)}
	v.Peers = append(append(v.Peers, Address{Peer: testSeed.PeerID(), Host: ":0"}), good.Peers...)
	v.Peers = append(v.Peers, testInvite().Peers...)
	got, err := ParseInvite(v.String())
	if err != nil {
		t.Fatal(err)
	}
	if want := "ab" + strings.Repeat("é", 31); got.Name != want {
		t.Errorf("name %q, want %q", got.Name, want)
	}
	if !reflect.DeepEqual(got.Peers, good.Peers) {
		t.Errorf("peers %v, want the first eight that can be dialled", got.Peers)
	}
}

func TestInviteErrorKeepsTheSecret(t *testing.T) {
	good := testInvite().String()
	for i := len(invitePrefix); i < len(good); i += 5 {
		err := fmt.Sprint(faultOf(t, good[:i]+"1"+good[i+1:]))
		if strings.Contains(err, good[10:20]) {
			t.Fatalf("%s quotes the invite", err)
		}
	}
}

func FuzzParseInvite(f *testing.F) {
	for _, v := range []Invite{{}, testInvite()} {
		b, _ := inviteText.DecodeString(v.String()[len(invitePrefix):])
		f.Add(v.String(), b[:len(b)-crcBytes])
	}
	f.Add("xf1", []byte{})
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		for _, s := range []string{text, raw(body)} {
			v, err := ParseInvite(s)
			if err != nil {
				if !errors.Is(err, ErrInvite) {
					t.Errorf("%q: untyped error %v", s, err)
				}
				continue
			}
			again, err := v.Encode()
			if err != nil || again != strings.ToLower(strings.TrimSpace(s)) {
				t.Errorf("%q decodes, but %#v is written %q, %v", s, v, again, err)
			}
		}
	})
}
