// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var (
	testKeys       = TopicKeys{Lobby: Secret(bytes.Repeat([]byte{0xa5}, KeyBytes)), Join: Secret(bytes.Repeat([]byte{0xa5}, KeyBytes))}
	testSeed       = Seed(bytes.Repeat([]byte{0x5a}, KeyBytes))
	testGeneration = Generation(bytes.Repeat([]byte{0x5a}, GenerationBytes))
	testSecret     = Secret(bytes.Repeat([]byte{0x5a}, KeyBytes))
)

// openGenesis founds an open topic with testKeys.
func openGenesis() Genesis {
	g := Genesis{
		Policy: PolicyOpen, PageBytes: 4096, Owner: keyOf(1), Salt: [SaltBytes]byte{1},
		LobbyHash: LobbyHash(testKeys.Lobby), JoinHash: JoinHash(testKeys.Join),
	}
	testSeed.Found(testGeneration, &g)
	return g
}

// sealedGenesis founds a sealed topic with testKeys.
func sealedGenesis() Genesis {
	g := Genesis{
		Policy: PolicySealed | PolicyHistory | PolicyErasable, Owner: keyOf(1), LobbyHash: LobbyHash(testKeys.Lobby),
		RetentionDays: 365, EraseDays: 30, Need: 2, Successors: sortedKeys(2, 3, 4),
	}
	testSeed.Found(testGeneration, &g)
	return g
}

// keyOf returns a public key.
func keyOf(b byte) [KeyBytes]byte { return [KeyBytes]byte(public(signingKey(Seed{b}, "test"))) }

func TestSecretsAreFresh(t *testing.T) {
	a, err := NewTopicKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewTopicKeys(nil)
	if err != nil || a == b || a.Lobby == a.Join || a.Lobby.IsZero() {
		t.Errorf("two pairs of keys: equal %v, %v", a == b, err)
	}
	g, err := NewGeneration(nil)
	if h, err2 := NewGeneration(nil); err != nil || err2 != nil || g == h || g.IsZero() {
		t.Errorf("two generations: equal %v, %v, %v", g == h, err, err2)
	}
}

