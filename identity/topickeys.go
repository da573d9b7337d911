// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// TopicKeys are what a member of a topic proves to connect: the lobby key,
// which never changes, and the join key of the newest epoch, which each removal
// changes. In an open topic the join key is constant too.
//
// A proof (Prover) is an HMAC-SHA256, under a key derived for its use, of
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

// String hides the keys.
func (k TopicKeys) String() string { return "topic keys " + secretForPeople }

// Format hides the keys from every verb of fmt.
func (k TopicKeys) Format(w fmt.State, _ rune) { hide(w, k) }
