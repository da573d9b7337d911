// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
)

// An item stands for a log with its size and root, in 64 bits:
//
//	40  short id: SHA-256 of salt and log id, the first bits
//	20  size, modulo 2^20
//	 4  root, hashed with the salt
//
// Two logs may have one short id, and two states one item. Then a round finds
// less than there is, the digests say so, and the next has another salt.
const (
	sizeBits = 20
	rootBits = 4
	sizeMask = 1<<sizeBits - 1
)

func shortID(salt sketch.Salt, log digest.Hash) uint64 {
	var b [len(salt) + digest.Size]byte
	copy(b[:], salt[:])
	copy(b[len(salt):], log[:])
	h := sha256.Sum256(b[:]) // digest.Sum would move b to the heap
	return binary.BigEndian.Uint64(h[:]) >> (sizeBits + rootBits)
}

func itemOf(salt sketch.Salt, short, size uint64, root digest.Hash) uint64 {
	x := binary.LittleEndian.Uint64(root[:]) ^ binary.LittleEndian.Uint64(salt[:])
	x *= binary.LittleEndian.Uint64(salt[8:]) | 1
	return short<<(sizeBits+rootBits) | size&sizeMask<<rootBits | x>>(64-rootBits)
}

func shortOf(item uint64) uint64 { return item >> (sizeBits + rootBits) }

// sizeOf is the size in an item that is nearest to one that is known.
func sizeOf(item, near uint64) uint64 {
	const wrap = sizeMask + 1
	size := near&^sizeMask | item>>rootBits&sizeMask
	switch {
	case size > near+wrap/2 && size >= wrap:
		return size - wrap
	case size+wrap/2 < near:
		return size + wrap
	}
	return size
}

// A snapshot is the logs of a topic as they are when a round begins here.
type snapshot struct {
	salt  sketch.Salt
	shots []shot
	short map[uint64]int32     // short id -> index in shots
	twice map[digest.Hash]shot // logs whose short id another one has: they wait for another salt
	items []uint64             // of shots, increasing
}

type shot struct {
	log                digest.Hash
	short, size, pages uint64
}

func takeSnapshot(st Store, topic digest.Hash, salt sketch.Salt) (*snapshot, error) {
	set, err := st.Summary(topic)
	if err != nil {
		return nil, err
	}
	n := &snapshot{
		salt: salt, shots: make([]shot, 0, set.Count), items: make([]uint64, 0, set.Count),
		short: make(map[uint64]int32, set.Count), twice: map[digest.Hash]shot{},
	}
	err = st.Logs(topic, func(l LogInfo) bool {
		s := shot{l.Log, shortID(salt, l.Log), l.Size, l.Pages}
		if _, twice := n.short[s.short]; twice {
			n.twice[l.Log] = s
			return true
		}
		n.short[s.short] = int32(len(n.shots))
		n.shots = append(n.shots, s)
		n.items = append(n.items, itemOf(salt, s.short, l.Size, l.Root))
		return true
	})
	slices.Sort(n.items)
	return n, err
}

// byShort returns the log of a short id; false says that there is none.
func (n *snapshot) byShort(short uint64) (shot, bool) {
	i, found := n.short[short]
	if !found {
		return shot{}, false
	}
	return n.shots[i], true
}

// size is what the log of a short id had, or 0.
func (n *snapshot) size(short uint64) uint64 {
	s, _ := n.byShort(short)
	return s.size
}

// of returns what a log had, or zeros.
func (n *snapshot) of(log digest.Hash) shot {
	if s, found := n.byShort(shortID(n.salt, log)); found && s.log == log {
		return s
	}
	return n.twice[log]
}