func TestShortRandomness(t *testing.T) {
	for n := range 2 * KeyBytes {
		if _, err := NewTopicKeys(bytes.NewReader(make([]byte, n))); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("topic keys of %d random bytes: %v", n, err)
		}
	}
	broken := errors.New("no entropy")
	for name, draw := range map[string]func(io.Reader) error{
		"seed":       func(r io.Reader) error { _, err := NewSeed(r); return err },
		"generation": func(r io.Reader) error { _, err := NewGeneration(r); return err },
		"words":      func(r io.Reader) error { _, err := NewWords(r); return err },
		"account":    func(r io.Reader) error { _, err := NewAccountSecret(r); return err },
	} {
		if err := draw(iotest.ErrReader(broken)); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every value derived from one secret, or shown under one binding, differs
// from every other.
func TestDerivedValuesAreApart(t *testing.T) {
	seen := map[[KeyBytes]byte]string{}
	add := func(name string, v [KeyBytes]byte) {
		t.Helper()
		if was, ok := seen[v]; ok {
			t.Errorf("%s equals %s", name, was)
		}
		seen[v] = name
	}
	long := func(v [16]byte) (l [KeyBytes]byte) { copy(l[:], v[:]); return l }
	for _, k := range []TopicKeys{{testSecret, testSecret}, {testSecret, Secret{1}}, {Secret{1}, testSecret}} {
		for i, topic := range []TopicID{{1}, {2}} {
			for _, binding := range []string{"", "a", "b"} {
				for _, dialer := range []bool{true, false} {
					name := fmt.Sprint(k.Lobby[0], k.Join[0], i, binding, dialer)
					if k.Join == testSecret {
						add("lobby "+name, k.Prover(topic).Lobby([]byte(binding), dialer))
					}
					if k.Lobby != testSecret || k.Join != testSecret {
						add("join "+name, long(k.Prover(topic).Join([]byte(binding), dialer)))
						add("mark 0 "+name, long(k.Prover(topic).StateMark([]byte(binding), dialer, Position{}, digest.Set{})))
						add("mark 1 "+name, long(k.Prover(topic).StateMark([]byte(binding), dialer, Position{Size: 1}, digest.Set{})))
						add("mark 2 "+name, long(k.Prover(topic).StateMark([]byte(binding), dialer, Position{}, digest.Set{Count: 1})))
					}
				}
			}
		}
	}
	addDerived(add)
}

// addDerived adds all that derives from one and the same secret.
func addDerived(add func(string, [KeyBytes]byte)) {
	private := func(name string, k ed25519.PrivateKey) { add(name, [KeyBytes]byte(k.Seed())) }
	add("secret", testSecret)
	for _, g := range []Generation{testGeneration, {1}} {
		private(fmt.Sprint("peer ", g[0]), testSeed.PeerKey(g))
		for _, id := range []TopicID{{1}, {2}} {
			private(fmt.Sprint("founding ", g[0], id), testSeed.FoundingKey(g, id))
			private(fmt.Sprint("joined ", g[0], id), testSeed.JoinedKey(g, id))
			private(fmt.Sprint("witness ", g[0], id), testSeed.WitnessKey(g, id))
		}
	}
	account, words, invite := AccountSecret{testSecret}, Words{testSecret}, Invite{Seed: testSecret}
	private("account", account.Key())
	add("account KEM", account.KEMSeed())
	private("invite", invite.Key())
	add("invite KEM", invite.KEMSeed())
	add("root KEM", words.RootKEMSeed())
	add("home lobby", words.Home().Lobby)
	add("home account", words.Home().Account.Secret)
	private("home account key", words.Home().Account.Key())
	add("H(lobby)", LobbyHash(testSecret))
	add("H(join)", JoinHash(testSecret))
}

// The founder's author key is the one that genesis names; any other device, or
// generation, and any other genesis, has another.
func TestAuthorKey(t *testing.T) {
	for _, g := range []Genesis{openGenesis(), sealedGenesis(), Words{testSecret}.Home().Genesis} {
		home := g.Policy.Has(PolicyHome)
		if got := public(testSeed.AuthorKey(testGeneration, &g)); bytes.Equal(got, g.Steward[:]) == home {
			t.Errorf("author %x, genesis names %x", got, g.Steward[:])
		}
		for _, joined := range []ed25519.PrivateKey{Seed{1}.AuthorKey(testGeneration, &g), testSeed.AuthorKey(Generation{1}, &g)} {
			if bytes.Equal(public(joined), g.Steward[:]) {
				t.Error("a device that did not found the topic has the founder's key")
			}
		}
		other := g
		other.Salt[0] ^= 1
		if bytes.Equal(public(testSeed.AuthorKey(testGeneration, &other)), public(testSeed.AuthorKey(testGeneration, &g))) {
			t.Error("a genesis that differs in its salt, with the same steward, has the same author key")
		}
	}
}

func TestCheckProofs(t *testing.T) {
	topic, binding, at, set := TopicID{7}, []byte("exporter"), Position{1, 2, 3, digest.Hash{4}}, digest.Set{Count: 5}
	p := testKeys.Prover(topic)
	lobby, join, mark := p.Lobby(binding, true), p.Join(binding, true), p.StateMark(binding, true, at, set)
	check := func(topic TopicID, binding []byte, dialer bool) [3]bool {
		p := testKeys.Prover(topic)
		return [3]bool{
			p.CheckLobby(lobby, binding, dialer),
			p.CheckJoin(join, binding, dialer),
			p.CheckStateMark(mark, binding, dialer, at, set),
		}
	}
	if got := check(topic, binding, true); got != [3]bool{true, true, true} {
		t.Errorf("good proofs: %v", got)
	}
	for what, got := range map[string][3]bool{
		"reflected":       check(topic, binding, false),
		"another binding": check(topic, []byte("another"), true),
		"another topic":   check(TopicID{8}, binding, true),
	} {
		if got != [3]bool{} {
			t.Errorf("%s: %v", what, got)
		}
	}
	lobby[31], join[15], mark[15] = lobby[31]^1, join[15]^1, mark[15]^1
	if got := check(topic, binding, true); got != [3]bool{} {
		t.Errorf("a flipped bit: %v", got)
	}
}

func TestLogIDDependsOnAll(t *testing.T) {
	topic, author := TopicID{3}, [KeyBytes]byte{7}
	base := LogID(topic, author, 4096, KindData, 0)
	for i := range KeyBytes {
		a, b := topic, author
		a[i] ^= 1
		b[i] ^= 1
		if LogID(a, author, 4096, KindData, 0) == base || LogID(topic, b, 4096, KindData, 0) == base {
			t.Errorf("byte %d does not count", i)
		}
	}
	for name, id := range map[string]digest.Hash{
		"page size": LogID(topic, author, 4097, KindData, 0),
		"kind":      LogID(topic, author, 4096, KindRoster, 0),
		"number":    LogID(topic, author, 4096, KindData, 1<<63),
	} {
		if id == base {
			t.Errorf("the %s does not count", name)
		}
	}
}

func TestKindsAndRolesHaveNames(t *testing.T) {
	if KindBoxes.String() != "boxes" || LogKind(3).String() != "kind 3" || LogKind(3).Valid() || !KindBoxes.Valid() {
		t.Error("log kinds")
	}
	if RoleDevice.String() != "device" || Role(7).String() != "role 7" || Role(0).String() != "none" {
		t.Error("roles")
	}
}

func TestPosition(t *testing.T) {
	for _, p := range []Position{{Size: 1}, {1, 2, 3, digest.Hash{4}}, {1<<32 - 1, 1<<32 - 1, MaxLogSize, digest.Empty}} {
		b := p.Append(nil)
		if got, err := ParsePosition(b); err != nil || got != p || len(b) != PositionBytes {
			t.Errorf("%+v: %d bytes, %+v, %v", p, len(b), got, err)
		}
	}
	zero := Position{}.Append(nil)
	for _, b := range [][]byte{nil, zero, zero[1:], append(Position{Size: 1}.Append(nil), 0)} {
		if _, err := ParsePosition(b); !errors.Is(err, ErrPosition) {
			t.Errorf("%x: %v", b, err)
		}
	}
	if err := (Position{Size: MaxLogSize + 1}).Check(); !errors.Is(err, ErrPosition) {
		t.Errorf("size of 2^48: %v", err)
	}
}

// FuzzParsePosition: bytes are one position, written in one way, or none.
func FuzzParsePosition(f *testing.F) {
	good := Position{1, 2, 3, digest.Hash{4}}.Append(nil)
	for _, b := range [][]byte{good, nil, good[1:], append(bytes.Clone(good), 0), Position{}.Append(nil)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePosition(b)
		if err != nil && !errors.Is(err, ErrPosition) {
			t.Fatal(err)
		}
		if err == nil && (p.Check() != nil || !bytes.Equal(p.Append(nil), b)) {
			t.Fatalf("%x is taken for %+v", b, p)
		}
	})
}

