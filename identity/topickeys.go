// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// TopicKeys are what a member of a topic proves to connect: the lobby key,
// which never changes, and the join key of the newest epoch, which each removal
// changes. In an open topic the join key is constant too.
//
// A proof is an HMAC-SHA256, under a key derived for its use, of
//
//	bytes  field
//	    1  role of who shows it: 0 listener, 1 dialer
//	   32  topic id
//	       in a state mark only:
//	   46    position of the roster held (Position)
//	    8    number of logs in the set (little-endian uint64)
//	   32    digest of the set
//	    n  channel binding of the connection
//
// The role keeps one end from showing the other its own proof back, the binding
// ties a proof to a connection, and the topic id keeps a topic that was founded
// with another's keys from passing as that one.
type TopicKeys struct {
	Lobby, Join Secret
}

// The lengths of proofs. A lobby proof says which topic is meant, so that it is
// compared with those of all topics; a join proof and a state mark are compared
// with one value only, and nobody who does not know the key gets more than one
// guess a connection at one of 2^128.
const (
	LobbyProofBytes = 32
	JoinProofBytes  = 16
	StateBytes      = 16
)

// NewTopicKeys returns fresh keys read from r, or from crypto/rand if r is nil.
func NewTopicKeys(r io.Reader) (TopicKeys, error) {
	lobby, err := NewSecret(r)
	if err != nil {
		return TopicKeys{}, err
	}
	join, err := NewSecret(r)
	return TopicKeys{Lobby: lobby, Join: join}, err
}

// LobbyHash returns H(lobby key), which genesis holds.
func LobbyHash(lobby Secret) digest.Hash { return digest.Tagged(tagLobbyKey, lobby[:]) }

// JoinHash returns H(join key), which an epoch, and an open topic's genesis, holds.
func JoinHash(join Secret) digest.Hash { return digest.Tagged(tagJoinKey, join[:]) }

// LobbyProof returns what one end of a connection shows to prove that it knows
// the lobby key of topic.
func (k TopicKeys) LobbyProof(topic TopicID, binding []byte, dialer bool) [LobbyProofBytes]byte {
	return prove(k.Lobby, labelLobbyProof, topic, binding, dialer, nil)
}

// CheckLobbyProof reports, in constant time, whether proof is the LobbyProof of
// the end that dialer says.
func (k TopicKeys) CheckLobbyProof(proof [LobbyProofBytes]byte, topic TopicID, binding []byte, dialer bool) bool {
	want := k.LobbyProof(topic, binding, dialer)
	return hmac.Equal(proof[:], want[:])
}

// JoinProof returns what one end of a connection shows to prove that it knows
// the join key of topic.
func (k TopicKeys) JoinProof(topic TopicID, binding []byte, dialer bool) [JoinProofBytes]byte {
	p := prove(k.Join, labelJoinProof, topic, binding, dialer, nil)
	return [JoinProofBytes]byte(p[:])
}

// CheckJoinProof reports, in constant time, whether proof is the JoinProof of
// the end that dialer says.
func (k TopicKeys) CheckJoinProof(proof [JoinProofBytes]byte, topic TopicID, binding []byte, dialer bool) bool {
	want := k.JoinProof(topic, binding, dialer)
	return hmac.Equal(proof[:], want[:])
}

// StateMark returns what one end of a connection states of what it holds of the
// topic: the position of its roster and the digest of its set of logs. A peer
// that knows the join key can tell whether it is that of a state it has in mind,
// and nobody else can tell anything from it, a removed member neither.
func (k TopicKeys) StateMark(topic TopicID, binding []byte, dialer bool, roster Position, set digest.Set) [StateBytes]byte {
	what := roster.Append(nil)
	what = binary.LittleEndian.AppendUint64(what, set.Count)
	what = append(what, set.Sum[:]...)
	m := prove(k.Join, labelState, topic, binding, dialer, what)
	return [StateBytes]byte(m[:])
}

// CheckStateMark reports, in constant time, whether mark is the StateMark of
// the end that dialer says.
func (k TopicKeys) CheckStateMark(mark [StateBytes]byte, topic TopicID, binding []byte, dialer bool, roster Position, set digest.Set) bool {
	want := k.StateMark(topic, binding, dialer, roster, set)
	return hmac.Equal(mark[:], want[:])
}

// prove is the HMAC drawn above TopicKeys.
func prove(key Secret, use string, topic TopicID, binding []byte, dialer bool, what []byte) [KeyBytes]byte {
	role := byte(0)
	if dialer {
		role = 1
	}
	derived := derive(key[:], use)
	m := hmac.New(sha256.New, derived[:])
	m.Write([]byte{role})
	m.Write(topic[:])
	m.Write(what)
	m.Write(binding)
	return [KeyBytes]byte(m.Sum(nil))
}

// String hides the keys.
func (k TopicKeys) String() string { return "topic keys " + secretForPeople }

// Format hides the keys from every verb of fmt.
func (k TopicKeys) Format(w fmt.State, _ rune) { hide(w, k) }
