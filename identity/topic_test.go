// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
)

var (
	testKey  = TopicKey(bytes.Repeat([]byte{0xa5}, KeyBytes))
	testSeed = Seed(bytes.Repeat([]byte{0x5a}, KeyBytes))
)

func TestKeysAreFresh(t *testing.T) {
	a, err := NewTopicKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewTopicKey()
	if err != nil || a == b || a == (TopicKey{}) {
		t.Errorf("two keys: equal %v, %v", a == b, err)
	}
}

func TestShortRandomness(t *testing.T) {
	short := bytes.NewReader(make([]byte, KeyBytes-1))
	if _, err := ReadTopicKey(short); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("key of 31 random bytes: %v", err)
	}
	if _, err := NewSeed(strings.NewReader("")); !errors.Is(err, io.EOF) {
		t.Errorf("seed of no random bytes: %v", err)
	}
}

// Every value derived from one secret, or shown under one binding, differs
// from every other.
func TestDerivedValuesAreApart(t *testing.T) {
	other := keyOf(t, 1)
	seen := map[[KeyBytes]byte]string{}
	add := func(name string, v [KeyBytes]byte) {
		if was, ok := seen[v]; ok {
			t.Errorf("%s equals %s", name, was)
		}
		seen[v] = name
	}
	for _, k := range []TopicKey{testKey, other} {
		name := fmt.Sprintf("%x ", k[:2])
		add(name+"key", k)
		add(name+"id", k.ID())
		add(name+"content", k.ContentKey())
		for _, binding := range []string{"", "a", "b"} {
			add(name+binding+" dialer", k.JoinProof([]byte(binding), true))
			add(name+binding+" listener", k.JoinProof([]byte(binding), false))
			for i := range 4 {
				mark := k.StateMark([]byte(binding), i%2 == 0, digest.Set{Count: uint64(i / 2)})
				add(fmt.Sprint(name, binding, " state ", i), [KeyBytes]byte(append(mark[:], mark[:]...)))
			}
		}
		add(name+"author", [KeyBytes]byte(testSeed.AuthorKey(k.ID()).Public().(ed25519.PublicKey)))
		add(name+"author seed", [KeyBytes]byte(testSeed.AuthorKey(k.ID()).Seed()))
	}
	add("seed", testSeed)
	add("peer", testSeed.PeerID())
	add("peer seed", [KeyBytes]byte(testSeed.PeerKey().Seed()))
}

func keyOf(t *testing.T, b byte) TopicKey {
	t.Helper()
	k, err := ReadTopicKey(bytes.NewReader(bytes.Repeat([]byte{b}, KeyBytes)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheckJoinProof(t *testing.T) {
	binding := []byte("exporter")
	proof := testKey.JoinProof(binding, true)
	if !testKey.CheckJoinProof(proof, binding, true) {
		t.Error("a good proof was refused")
	}
	if testKey.CheckJoinProof(proof, binding, false) {
		t.Error("the dialer's proof passed as the listener's: it can be reflected")
	}
	if testKey.CheckJoinProof(proof, []byte("another"), true) {
		t.Error("a proof passed under another binding")
	}
	proof[31] ^= 1
	if testKey.CheckJoinProof(proof, binding, true) {
		t.Error("a flipped bit passed")
	}
}

func TestLogIDDependsOnAll(t *testing.T) {
	topic, author := testKey.ID(), [KeyBytes]byte{7}
	base := LogID(topic, author, 4096)
	for i := range KeyBytes {
		a, b := topic, author
		a[i] ^= 1
		b[i] ^= 1
		if LogID(a, author, 4096) == base || LogID(topic, b, 4096) == base {
			t.Errorf("byte %d does not count", i)
		}
	}
	if LogID(topic, author, 4097) == base {
		t.Error("the page size does not count")
	}
}

// A secret put into a log line or an error by accident stays hidden.
func TestSecretsDoNotPrint(t *testing.T) {
	inv := Invite{Key: testKey}
	for _, v := range []any{testKey, testSeed, struct{ S Seed }{testSeed}, []TopicKey{testKey}} {
		for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%d", "%x", "%X", "%q", "%c", "%U"} {
			wantHidden(t, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		wantHidden(t, string(b))
	}
	b, err := json.Marshal(inv)
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
