// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
)

// TestMACIsHMAC holds mac and derive against crypto/hmac and crypto/hkdf, at all lengths
// around a block of the hash and around the room that mac has.
func TestMACIsHMAC(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 40)
	for n := range 400 {
		key := [KeyBytes]byte(sha256.Sum256(long[:n]))
		h := hmac.New(sha256.New, key[:])
		h.Write(long[:n])
		if got := mac(&key, long[:n/3], nil, long[n/3:n]); !hmac.Equal(h.Sum(nil), got[:]) {
			t.Fatalf("of %d bytes it is %x", n, got)
		}
		want, err := hkdf.Key(sha256.New, key[:], nil, string(long[:n]), KeyBytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := derive(key[:], string(long[:n/2]), long[n/2:n]...); !bytes.Equal(want, got[:]) {
			t.Fatalf("under %d bytes %x is derived", n, got)
		}
	}
}

func BenchmarkJoinProof(b *testing.B) {
	var k TopicKeys
	binding := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		k.JoinProof(TopicID{}, binding, true)
	}
}
