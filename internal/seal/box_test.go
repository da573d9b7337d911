// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func named(s string) Secret { return Secret(digest.Sum([]byte(s))) }

var (
	topic    = digest.Sum([]byte("topic"))
	deviceID = Recipient(digest.Sum([]byte("device")))
	device   = NewPrivateKey(named("device"))
)

// box returns a box of each kind for the device.
func box(t testing.TB, kind uint8) Box {
	t.Helper()
	var b Box
	var err error
	switch kind {
	case BoxAll:
		b, err = SealAll(device.Public(), topic, 7, deviceID, named("secret"), named("join"))
	case BoxJoin:
		b, err = SealJoin(device.Public(), topic, 7, deviceID, named("join"))
	case BoxRecovery:
		b, err = SealRecovery(device.Public(), topic, deviceID, named("account"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// opened is what is in a box of any kind.
func opened(b *Box, k *PrivateKey, topic digest.Hash) ([]byte, error) {
	switch b.Kind {
	case BoxAll:
		secret, join, err := b.OpenAll(k, topic)
		return append(secret[:], join[:]...), err
	case BoxJoin:
		join, err := b.OpenJoin(k, topic)
		return join[:], err
	default:
		account, err := b.OpenRecovery(k, topic)
		return account[:], err
	}
}

func plainOf(kind uint8) []byte {
	secret, join, account := named("secret"), named("join"), named("account")
	return [][]byte{nil, append(secret[:], join[:]...), join[:], account[:]}[kind]
}

func TestBoxes(t *testing.T) {
	for kind, want := range map[uint8]int{BoxAll: 1241, BoxJoin: 1209, BoxRecovery: 1209} {
		b := box(t, kind)
		if got, err := opened(&b, device, topic); err != nil || !bytes.Equal(got, plainOf(kind)) {
			t.Errorf("kind %d opens as %x, %v", kind, got, err)
		}
		body, err := AppendBox([]byte{9}, &b)
		if err != nil || len(body) != 1+want || len(body)-1 > MaxBox {
			t.Fatalf("kind %d: %d bytes, want %d, %v", kind, len(body)-1, want, err)
		}
		back, err := DecodeBox(body[1:])
		if err != nil || fmt.Sprint(back) != fmt.Sprint(b) {
			t.Errorf("kind %d decodes as %+v, %v", kind, back, err)
		}
		body[len(body)-1]++ // the box keeps none of it
		if got, err := opened(&back, device, topic); err != nil || !bytes.Equal(got, plainOf(kind)) {
			t.Errorf("kind %d, decoded, opens as %x, %v", kind, got, err)
		}
		checkOtherBodies(t, kind, body[1:])
	}
}

// No other length is a box.
func checkOtherBodies(t *testing.T, kind uint8, body []byte) {
	t.Helper()
	for n := range len(body) + 40 {
		if n == len(body) {
			continue
		}
		b := append(bytes.Clone(body), make([]byte, 40)...)[:n]
		if _, err := DecodeBox(b); !errors.Is(err, ErrBox) {
			t.Errorf("kind %d with %d bytes: %v", kind, n, err)
		}
	}
	for other := range 256 {
		b := bytes.Clone(body)
		b[0] = byte(other)
		alike := boxPlainBytes(kind) == boxPlainBytes(byte(other)) && other != BoxRecovery
		if _, err := DecodeBox(b); uint8(other) != kind && !alike && !errors.Is(err, ErrBox) {
			t.Errorf("kind %d as kind %d: %v", kind, other, err)
		}
	}
}

// A box opens for its recipient, topic, epoch and kind only.
func TestBoxElsewhere(t *testing.T) {
	for _, kind := range []uint8{BoxAll, BoxJoin, BoxRecovery} {
		for name, change := range map[string]func(b *Box, k **PrivateKey, topic *digest.Hash){
			"key":             func(b *Box, k **PrivateKey, _ *digest.Hash) { *k = NewPrivateKey(named("other")) },
			"topic":           func(b *Box, _ **PrivateKey, topic *digest.Hash) { topic[0]++ },
			"epoch":           func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Epoch++ },
			"recipient":       func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Recipient[31]++ },
			"ML-KEM":          func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed[0]++ },
			"X25519":          func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed[1100]++ },
			"X25519 of order": func(b *Box, _ **PrivateKey, _ *digest.Hash) { clear(b.Sealed[1088:1120]) },
			"ciphertext":      func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed[1120]++ },
			"tag":             func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed[len(b.Sealed)-1]++ },
			"cut":             func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed = b.Sealed[:len(b.Sealed)-1] },
			"nothing":         func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed = nil },
			"longer":          func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Sealed = append(b.Sealed, 0) },
			"kind":            func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Kind = b.Kind%3 + 1 },
			"kind as long":    func(b *Box, _ **PrivateKey, _ *digest.Hash) { b.Kind = [4]uint8{0, 4, 3, 2}[b.Kind]; b.Epoch = 0 },
		} {
			b, k, topic := box(t, kind), device, topic
			change(&b, &k, &topic)
			if got, err := opened(&b, k, topic); !errors.Is(err, ErrUnreadable) {
				t.Errorf("kind %d, another %s: %x, %v", kind, name, got, err)
			}
		}
		b := box(t, kind)
		if _, _, err := b.OpenAll(device, topic); (err == nil) != (kind == BoxAll) {
			t.Errorf("kind %d as a reader's: %v", kind, err)
		}
		if _, err := b.OpenJoin(device, topic); (err == nil) != (kind == BoxJoin) {
			t.Errorf("kind %d as a replica's: %v", kind, err)
		}
		if _, err := b.OpenRecovery(device, topic); (err == nil) != (kind == BoxRecovery) {
			t.Errorf("kind %d as a recovery box: %v", kind, err)
		}
	}
}

func TestBoxToNoKey(t *testing.T) {
	for name, pub := range map[string]*PublicKey{
		"no ML-KEM key":   (*PublicKey)(bytes.Repeat([]byte{0xff}, PublicKeyBytes)),
		"X25519 of order": new(PublicKey),
	} {
		if b, err := SealJoin(pub, topic, 1, deviceID, named("join")); !errors.Is(err, ErrKEMKey) {
			t.Errorf("%s: %+v, %v", name, b, err)
		}
	}
	if err := (*PublicKey)(bytes.Repeat([]byte{0xff}, PublicKeyBytes)).Check(); !errors.Is(err, ErrKEMKey) {
		t.Error(err)
	}
	if err := device.Public().Check(); err != nil {
		t.Error(err)
	}
	if _, err := AppendBox(nil, &Box{Kind: BoxRecovery, Epoch: 1, Sealed: make([]byte, 1168)}); !errors.Is(err, ErrBox) {
		t.Error(err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	s := named("secret")
	all := fmt.Sprintf("%v %+v %s %#v %v %+v %#v", s, s, s, s, device, device, device)
	if strings.Contains(all, fmt.Sprintf("%x", s[:4])) || strings.Count(all, "(secret)") != 7 {
		t.Error(all)
	}
	if _, err := ReadSecret(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("a secret of 31 bytes")
	}
	if got, err := ReadSecret(bytes.NewReader(s[:])); err != nil || got != s {
		t.Error(err)
	}
}
