// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A ProgressKey names a Process or an actor of the application and a log that it is fed with.
type ProgressKey struct {
	Actor string
	Log   digest.Hash
}

// Progress are the rows that say how far a Process or an actor of the application is in a log.
// One that is lost has the actor fed from the begin of the log again.
//
//	key    actor's name | 0 | log id (32)
//	value  sequence of what comes next, u64
var Progress = newTable(
	Kind{Name: "the cursor of an actor", Bucket: bucketCursors, Salvage: Keep},
	codec[ProgressKey, uint64]{
		key: progressKey, value: progressRow, parseKey: parseProgressKey, parseValue: parseProgress,
		newer: func(a, b uint64) bool { return a > b },
	})

// ProgressOf is what the keys of an actor's rows begin with.
func ProgressOf(actor string) []byte { return append([]byte(actor), 0) }

func progressKey(k ProgressKey) []byte { return append(ProgressOf(k.Actor), k.Log[:]...) }

func parseProgressKey(b []byte) (k ProgressKey, err error) {
	at := len(b) - digest.Size - 1
	if at < 1 || b[at] != 0 {
		return k, errors.New("the key is not a name, 0 and the id of a log")
	}
	return ProgressKey{string(b[:at]), digest.Hash(b[at+1:])}, nil
}

func progressRow(next uint64) []byte { return binary.LittleEndian.AppendUint64(nil, next) }

func parseProgress(_ ProgressKey, b []byte) (uint64, error) {
	if err := exactly(b, 8); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}
