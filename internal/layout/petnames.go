// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/naming"
)

// A PetnameKey is whom this store's person calls something.
type PetnameKey struct {
	Topic   digest.Hash
	Account [identity.KeyBytes]byte
}

// Petnames are the rows of what this store's person calls others:
//
//	key    "petname " | topic id (32) | account (32)
//	value  milliseconds since 1970 when it was given u64 | n u8 | name (n), 0 to 64
var Petnames = newTable(
	Kind{Name: "what somebody is called", Bucket: bucketMeta, Prefix: "petname ", Salvage: Keep, Sealed: true},
	codec[PetnameKey, naming.Petname]{
		key:        func(k PetnameKey) []byte { return append(k.Topic[:], k.Account[:]...) },
		value:      petnameRow,
		parseKey:   parsePetnameKey,
		parseValue: parsePetname,
		newer:      naming.Petname.Newer,
	})

func petnameRow(p naming.Petname) []byte {
	b := binary.LittleEndian.AppendUint64(nil, p.Given)
	return append(append(b, byte(len(p.Name))), p.Name...)
}

func parsePetnameKey(b []byte) (k PetnameKey, err error) {
	if err := exactly(b, 2*digest.Size); err != nil {
		return k, err
	}
	return PetnameKey{digest.Hash(b), [identity.KeyBytes]byte(b[digest.Size:])}, nil
}

func parsePetname(_ PetnameKey, b []byte) (p naming.Petname, err error) {
	if len(b) < 9 || len(b) != 9+int(b[8]) {
		return p, fmt.Errorf("%d bytes, want 9 and a name", len(b))
	}
	p = naming.Petname{Given: binary.LittleEndian.Uint64(b), Name: string(b[9:])}
	if p.Name != "" {
		err = naming.Check(p.Name)
	}
	return p, err
}

// A Named is how far a data log was read for what its author wants to be called, and the
// newest event that says it.
type Named struct {
	To   uint64      // events that were read
	Root digest.Hash // of the log there
	Seq  uint64      // of the event, if there is one
	Time int64       // of the event, milliseconds since 1970
	Body []byte      // of the event; nil if there is none
}

const namedBytes = 8 + digest.Size + 8 + 8 + 2

// NamedLogs are the rows by which a store knows what the author of a data log wants to be
// called, so that it does not read all of the log for that:
//
//	key    "named " | log id (32)
//	value  events read u64 | root there (32) | sequence u64 and time in milliseconds since
//	       1970 u64 of the event | n u16 | its body (n); zeros if there is none
var NamedLogs = newTable(
	Kind{Name: "what the author of a log wants to be called", Bucket: bucketMeta, Prefix: "named ", Salvage: GiveUp},
	codec[digest.Hash, Named]{key: hashKey, value: namedRow, parseKey: parseHash, parseValue: parseNamed})

func namedRow(n Named) []byte {
	b := append(binary.LittleEndian.AppendUint64(nil, n.To), n.Root[:]...)
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, n.Seq), uint64(n.Time))
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(n.Body))), n.Body...)
}

func parseNamed(_ digest.Hash, b []byte) (n Named, err error) {
	if len(b) < namedBytes || len(b) != namedBytes+int(binary.LittleEndian.Uint16(b[namedBytes-2:])) {
		return n, fmt.Errorf("%d bytes, want %d and a body", len(b), namedBytes)
	}
	n = Named{To: binary.LittleEndian.Uint64(b), Root: digest.Hash(b[8:40]), Seq: binary.LittleEndian.Uint64(b[40:]), Time: int64(binary.LittleEndian.Uint64(b[48:]))}
	if len(b) > namedBytes {
		n.Body = b[namedBytes:]
	}
	if n.Body == nil && (n.Seq != 0 || n.Time != 0) || n.Body != nil && n.Seq >= n.To {
		return n, errors.New("an event that is not in what was read")
	}
	return n, nil
}
