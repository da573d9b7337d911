// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A TestTopic is an open topic of tests, each number another one.
type TestTopic int

// ID returns the topic's id.
func (n TestTopic) ID() identity.TopicID { return digest.Sum([]byte{byte(n), byte(n >> 8), 't'}) }

// Keys returns its keys.
func (n TestTopic) Keys() identity.TopicKeys {
	return identity.TopicKeys{Lobby: identity.Secret{byte(n), byte(n >> 8), 1}, Join: identity.Secret{byte(n), byte(n >> 8), 2}}
}

// Topic is the topic as a session takes it.
func (n TestTopic) Topic() *Topic {
	return &Topic{ID: n.ID(), Keys: n.Keys(), Policy: identity.PolicyOpen}
}

// Offer is what one end of a connection offers it with.
func (n TestTopic) Offer(binding string, dialer bool) messages.Offer {
	return OfferOf(n.Keys().Prover(n.ID()), []byte(binding), dialer)
}

// AuthorOf returns the key of a seed in the topic.
func (n TestTopic) AuthorOf(s identity.Seed) ed25519.PrivateKey {
	return s.JoinedKey(identity.Generation{}, n.ID())
}

// PeerOf returns the peer of a seed.
func PeerOf(s identity.Seed) identity.PeerID { return s.PeerID(identity.Generation{}) }

// DataLog returns the id of an author's first data log.
func DataLog(topic identity.TopicID, author [32]byte, pageBytes uint32) digest.Hash {
	return identity.LogID(topic, author, pageBytes, identity.KindData, 0)
}

func partialOffer(o messages.Offer, partial bool) messages.Offer {
	o.Partial = partial
	return o
}

// TopicsOf is the topics of some numbers.
func TopicsOf(all ...TestTopic) (topics []*Topic) {
	for _, n := range all {
		topics = append(topics, n.Topic())
	}
	return topics
}
