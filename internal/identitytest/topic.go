// SPDX-License-Identifier: MPL-2.0

// Package identitytest founds topics for tests: the same arguments give the same
// topic, and nobody is its steward. Nothing else imports it.
package identitytest

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// PageBytes is the page size of the topics that Topic returns.
const PageBytes = 16384

// A Topic is an open topic with its keys.
type Topic struct {
	Genesis *identity.Genesis
	Keys    identity.TopicKeys
}

// NewTopic returns topic n, with pages of PageBytes.
func NewTopic(n int) Topic { return NewTopicOf(n, PageBytes) }

// NewTopicOf returns topic n with pages of pageBytes.
func NewTopicOf(n, pageBytes int) Topic {
	secret := func(what string) (s identity.Secret) {
		return identity.Secret(digest.Tagged("xaeroflux test topic", []byte(what), binary.LittleEndian.AppendUint64(nil, uint64(n))))
	}
	t := Topic{Keys: identity.TopicKeys{Lobby: secret("lobby"), Join: secret("join")}}
	owner := identity.AccountSecret{Secret: secret("owner")}
	t.Genesis = &identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: uint32(pageBytes), Owner: identity.PublicKey(owner.Key()),
		LobbyHash: identity.LobbyHash(t.Keys.Lobby), JoinHash: identity.JoinHash(t.Keys.Join),
	}
	identity.Seed(secret("steward")).Found(identity.Generation{1}, t.Genesis)
	return t
}

// ID returns the topic's id.
func (t Topic) ID() identity.TopicID { return t.Genesis.ID() }

// Invite returns an invite to the topic.
func (t Topic) Invite(peers ...identity.Address) string {
	return identity.Invite{Genesis: *t.Genesis, Keys: t.Keys, Peers: peers}.String()
}

// Device returns a device for tests.
func Device(n byte) identity.Device {
	return identity.Device{Seed: identity.Seed{n, 1}, Generation: identity.Generation{n, 2}}
}
