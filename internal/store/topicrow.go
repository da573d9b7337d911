// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// The row of a topic, under its id:
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
const (
	topicRowVersion = 2
	topicRowFixed   = 131
)

func encodeTopic(t *Topic) []byte {
	genesis := t.Genesis.Append(nil)
	b := make([]byte, 0, topicRowFixed+len(genesis)+len(t.Name))
	b = append(b, topicRowVersion)
	b = append(append(b, t.Keys.Lobby[:]...), t.Keys.Join[:]...)
	b = append(append(b, t.Account.Secret[:]...), t.Log[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(genesis)))
	return append(append(b, genesis...), t.Name...)
}

// readTopic returns the topic of a row, of which the checksum fits.
func readTopic(key, b []byte) (*Topic, error) {
	corrupt := func(format string, args ...any) (*Topic, error) {
		return nil, &CorruptError{Where: "aof, topics", What: fmt.Sprintf(format, args...)}
	}
	if len(b) < topicRowFixed || len(key) != digest.Size || b[0] != topicRowVersion {
		return corrupt("a row of %d bytes that is none of version %d", len(b), topicRowVersion)
	}
	end := topicRowFixed + int(binary.LittleEndian.Uint16(b[129:]))
	if end > len(b) {
		return corrupt("a row of %d bytes, want at least %d", len(b), end)
	}
	genesis, err := identity.ParseGenesis(b[topicRowFixed:end])
	if err != nil {
		return corrupt("%v", err)
	}
	t := &Topic{ID: digest.Hash(key), Genesis: genesis, Log: digest.Hash(b[97:129]), Name: string(b[end:])}
	copy(t.Keys.Lobby[:], b[1:])
	copy(t.Keys.Join[:], b[33:])
	copy(t.Account.Secret[:], b[65:])
	return t, nil
}

// decodeTopic is readTopic for a check: it derives the id from the genesis, and
// holds the keys against it, which would be a third of opening a store of many
// topics.
func decodeTopic(key, value []byte) (*Topic, error) {
	t, err := readTopic(key, value)
	if err != nil {
		return t, err
	}
	if t.Genesis.ID() != t.ID || identity.LobbyHash(t.Keys.Lobby) != t.Genesis.LobbyHash {
		err = &CorruptError{Where: "aof, topics", What: "a genesis or a key that is not of its topic"}
	}
	return t, err
}
