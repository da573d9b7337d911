// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Two sides may have one lobby key of a topic and two join keys: one of them
// was away while somebody was removed. The dialer then shows its certificate,
// if the peer is one that was named to it; the listener, silent until then,
// answers with its own. A side that sees one it believes shares the topic, as far as
// certificates do (reach.go).

// Certificates makes and judges the certificates of this node.
type Certificates interface {
	// Certificate returns what shows the peer at the other end of binding that
	// this device belongs to a topic, or did, or nil if nothing does.
	Certificate(topic identity.TopicID, binding []byte, dialer bool) ([]byte, error)
	// Verify judges what a peer shows. Dialer is the role of the peer. The error is
	// roster.ErrCertificate of what shows nothing, and roster.ErrRemoved of a device
	// that does not belong any more; any other says that this cannot be told.
	Verify(topic identity.TopicID, binding []byte, dialer bool, body []byte) error
	// Removed reports whether, by the roster held here, this device does not belong
	// to a topic any more.
	Removed(topic identity.TopicID) (bool, error)
}

// certificateLabel is the label of the key that a certificate is sealed with.
const certificateLabel = "xaeroflux certificate seal v1"

// A certificate is sealed with AES-256-GCM, without additional data:
//
//	key    HKDF-SHA256 of the lobby key, no salt, 32 bytes; info is
//	       label ‖ channel binding 32 ‖ role of the sender 1: 0 listener, 1 dialer
//	nonce  topic number (little-endian uint32) ‖ 8 zero bytes
//
// A side seals one certificate for each number at most, so no nonce comes twice.
func certificateAEAD(lobby identity.Secret, binding []byte, dialer bool) (cipher.AEAD, error) {
	role := "\x00"
	if dialer {
		role = "\x01"
	}
	key, err := hkdf.Key(sha256.New, lobby[:], nil, certificateLabel+string(binding)+role, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func certificateNonce(number uint32) []byte {
	return binary.LittleEndian.AppendUint32(make([]byte, 0, 12), number)[:12]
}

// SealCertificate seals what one end of a connection shows of itself for the
// topic of a number.
func SealCertificate(lobby identity.Secret, binding []byte, dialer bool, number uint32, body []byte) ([]byte, error) {
	a, err := certificateAEAD(lobby, binding, dialer)
	if err != nil {
		return nil, err
	}
	if n := len(body) + a.Overhead(); n > messages.MaxCertificate {
		return nil, fmt.Errorf("a sealed certificate of %d bytes, limit %d", n, messages.MaxCertificate)
	}
	return a.Seal(nil, certificateNonce(number), body, nil), nil
}

// OpenCertificate opens what SealCertificate sealed. Dialer is the role of the
// end that sealed it.
func OpenCertificate(lobby identity.Secret, binding []byte, dialer bool, number uint32, sealed []byte) ([]byte, error) {
	a, err := certificateAEAD(lobby, binding, dialer)
	if err != nil {
		return nil, err
	}
	return a.Open(nil, certificateNonce(number), sealed, nil)
}

// maxJudged is how many certificates of a peer a session judges: one may take a
// hundred signatures.
const maxJudged = messages.MaxOffers

// strand takes note of a topic that both offered with two join keys.
func (s *Session) strand(o *offer) error {
	if o.Policy.Has(identity.PolicyOpen) {
		return violation(messages.CodeBadTopicProof, "offer %d is of an open topic, with another join key", o.theirs.number)
	}
	s.meet.stranded[s.number(o)] = o
	if !s.cfg.Dialer || s.cfg.Named == nil || !s.cfg.Named(o.ID) {
		return nil
	}
	if gone, err := s.isGone(o.ID); gone || err != nil {
		return err
	}
	return s.show(o)
}

// isGone reports whether the peer does not belong to a topic any more, as far as it can
// show by certificates.
func (s *Session) isGone(topic identity.TopicID) (bool, error) {
	at, ok := s.gone[topic]
	if !ok {
		return false, nil
	}
	now, err := s.cfg.Store.Position(topic)
	return now == at, err
}

// show sends our certificate, if there is one.
func (s *Session) show(o *offer) error {
	if s.cfg.Certificates == nil {
		return nil
	}
	body, err := s.cfg.Certificates.Certificate(o.ID, s.cfg.Binding, s.cfg.Dialer)
	if err != nil || body == nil {
		return err
	}
	sealed, err := SealCertificate(o.Keys.Lobby, s.cfg.Binding, s.cfg.Dialer, s.number(o), body)
	if err != nil {
		return err
	}
	o.shown = true
	if o.reaches(body).Known, err = s.cfg.Certificates.Removed(o.ID); err != nil {
		return err
	}
	s.send(&messages.Certificate{Topic: s.number(o), Sealed: sealed})
	return nil
}

// reaches takes what one side shows into what both speak of.
func (o *offer) reaches(body []byte) *Reach {
	if o.reach == nil {
		o.reach = &Reach{}
	}
	if log, ok := newcomer(o.ID, body); ok {
		if o.reach.Newcomers == nil {
			o.reach.Newcomers = map[digest.Hash]bool{}
		}
		o.reach.Newcomers[log] = true
	}
	return o.reach
}

// certified takes the certificate of the peer. The listener answers with its
// own, and both then share the topic.
func (s *Session) certified(m *messages.Certificate) error {
	o := s.meet.stranded[m.Topic]
	switch {
	case s.leaving[m.Topic]: // it crossed our LEAVE
		return nil
	case o == nil || o.judged || s.cfg.Certificates == nil || s.cfg.Dialer && !o.shown:
		return violation(messages.CodeCertificate, "a certificate for topic %d, which asks for none", m.Topic)
	case s.judged == maxJudged:
		return violation(messages.CodeLimit, "more than %d certificates", maxJudged)
	}
	o.judged = true
	if gone, err := s.isGone(o.ID); gone || err != nil {
		return err
	}
	s.judged++
	if err := s.judge(o, m); err != nil {
		return err
	}
	if !s.cfg.Dialer {
		if err := s.show(o); err != nil || !o.shown {
			return err
		}
	}
	delete(s.meet.stranded, m.Topic)
	return s.share([]*offer{o})
}

// judge opens and verifies a certificate of the peer.
func (s *Session) judge(o *offer, m *messages.Certificate) error {
	body, err := OpenCertificate(o.Keys.Lobby, s.cfg.Binding, !s.cfg.Dialer, m.Topic, m.Sealed)
	if err != nil {
		return violation(messages.CodeCertificate, "topic %d: %v", m.Topic, err)
	}
	switch err := s.cfg.Certificates.Verify(o.ID, s.cfg.Binding, !s.cfg.Dialer, body); {
	case errors.Is(err, roster.ErrCertificate):
		return violation(messages.CodeCertificate, "topic %d: %v", m.Topic, err)
	case errors.Is(err, roster.ErrRemoved):
		o.reaches(nil).Removed = true
	case err != nil:
		return err
	default:
		o.reaches(body).peers = body
	}
	return nil
}
