// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/hex"
	"slices"
	"testing"
)

// The vector of draft-ietf-hpke-pq for our suite, through the KEM key and the
// context that boxes are opened with.
func TestHPKEVector(t *testing.T) {
	var v struct {
		Info, SkRm, PkRm, Enc hexBytes
		Encryptions           []struct{ AAD, CT, PT hexBytes }
	}
	readJSON(t, "testdata/hpke-mlkem768-x25519.json", &v)
	k := NewPrivateKey(Secret(v.SkRm))
	wantBytes(t, "public key", 0, k.Public()[:], v.PkRm)
	r, err := recipient(k, v.Enc, v.Info)
	if err != nil || len(v.Encryptions) == 0 {
		t.Fatal(err)
	}
	for i, x := range v.Encryptions {
		got, err := r.Open(x.AAD, x.CT)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "plaintext", i, got, x.PT)
	}
}

// The first vector of RFC 9180, A.2, base mode, through the key schedule and the cipher of
// boxes: of their suite the RFC knows all but the KEM, which is X25519 alone there.
func TestRFC9180(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(unhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"))
	if err != nil {
		t.Fatal(err)
	}
	k := &PrivateKey{key: key}
	r, err := recipient(k, unhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"), unhex("4f6465206f6e2061204772656369616e2055726e"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Open([]byte("Count-0"), unhex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"))
	if err != nil || string(got) != "Beauty is truth, truth beauty" {
		t.Errorf("%q, %v", got, err)
	}
}

// Wycheproof's cases of AES-256-GCM, through the cipher of payloads and steps.
func TestWycheproof(t *testing.T) {
	var v struct {
		Tests []struct {
			TcID                       int
			Comment, Result            string
			Key, IV, AAD, Msg, CT, Tag hexBytes
		}
	}
	readJSON(t, "testdata/wycheproof-aes-256-gcm.json", &v)
	refused := 0
	for _, x := range v.Tests {
		got, err := newGCM(x.Key).Open(nil, nil, slices.Concat(x.IV, x.CT, x.Tag), x.AAD)
		if (err == nil) != (x.Result == "valid") || err == nil && !bytes.Equal(got, x.Msg) {
			t.Errorf("%d %s: %x, %v, want %s %x", x.TcID, x.Comment, got, err, x.Result, x.Msg)
		}
		if err != nil {
			refused++
		}
	}
	if len(v.Tests) != 66 || refused < 10 {
		t.Errorf("%d cases, %d refused", len(v.Tests), refused)
	}
}
