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

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func testInvite() Invite {
	return Invite{
		Genesis: sealedGenesis(), Keys: testKeys, Seed: testSecret, Role: RoleWriter, Expires: 1893456000, Uses: 16,
		Roster: &Position{1, 2, 3, digest.Hash{4}}, Name: "Die Gärtner", Peers: []Address{
			{Peer: testSeed.PeerID(testGeneration), Host: "203.0.113.7:4242"},
			{Peer: Seed{1}.PeerID(testGeneration), Host: "[2001:db8::1]:443"},
		},
	}
}

// openInvite is the least that an invite holds.
func openInvite() Invite { return Invite{Genesis: openGenesis(), Keys: testKeys} }

// inviteTo is an invite with one peer.
func inviteTo(a Address) Invite {
	v := openInvite()
	v.Peers = []Address{a}
	return v
}

// shortInvite keeps the tests that try everything short.
func shortInvite() Invite {
	v := openInvite()
	v.Name, v.Peers = "é", []Address{{Peer: testSeed.PeerID(testGeneration), Host: "a.example:1"}}
	return v
}

func largestInvite() Invite {
	v := testInvite()
	v.Genesis.Need, v.Genesis.Successors = 9, sortedKeys(10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
	v.Name, v.Peers = strings.Repeat("n", MaxInviteName), nil
	name := SchemeQUIC + schemeEnd + strings.Repeat(strings.Repeat("a", 49)+".", 5) + "abc:65535"
	for i := range MaxInvitePeers {
		v.Peers = append(v.Peers, Address{Peer: Seed{byte(i)}.PeerID(testGeneration), Host: name})
	}
	return v
}

func TestInviteRoundTrip(t *testing.T) {
	for _, v := range []Invite{openInvite(), shortInvite(), testInvite(), largestInvite()} {
		s, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{s, strings.ToUpper(s), " \t" + s + "\r\n", "\ufeff" + s, s[:20] + "\r\n  " + s[20:40] + "\n" + s[40:]} {
			got, err := ParseInvite(text)
			if err != nil || !reflect.DeepEqual(*got, v) {
				t.Errorf("%q: %#v, %v", text, got, err)
			}
		}
	}
}

// Without a seed there is no key, rather than one that everybody knows.
func TestInviteWithoutSeed(t *testing.T) {
	if v := openInvite(); v.Key() != nil || !v.KEMSeed().IsZero() {
		t.Error("an invite without a seed has a key")
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
	for _, v := range []Invite{testInvite(), shortInvite(), openInvite()} {
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
		v := openInvite()
		v.Name = strings.Repeat("n", n)
		good := v.String()
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
	b, short := bytesOf(t, testInvite()), shortInvite().String()
	version := append([]byte{3}, b[1:]...)
	open := bytesOf(t, openInvite())
	named := func(name ...byte) []byte { // an open invite without peers
		b := append(open[:len(open)-2:len(open)-2], byte(len(name)))
		return append(append(b, name...), 0)
	}
	for _, c := range []struct {
		text string
		want Fault
	}{
		{"", FaultPrefix},
		{"xf", FaultPrefix},
		{"xg2" + good[3:], FaultPrefix},
		{"xf1" + good[3:], FaultVersion},
		{"XF1", FaultVersion},
		{"xf3" + good[3:], FaultVersion},
		{"https://example.org/" + good, FaultPrefix},
		{"xf2", FaultTruncated},
		{good[:20] + "." + good[20:], FaultCharacter},
		{good + "=", FaultCharacter},
		{short + strings.Repeat(short[3:], 7), FaultTrailing}, // eight of them fill their last byte
		{good + strings.Repeat("a", 8), FaultTrailing},
		{good + strings.Repeat("a", 9000), FaultTrailing},
		{raw(version), FaultVersion},
		{raw(nil), FaultVersion},
		{raw(b[:len(b)-1]), FaultTruncated},
		{raw(b[:1]), FaultTruncated},
		{raw(append(b[:len(b):len(b)], 0)), FaultTrailing},
		{raw(append(open[:len(open)-2:len(open)-2], 65)), FaultTruncated},
		{raw(named('a')), 0},
		{raw(named('\n')), FaultContent},
		{raw(named(0xff)), FaultContent},
	} {
		if c.want == 0 {
			if _, err := ParseInvite(c.text); err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
		} else if got := faultOf(t, c.text); got.Fault != c.want {
			t.Errorf("%q: fault %d (%v), want %d", c.text, got.Fault, got, c.want)
		}
	}
}

// An invite of a version whose topics are no more says so.
func TestInviteOfVersionOne(t *testing.T) {
	err := faultOf(t, "xf1aerzthc3obvlcsqvqwnwyraeaicaeysoxakzcunaobwjwm5vtxkfjzcwcuyu")
	if err.Fault != FaultVersion || !strings.Contains(err.What, "older") || !strings.Contains(err.What, "ask for a new one") {
		t.Errorf("%v", err)
	}
}

// What Check refuses is refused on arrival too: every offence is written by
// hand, with a checksum that fits.
func TestInviteContent(t *testing.T) {
	for name, spoil := range map[string]func(*Invite){
		"other lobby key":   func(v *Invite) { v.Keys.Lobby[0] ^= 1 },
		"bad genesis":       func(v *Invite) { v.Genesis.Owner = [KeyBytes]byte{} },
		"owner by invite":   func(v *Invite) { v.Role = RoleOwner },
		"no role":           func(v *Invite) { v.Role = 0 },
		"unknown role":      func(v *Invite) { v.Role = RoleDevice + 1 },
		"no uses":           func(v *Invite) { v.Uses = 0 },
		"no seed":           func(v *Invite) { v.Seed = Secret{} },
		"empty roster":      func(v *Invite) { v.Roster = &Position{} },
		"open, other join":  func(v *Invite) { *v = openInvite(); v.Keys.Join[0] ^= 1 },
		"open, role alone":  func(v *Invite) { *v = openInvite(); v.Role = RoleAdmin },
		"open, uses alone":  func(v *Invite) { *v = openInvite(); v.Uses = 1 },
		"open, expiry only": func(v *Invite) { *v = openInvite(); v.Expires = 1 },
		"line feed":         func(v *Invite) { v.Name = "a\nb" },
		"no peer id":        func(v *Invite) { v.Peers[0].Peer = PeerID{} },
		"no host":           func(v *Invite) { v.Peers[0].Host = "" },
	} {
		v := testInvite()
		spoil(&v)
		if _, err := v.Encode(); !errors.Is(err, ErrInvite) {
			t.Errorf("%s: encoded, %v", name, err)
		}
		if got := faultOf(t, raw(unchecked(v))); got.Fault != FaultContent {
			t.Errorf("%s: fault %d, %v", name, got.Fault, got)
		}
	}
}

// unchecked writes what Encode would write if it did not check.
func unchecked(v Invite) []byte {
	b := v.appendSecrets([]byte{inviteVersion})
	b = append(append(b, byte(len(v.Name))), v.Name...)
	b = append(b, byte(len(v.Peers)))
	for _, a := range v.Peers {
		b = append(append(b, a.Peer[:]...), byte(len(a.Host)), byte(len(a.Host)>>8))
		b = append(b, a.Host...)
	}
	return b
}

// Lengths that may be none or all are nothing between.
func TestInviteLengths(t *testing.T) {
	b := bytesOf(t, testInvite())
	genesis := sealedGenesis()
	at := 1 + 2 + len(genesis.Append(nil)) + 2*KeyBytes
	for _, place := range []int{at, at + 1 + KeyBytes + 1 + 6 + 2} {
		for n := range 256 {
			spoilt := append([]byte(nil), b...)
			spoilt[place] = byte(n)
			if _, err := ParseInvite(raw(spoilt)); (err == nil) != (n == int(b[place])) {
				t.Errorf("length %d at byte %d: %v", n, place, err)
			}
		}
	}
	zero := append([]byte(nil), b...)
	clear(zero[at+1 : at+1+KeyBytes])
	if got := faultOf(t, raw(zero)); got.Fault != FaultContent {
		t.Errorf("a seed of zeros: %v", got)
	}
}

func TestInviteCheck(t *testing.T) {
	addr := testInvite().Peers[0]
	for name, spoil := range map[string]func(*Invite){
		"long name":       func(v *Invite) { v.Name = strings.Repeat("x", MaxInviteName+1) },
		"line feed":       func(v *Invite) { v.Name = "a\nb" },
		"bidi override":   func(v *Invite) { v.Name = "a\u202eb" },
		"not UTF-8":       func(v *Invite) { v.Name = "\xff" },
		"too many peers":  func(v *Invite) { v.Peers = make([]Address, MaxInvitePeers+1) },
		"no peer id":      func(v *Invite) { v.Peers = []Address{{Host: addr.Host}} },
		"no host":         func(v *Invite) { v.Peers = []Address{{Peer: addr.Peer}} },
		"a host too long": func(v *Invite) { v.Peers = []Address{{Peer: addr.Peer, Host: strings.Repeat("a.", 150) + "a:1"}} },
	} {
		v := testInvite()
		spoil(&v)
		s, err := v.Encode()
		if !errors.Is(err, ErrInvite) || s != "" {
			t.Errorf("%s: %q, %v", name, s, err)
		}
		fit, err := ParseInvite(v.String())
		if err != nil || fit.Check() != nil || fit.Keys != v.Keys || fit.Seed != v.Seed {
			t.Errorf("%s: String leaves %#v, %v", name, fit, err)
		}
	}
	if v := (Invite{}); !errors.Is(v.Check(), ErrInvite) {
		t.Error("an empty invite passes")
	} else if got, err := ParseInvite(v.String()); err == nil {
		t.Errorf("an empty invite was written as %#v", got)
	}
	v := testInvite()
	if v.Expires = 1 << 48; !errors.Is(v.Check(), ErrInvite) {
		t.Error("an expiry of 2^48 passes")
	}
}

func TestInviteStringFits(t *testing.T) {
	good := largestInvite()
	v := testInvite()
	v.Name, v.Peers = "a\nb\xff"+strings.Repeat("é", 40), nil
	v.Peers = append(append(v.Peers, Address{Peer: testSeed.PeerID(testGeneration), Host: ":0"}), good.Peers...)
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
	for _, v := range []Invite{openInvite(), testInvite()} {
		b, _ := inviteText.DecodeString(v.String()[len(invitePrefix):])
		f.Add(v.String(), b[:len(b)-crcBytes])
	}
	f.Add("xf2", []byte{})
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
