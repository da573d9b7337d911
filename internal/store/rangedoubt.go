// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A range that turns out to be of another history than the prefix of its log is
// dropped. Its head stays, as it proves a fork once the prefix has its size: a
// small row, one for each log, the first.
//
//	key    "doubt " | log id
//	value  size u64 | root (32) | signature (64)
const doubtRow = 8 + digest.Size + 64

var doubtPrefix = []byte("doubt ")

func doubtKey(log digest.Hash) []byte {
	return append(doubtPrefix[:len(doubtPrefix):len(doubtPrefix)], log[:]...)
}

// DoubtPut is the write that keeps the head of a range which does not fit.
func DoubtPut(h proof.Head) *Put {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, doubtRow), h.Size)
	return &Put{Bucket: aof.Meta, Key: doubtKey(h.Log), Value: append(append(b, h.Root[:]...), h.Sig[:]...)}
}

// DoubtDelete is the write that forgets it.
func DoubtDelete(log digest.Hash) *Put { return &Put{Bucket: aof.Meta, Key: doubtKey(log)} }

// Doubt returns the head that is kept of a log, if there is one.
func (s *Store) Doubt(log digest.Hash) (proof.Head, bool) {
	s.ranges.mu.RLock()
	defer s.ranges.mu.RUnlock()
	h, ok := s.ranges.doubts[log]
	return h, ok
}

// SetDoubt takes note of a row that was committed; the zero head, of one that
// was deleted.
func (s *Store) SetDoubt(log digest.Hash, h proof.Head) {
	s.ranges.mu.Lock()
	defer s.ranges.mu.Unlock()
	if h == (proof.Head{}) {
		delete(s.ranges.doubts, log)
	} else {
		s.ranges.doubts[log] = h
	}
}

// Doubts returns the logs of which a head is kept.
func (s *Store) Doubts() (logs []digest.Hash) {
	s.ranges.mu.RLock()
	defer s.ranges.mu.RUnlock()
	for log := range s.ranges.doubts {
		logs = append(logs, log)
	}
	return logs
}

func (s *Store) loadDoubts() error {
	s.ranges.doubts = map[digest.Hash]proof.Head{}
	return s.aof.View(func(v *aof.View) error {
		return v.ForEach(aof.Meta, doubtPrefix, func(key, value []byte) error {
			key = key[len(doubtPrefix):]
			if len(key) != digest.Size || len(value) != doubtRow {
				return &CorruptError{Where: "aof, meta", What: fmt.Sprintf("a head in doubt of %d and %d bytes", len(key), len(value))}
			}
			h := proof.Head{Log: digest.Hash(key), Size: binary.LittleEndian.Uint64(value), Root: digest.Hash(value[8:])}
			copy(h.Sig[:], value[40:])
			s.ranges.doubts[h.Log] = h
			return nil
		})
	})
}
