// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Topic is a set of logs that are shared together, as a store joined it.
type Topic struct {
	ID      digest.Hash
	Num     uint32 // names the topic's row, from 1 in the order of joining; 0 if there is none yet
	Genesis *identity.Genesis
	Keys    identity.TopicKeys
	Account identity.AccountSecret // of the person, if it is kept here; else zero
	Name    string                 // what the person calls it; local
	Log     digest.Hash            // the log this store appends to
	Kept    bool                   // somebody was invited to it, or a person chose it: as the default it gives way to none
	Left    bool                   // this store takes no part in it any more; what it holds of it stays
	Dropped bool                   // and is deleted when the store is opened next
}

// Roster names the topic's roster as its founder began it.
func (t *Topic) Roster() identity.LogName {
	return identity.RosterLog(t.ID, t.Genesis.Steward, 0, 0)
}

// Topics are the rows of topics. They are keyed by number, and so fill their pages
// and lie beside those that were joined with them; ids would be spread over all pages.
//
//	key    number (big-endian uint32), from 1
//
//	offset  bytes  field
//	     0      1  version, 3
//	     1      1  flags: 1 the secret of the person's account is kept, 2 it gives way to no other topic, 4 it was left,
//	                    8 what is held of it is deleted when the store is opened next
//	     2     32  lobby key
//	    34     32  join key
//	    66     32  id of the log that this store appends to
//	    98      2  g, length of the genesis (little-endian uint16)
//	   100      g  genesis body, which the topic id follows from
//	 100+g     32  secret of the account (if flagged)
//	               the topic's local name, to the end
var Topics = newTable(
	Kind{Name: "a topic", Bucket: bucketTopics, Salvage: Weigh, Sealed: true},
	codec[uint32, *Topic]{key: topicKey, value: topicRow, parseKey: parseTopicKey, parseValue: parseTopic, verify: verifyTopic})

const (
	topicVersion = 3
	topicFixed   = 100

	topicAccount = 1 // flags
	topicKept    = 2
	topicLeft    = 4
	topicDropped = 8
)

func topicKey(num uint32) []byte { return binary.BigEndian.AppendUint32(nil, num) }

func parseTopicKey(b []byte) (uint32, error) {
	if len(b) != 4 || binary.BigEndian.Uint32(b) == 0 {
		return 0, errors.New("not the number of a topic")
	}
	return binary.BigEndian.Uint32(b), nil
}

func topicRow(t *Topic) []byte {
	genesis := t.Genesis.Append(nil)
	b := make([]byte, 2, topicFixed+len(genesis)+len(t.Account.Secret)+len(t.Name))
	b[0] = topicVersion
	b = append(append(append(b, t.Keys.Lobby[:]...), t.Keys.Join[:]...), t.Log[:]...)
	b = append(binary.LittleEndian.AppendUint16(b, uint16(len(genesis))), genesis...)
	if t.Account != (identity.AccountSecret{}) {
		b[1] |= topicAccount
		b = append(b, t.Account.Secret[:]...)
	}
	if t.Kept {
		b[1] |= topicKept
	}
	if t.Left {
		b[1] |= topicLeft
	}
	if t.Dropped {
		b[1] |= topicDropped
	}
	return append(b, t.Name...)
}

func parseTopic(num uint32, b []byte) (*Topic, error) {
	if len(b) < topicFixed || b[0] != topicVersion || b[1]&^(topicAccount|topicKept|topicLeft|topicDropped) != 0 {
		return nil, fmt.Errorf("a row of %d bytes that is none of version %d", len(b), topicVersion)
	}
	end := topicFixed + int(binary.LittleEndian.Uint16(b[98:]))
	if end > len(b) {
		return nil, fmt.Errorf("a row of %d bytes, want at least %d", len(b), end)
	}
	genesis, err := identity.ParseGenesis(b[topicFixed:end])
	if err != nil {
		return nil, err
	}
	t := &Topic{
		ID: identity.TopicIDOf(b[topicFixed:end]), Num: num, Genesis: genesis, Log: digest.Hash(b[66:98]),
		Kept: b[1]&topicKept != 0, Left: b[1]&topicLeft != 0, Dropped: b[1]&topicDropped != 0,
	}
	copy(t.Keys.Lobby[:], b[2:])
	copy(t.Keys.Join[:], b[34:])
	rest := b[end:]
	if b[1]&topicAccount != 0 {
		if rest = rest[min(len(t.Account.Secret), len(rest)):]; copy(t.Account.Secret[:], b[end:]) < len(t.Account.Secret) || t.Account == (identity.AccountSecret{}) {
			return nil, errors.New("it is to keep the secret of an account, and does not")
		}
	}
	t.Name = string(rest)
	return t, nil
}

// verifyTopic holds the keys against the genesis.
func verifyTopic(_ uint32, t *Topic) error {
	if identity.LobbyHash(t.Keys.Lobby) != t.Genesis.LobbyHash {
		return errors.New("a genesis or a key that is not of its topic")
	}
	return nil
}

// Defaults is the row of the topic that is meant if none is named:
//
//	key    "default"
//	value  topic id (32)
var Defaults = newTable(
	Kind{Name: "the default topic", Bucket: bucketMeta, Prefix: "default", Salvage: Weigh},
	codec[Only, digest.Hash]{
		key: onlyKey, value: hashKey, parseKey: parseOnly,
		parseValue: func(_ Only, b []byte) (digest.Hash, error) { return parseHash(b) },
	})
