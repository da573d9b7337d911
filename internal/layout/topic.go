// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// A Topic is a set of logs that are shared together, as a store joined it.
type Topic struct {
	ID      digest.Hash
	Genesis *identity.Genesis
	Keys    identity.TopicKeys
	Account identity.AccountSecret // of the person, if it is kept here; else zero
	Name    string                 // what the person calls it; local
	Log     digest.Hash            // the log this store appends to
}

// Roster names the topic's roster as its founder began it.
func (t *Topic) Roster() identity.LogName {
	return identity.RosterLog(t.ID, t.Genesis.Steward, 0, 0)
}

// Topics are the rows of topics:
//
//	key    topic id (32)
//
//	offset  bytes  field
//	     0      1  version, 2
//	     1     32  lobby key
//	    33     32  join key
//	    65     32  secret of the person's account, zero if it is not kept here
//	    97     32  id of the log that this store appends to
//	   129      2  g, length of the genesis (little-endian uint16)
//	   131      g  genesis body
//	 131+g         the topic's local name, to the end
var Topics = newTable(
	Kind{Name: "a topic", Bucket: bucketTopics, Salvage: Weigh},
	codec[digest.Hash, *Topic]{key: hashKey, value: topicRow, parseKey: parseHash, parseValue: parseTopic, verify: verifyTopic})

const (
	topicVersion = 2
	topicFixed   = 131
)

func topicRow(t *Topic) []byte {
	genesis := t.Genesis.Append(nil)
	b := make([]byte, 0, topicFixed+len(genesis)+len(t.Name))
	b = append(b, topicVersion)
	b = append(append(b, t.Keys.Lobby[:]...), t.Keys.Join[:]...)
	b = append(append(b, t.Account.Secret[:]...), t.Log[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(genesis)))
	return append(append(b, genesis...), t.Name...)
}

func parseTopic(id digest.Hash, b []byte) (*Topic, error) {
	if len(b) < topicFixed || b[0] != topicVersion {
		return nil, fmt.Errorf("a row of %d bytes that is none of version %d", len(b), topicVersion)
	}
	end := topicFixed + int(binary.LittleEndian.Uint16(b[129:]))
	if end > len(b) {
		return nil, fmt.Errorf("a row of %d bytes, want at least %d", len(b), end)
	}
	genesis, err := identity.ParseGenesis(b[topicFixed:end])
	if err != nil {
		return nil, err
	}
	t := &Topic{ID: id, Genesis: genesis, Log: digest.Hash(b[97:129]), Name: string(b[end:])}
	copy(t.Keys.Lobby[:], b[1:])
	copy(t.Keys.Join[:], b[33:])
	copy(t.Account.Secret[:], b[65:])
	return t, nil
}

// verifyTopic derives the id from the genesis and holds the keys against it,
// which would be a third of opening a store of many topics.
func verifyTopic(id digest.Hash, t *Topic) error {
	if t.Genesis.ID() != id || identity.LobbyHash(t.Keys.Lobby) != t.Genesis.LobbyHash {
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
