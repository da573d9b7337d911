// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
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