func TestGeneration(t *testing.T) {
	got, err := ParseGeneration(testGeneration.Encode())
	if err != nil || got != testGeneration {
		t.Errorf("%v", err)
	}
	for _, s := range []string{"", strings.Repeat("0", 32), strings.Repeat("A", 32), strings.Repeat("a", 31), strings.Repeat("g", 32), strings.Repeat("a", 33)} {
		if g, err := ParseGeneration(s); !errors.Is(err, ErrGeneration) || !g.IsZero() {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestSignatures(t *testing.T) {
	key := AccountSecret{testSecret}.Key()
	pub := [KeyBytes]byte(public(key))
	sig := Sign(key, TagAdmit, []byte("a"), []byte("b"))
	if !VerifySignature(pub, sig[:], TagAdmit, []byte("a"), []byte("b")) {
		t.Error("a good signature was refused")
	}
	bad := sig
	bad[0] ^= 1
	for what, ok := range map[string]bool{
		"tag":         VerifySignature(pub, sig[:], TagTerm, []byte("a"), []byte("b")),
		"framing":     VerifySignature(pub, sig[:], TagAdmit, []byte("ab")),
		"flipped bit": VerifySignature(pub, bad[:], TagAdmit, []byte("a"), []byte("b")),
		"short":       VerifySignature(pub, sig[:63], TagAdmit, []byte("a"), []byte("b")),
		"empty":       VerifySignature(pub, nil, TagAdmit, []byte("a"), []byte("b")),
		"zero key":    VerifySignature([KeyBytes]byte{}, sig[:], TagAdmit, []byte("a"), []byte("b")),
		"small order": VerifySignature([KeyBytes]byte{1}, append(append([]byte{1}, make([]byte, 31)...), make([]byte, 32)...), TagAdmit),
	} {
		if ok {
			t.Errorf("%s: passed", what)
		}
	}
}

// Each tag and label is there once, and names a version.
func TestLabelsAreApart(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range []string{
		labelPeerKey, labelFoundingKey, labelAuthorKey, labelWitnessKey, labelAccountKey, labelAccountKEM, labelInviteKey, labelInviteKEM,
		labelRootKEM, labelHomeSalt, labelHomeLobby, labelHomeAccount, labelLobbyProof, labelJoinProof, labelState,
		tagTopicID, tagFounding, tagLog, tagLobbyKey, tagJoinKey, tagPlace,
		seedCheckTag, TagAdmit, TagAdmitted, TagJoin, TagDevice, TagAdded, TagLink, TagTerm, TagSuccession, TagCertificate,
	} {
		if seen[l] || !strings.HasPrefix(l, "xaeroflux ") || !strings.HasSuffix(l[:len(l)-1], " v") {
			t.Errorf("label %q", l)
		}
		seen[l] = true
	}
}

// A secret put into a log line or an error by accident stays hidden.
func TestSecretsDoNotPrint(t *testing.T) {
	inv := Invite{Keys: testKeys, Seed: testSecret}
	for _, v := range []any{
		testKeys, &testKeys, testSeed, testGeneration, testSecret, AccountSecret{testSecret}, Words{testSecret},
		struct{ S Seed }{testSeed}, struct{ K TopicKeys }{testKeys}, []Secret{testSecret}, []TopicKeys{testKeys},
	} {
		for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%d", "%x", "%X", "%q", "%c", "%U"} {
			wantHidden(t, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		wantHidden(t, string(b))
	}
	b, err := json.Marshal(struct {
		K TopicKeys
		S Secret
	}{inv.Keys, inv.Seed})
	if err != nil {
		t.Error(err)
	}
	wantHidden(t, string(b))
	wantHidden(t, fmt.Sprintf("%#v", inv))
}

func wantHidden(t *testing.T, s string) {
	t.Helper()
	for _, secret := range []string{"165", "a5", "90 ", "5a", "5A"} {
		if strings.Contains(s, secret) {
			t.Errorf("%q shows the secret", s)
		}
	}
	if !strings.Contains(s, "secret") {
		t.Errorf("%q does not say that there is a secret", s)
	}
}

func sortedKeys(bs ...byte) (keys [][KeyBytes]byte) {
	for _, b := range bs {
		keys = append(keys, keyOf(b))
	}
	slices.SortFunc(keys, func(a, b [KeyBytes]byte) int { return bytes.Compare(a[:], b[:]) })
	return keys
}
