// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/digest"
)

// Labels of everything that is derived. A label is never used twice and never
// changes: another derivation gets another version.
const (
	labelTopicID    = "xaeroflux topic id v1"
	labelJoin       = "xaeroflux topic join v1"
	labelContent    = "xaeroflux topic content v1"
	labelState      = "xaeroflux topic state v1"
	labelPeerKey    = "xaeroflux peer key v1"
	labelAuthorKey  = "xaeroflux author key v1"
	labelWitnessKey = "xaeroflux witness key v1"
	labelLog        = "xaeroflux log v1"
	roleDialer      = "xaeroflux join proof v1 dialer\x00"
	roleListener    = "xaeroflux join proof v1 listener\x00"
	secretForPeople = "(secret)" // what printing a secret shows
)

// A TopicKey is the secret that makes a peer a member of a topic. Whoever has
// it can find the topic, join it and read it; an Invite carries it.
type TopicKey [KeyBytes]byte

// NewTopicKey returns a fresh key of crypto/rand.
func NewTopicKey() (TopicKey, error) { return ReadTopicKey(rand.Reader) }

// ReadTopicKey returns a key read from r.
func ReadTopicKey(r io.Reader) (TopicKey, error) {
	b, err := random(r)
	return TopicKey(b), err
}

// ID returns the topic's public id, from which the key cannot be found.
func (k TopicKey) ID() TopicID { return TopicID(derive(k[:], labelTopicID)) }

// ContentKey returns the key that seals payloads.
func (k TopicKey) ContentKey() [KeyBytes]byte { return derive(k[:], labelContent) }

// JoinProof returns what one end of a connection shows to prove that it knows
// the topic key. Binding is the connection's channel binding, which ties the
// proof to this connection; the proofs of the two ends differ, so that neither
// can show the other its own proof back.
func (k TopicKey) JoinProof(binding []byte, dialer bool) [KeyBytes]byte {
	return k.prove(labelJoin, binding, dialer, nil)
}

// StateBytes is the size of a state mark.
const StateBytes = 16

// StateMark returns what one end of a connection states of what it holds of the
// topic, of which set is the digest: who knows the key can tell whether it is
// that of a set it has in mind, and nobody can tell anything else from it.
func (k TopicKey) StateMark(binding []byte, dialer bool, set digest.Set) [StateBytes]byte {
	m := k.prove(labelState, binding, dialer, append(binary.LittleEndian.AppendUint64(nil, set.Count), set.Sum[:]...))
	return [StateBytes]byte(m[:])
}

// prove is an HMAC, under a key derived for a use, of the end's role and the
// binding, which ties it to the connection, and of what.
func (k TopicKey) prove(use string, binding []byte, dialer bool, what []byte) [KeyBytes]byte {
	role := roleListener
	if dialer {
		role = roleDialer
	}
	key := derive(k[:], use)
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte(role))
	m.Write(binding)
	m.Write(what)
	return [KeyBytes]byte(m.Sum(nil))
}

// CheckJoinProof reports, in constant time, whether proof is the JoinProof of
// the end that dialer says.
func (k TopicKey) CheckJoinProof(proof [KeyBytes]byte, binding []byte, dialer bool) bool {
	want := k.JoinProof(binding, dialer)
	return hmac.Equal(proof[:], want[:])
}

// String hides the key, so that no log shows it by accident; Invite.String
// shows it.
func (k TopicKey) String() string { return "topic key " + secretForPeople }

// Format hides the key from every verb of fmt.
func (k TopicKey) Format(w fmt.State, _ rune) { hide(w, k) }

// MarshalText hides the key from encoders that look into structs, as those of
// logs do. What it writes is not the key: Invite.Encode writes that.
func (k TopicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// hide prints a secret's String. A known gap: fmt calls no method of a value
// in an unexported field, and prints the bytes.
func hide(w fmt.State, secret fmt.Stringer) { _, _ = io.WriteString(w, secret.String()) }

// LogID returns the id of the log that author writes in topic in pages of
// pageBytes bytes.
func LogID(topic TopicID, author [KeyBytes]byte, pageBytes uint32) digest.Hash {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], pageBytes)
	return digest.Tagged(labelLog, topic[:], author[:], n[:])
}
