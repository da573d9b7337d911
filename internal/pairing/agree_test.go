// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha512"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

// twinChannel is the strings of a channel, written out.
func twinChannel(c *channel) (ci, sid string) {
	ci = "\x14xaeroflux pairing v1\x20" + string(c.initiator[:]) + "\x20" + string(c.responder[:])
	return ci, string(c.binding[:]) + string(c.initiator[:]) + string(c.responder[:])
}

// What two ends derive is what the tables in this package and the document say,
// written out here byte by byte.
func TestAgreeIsAsWritten(t *testing.T) {
	c := &channel{[BindingBytes]byte{9, 8}, identity.PeerID{1, 7}, identity.PeerID{2, 6}}
	ci, sid := twinChannel(c)
	g := c.generator(codeOf(123_456))
	twin := calculateGenerator([]byte("123456"), []byte(ci), []byte(sid))
	wantBytes(t, "generator", g.e.Bytes(), twin.e.Bytes())
	ya, yb := mustScalar(t, readCPace(t).Run.ScalarA), mustScalar(t, readCPace(t).Run.ScalarB)
	shareA, shareB := scalarMult(&ya, &g), scalarMult(&yb, &g)
	a, err := agree(c, Initiator, &ya, shareA, shareB)
	if err != nil {
		t.Fatal(err)
	}
	b, err := agree(c, Responder, &yb, shareB, shareA)
	if err != nil {
		t.Fatal(err)
	}
	if a.tag != b.peerTag || a.peerTag != b.tag || a.key != b.peerKey || a.peerKey != b.key {
		t.Errorf("%x and %x", a, b)
	}

	k, err := scalarMultVerify(&ya, shareB)
	if err != nil {
		t.Fatal(err)
	}
	turnA := "\x20" + string(shareA[:]) + "\x06\x01\x01\x00\x00\x00\x20"
	turnB := "\x20" + string(shareB[:]) + "\x06\x01\x02\x00\x00\x00\x60"
	isk := sha512.Sum512([]byte("\x15CPaceRistretto255_ISK\x60" + sid + "\x20" + string(k[:]) + turnA + turnB))
	macKey := sha512.Sum512([]byte("CPaceMac" + sid + string(isk[:])))
	for said, tag := range map[string][tagBytes]byte{turnA: a.tag, turnB: b.tag} {
		m := hmac.New(sha512.New, macKey[:])
		m.Write([]byte(said))
		wantBytes(t, "tag", tag[:], m.Sum(nil))
	}
	for role, s := range map[string]*secrets{"\x01": a, "\x02": b} {
		key, err := hkdf.Key(sha512.New, isk[:], []byte(sid), "xaeroflux pairing payload v1"+role, 32)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "payload", s.seal([]byte("three")), twinPayload(t, key, "three"))
	}
}

// twinPayload is PAYLOAD with a text of less than 240 bytes.
func twinPayload(t *testing.T, key []byte, text string) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	head := []byte{1, 4, 0, 0, 0, byte(len(text) + 16)}
	return append(head, gcm.Seal(nil, make([]byte, 12), []byte(text), head)...)
}
