// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Prover makes and checks the proofs of a topic. It derives the key of each use
// once, which is more than half of what a proof costs. Any number of goroutines may
// use it.
type Prover struct {
	topic              TopicID
	lobby, join, state useKey
}

// A useKey is the key of one use, which derives from a secret when it is first asked.
type useKey struct {
	secret Secret
	once   sync.Once
	key    [KeyBytes]byte
}

func (k *useKey) get(use string) []byte {
	k.once.Do(func() { k.key = derive(k.secret[:], use) })
	return k.key[:]
}

// Prover returns what makes the proofs of a topic that has these keys.
func (k TopicKeys) Prover(topic TopicID) *Prover {
	p := &Prover{}
	p.Begin(k, topic)
	return p
}

// Begin makes the zero Prover that of a topic that has these keys.
func (p *Prover) Begin(k TopicKeys, topic TopicID) {
	p.topic, p.lobby.secret, p.join.secret, p.state.secret = topic, k.Lobby, k.Join, k.Join
}

// Lobby returns what one end of a connection shows to prove that it knows the
// lobby key.
func (p *Prover) Lobby(binding []byte, dialer bool) [LobbyProofBytes]byte {
	return p.prove(p.lobby.get(labelLobbyProof), binding, dialer, nil)
}

// CheckLobby reports, in constant time, whether proof is the Lobby of the end that
// dialer says.
func (p *Prover) CheckLobby(proof [LobbyProofBytes]byte, binding []byte, dialer bool) bool {
	want := p.Lobby(binding, dialer)
	return hmac.Equal(proof[:], want[:])
}

// Join returns what one end of a connection shows to prove that it knows the join
// key.
func (p *Prover) Join(binding []byte, dialer bool) [JoinProofBytes]byte {
	m := p.prove(p.join.get(labelJoinProof), binding, dialer, nil)
	return [JoinProofBytes]byte(m[:])
}

// CheckJoin reports, in constant time, whether proof is the Join of the end that
// dialer says.
func (p *Prover) CheckJoin(proof [JoinProofBytes]byte, binding []byte, dialer bool) bool {
	want := p.Join(binding, dialer)
	return hmac.Equal(proof[:], want[:])
}

// StateMark returns what one end of a connection states of what it holds of the
// topic: the position of its roster and the digest of its set of logs. A peer
// that knows the join key can tell whether it is that of a state it has in mind,
// and nobody else can tell anything from it, a removed member neither.
func (p *Prover) StateMark(binding []byte, dialer bool, roster Position, set digest.Set) [StateBytes]byte {
	what := roster.Append(nil)
	what = binary.LittleEndian.AppendUint64(what, set.Count)
	what = append(what, set.Sum[:]...)
	m := p.prove(p.state.get(labelState), binding, dialer, what)
	return [StateBytes]byte(m[:])
}

// CheckStateMark reports, in constant time, whether mark is the StateMark of
// the end that dialer says.
func (p *Prover) CheckStateMark(mark [StateBytes]byte, binding []byte, dialer bool, roster Position, set digest.Set) bool {
	want := p.StateMark(binding, dialer, roster, set)
	return hmac.Equal(mark[:], want[:])
}

// prove is the HMAC drawn above TopicKeys.
func (p *Prover) prove(key, binding []byte, dialer bool, what []byte) [KeyBytes]byte {
	role := byte(0)
	if dialer {
		role = 1
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte{role})
	m.Write(p.topic[:])
	m.Write(what)
	m.Write(binding)
	var mac [KeyBytes]byte
	m.Sum(mac[:0])
	return mac
}

// String hides the keys.
func (p *Prover) String() string { return "prover " + secretForPeople }

// Format hides the keys from every verb of fmt.
func (p *Prover) Format(w fmt.State, _ rune) { hide(w, p) }
