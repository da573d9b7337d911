// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
)

// The inputs of CPace, beside the code (PRS, six ASCII digits):
//
//	CI    lv_cat("xaeroflux pairing v1", initiator's peer id 32, responder's peer id 32)
//	sid   channel binding 32 ‖ initiator's peer id 32 ‖ responder's peer id 32
//	ADa   header of SHARE
//	ADb   header of REPLY
//
// and what follows from its ISK:
//
//	tags            HMAC-SHA512, key SHA-512("CPaceMac" ‖ sid ‖ ISK), of lv_cat(Ya, ADa) and lv_cat(Yb, ADb)
//	payload keys    HKDF-SHA512, from ISK, salt sid, info "xaeroflux pairing payload v1" ‖ sender's role u8, 32 bytes
//	payload         AES-256-GCM, nonce 12 zeros, additional data the header of PAYLOAD
//
// A key seals one payload, so its nonce may be fixed.
const (
	labelChannel = "xaeroflux pairing v1"
	labelPayload = "xaeroflux pairing payload v1"

	payloadKeyBytes = 32
	nonceBytes      = 12
)

// A Role says which end of the stream a session is on.
type Role uint8

// The two roles. Either device may be the one that shows the code.
const (
	Initiator Role = 1 + iota // opened the stream, and speaks first
	Responder
)

// BindingBytes is the length of a channel binding.
const BindingBytes = 32

// A channel is what both ends know of the connection before they begin.
type channel struct {
	binding              [BindingBytes]byte
	initiator, responder identity.PeerID
}

func (c *channel) id() []byte {
	return lvCat([]byte(labelChannel), c.initiator[:], c.responder[:])
}

func (c *channel) session() []byte {
	return slices.Concat(c.binding[:], c.initiator[:], c.responder[:])
}

func (c *channel) generator(code Code) generator {
	return calculateGenerator(code.password(), c.id(), c.session())
}

// secrets is what follows from the ISK for one end.
type secrets struct {
	tag, peerTag [tagBytes]byte // ours to send, and what the peer must
	key, peerKey [payloadKeyBytes]byte
}

// agree derives the secrets of one end, whose scalar and share these are, from the
// peer's share. The error is ErrShare.
func agree(c *channel, role Role, y *scalar, ours, peer share) (*secrets, error) {
	if peer == ours {
		return nil, fmt.Errorf("%w (%x is our own)", ErrShare, peer)
	}
	k, err := scalarMultVerify(y, peer)
	if err != nil {
		return nil, err
	}
	a, b := turn{share: ours}, turn{share: peer}
	if role == Responder {
		a, b = b, a
	}
	a.ad, b.ad = header(typeShare, shareBytes), header(typeReply, shareBytes+tagBytes)
	sid := c.session()
	isk := intermediateKey(sid, k, &a, &b)
	mac := confirmationKey(sid, &isk)
	s := &secrets{
		tag: confirmationTag(&mac, &a), peerTag: confirmationTag(&mac, &b),
		key: payloadKey(sid, &isk, Initiator), peerKey: payloadKey(sid, &isk, Responder),
	}
	if role == Responder {
		s.tag, s.peerTag = s.peerTag, s.tag
		s.key, s.peerKey = s.peerKey, s.key
	}
	return s, nil
}

// confirms reports whether tag is the one that the peer must send.
func (s *secrets) confirms(tag []byte) bool { return hmac.Equal(tag, s.peerTag[:]) }

// seal returns the message with the payload p, for the peer.
func (s *secrets) seal(p []byte) []byte {
	h := header(typePayload, len(p)+aeadTagBytes)
	return newAEAD(s.key).Seal(slices.Clip(h), make([]byte, nonceBytes), p, h)
}

// open returns the payload whose sealed form is the body of the peer's message.
func (s *secrets) open(body []byte) ([]byte, error) {
	p, err := newAEAD(s.peerKey).Open(nil, make([]byte, nonceBytes), body, header(typePayload, len(body)))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrPayload, err)
	}
	return p, nil
}

func payloadKey(sid []byte, isk *[iskBytes]byte, sender Role) [payloadKeyBytes]byte {
	key, err := hkdf.Key(sha512.New, isk[:], sid, labelPayload+string([]byte{byte(sender)}), payloadKeyBytes)
	if err != nil {
		panic(err) // only for lengths that 32 is far below
	}
	return [payloadKeyBytes]byte(key)
}

func newAEAD(key [payloadKeyBytes]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for other blocks than AES
	}
	return aead
}
