// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"sync"
)

// The hashes of a log are short: 65 bytes for a node, about as many for a leaf.
// crypto/sha256 spends a third to a half of the time of such a hash outside of
// the compression function, most of it in finishing: it copies its state, pads
// in two writes and encodes the result. A Hasher pads by itself, so that
// only whole blocks are written, and takes the result out of the state, which
// the standard library encodes for hash.Hash values that are to be resumed.
//
// That encoding is stable but not promised to be. It is therefore tried at
// start, and where it is not as expected, plain crypto/sha256 does the work.

const (
	blockBytes  = sha256.BlockSize
	stateOffset = 4 // the state follows four bytes that name the algorithm
	maxTail     = 9 * blockBytes
)

// A Hasher hashes many inputs in a row for one goroutine, a little faster than
// the functions of the package. It comes from Borrow.
type Hasher struct {
	h     hash.Hash
	state encoding.BinaryAppender // h
	out   [128]byte
	tail  [maxTail]byte
}

var hashers = sync.Pool{New: func() any { return newHasher() }}

func newHasher() *Hasher {
	h := sha256.New()
	state, _ := h.(encoding.BinaryAppender)
	return &Hasher{h: h, state: state}
}

// trusted is set if a Hasher gives what crypto/sha256 gives.
var trusted = agrees()

func agrees() bool {
	h := newHasher()
	if h.state == nil {
		return false
	}
	var b [3 * blockBytes]byte
	for i := range b {
		b[i] = byte(i)
	}
	for n := range b {
		if sum, ok := h.sum(b[:n]); !ok || sum != sha256.Sum256(b[:n]) {
			return false
		}
	}
	return true
}

// sum hashes b: its whole blocks, then the rest with the padding.
func (h *Hasher) sum(b []byte) (Hash, bool) {
	h.h.Reset()
	whole := len(b) &^ (blockBytes - 1)
	if whole > 0 {
		h.h.Write(b[:whole])
	}
	return h.finish(copy(h.tail[:], b[whole:]), len(b))
}

// finish pads the n bytes of tail, which end an input of that length, and
// hashes them. False says that the state is not as it should be.
func (h *Hasher) finish(n, length int) (sum Hash, ok bool) {
	end := (n + 1 + 8 + blockBytes - 1) &^ (blockBytes - 1)
	h.tail[n] = 0x80
	clear(h.tail[n+1 : end-8])
	binary.BigEndian.PutUint64(h.tail[end-8:], uint64(length)<<3)
	h.h.Write(h.tail[:end])
	state, err := h.state.AppendBinary(h.out[:0])
	if err != nil || len(state) < stateOffset+Size {
		return sum, false
	}
	return Hash(state[stateOffset:]), true
}

// Borrow returns a Hasher that nobody else uses until its Return.
func Borrow() *Hasher { return hashers.Get().(*Hasher) }

// Return gives h back; it must not be used any more.
func (h *Hasher) Return() { hashers.Put(h) }

// Sum returns the plain SHA-256 of b.
func (h *Hasher) Sum(b []byte) Hash {
	if !trusted {
		return sha256.Sum256(b)
	}
	sum, _ := h.sum(b)
	return sum
}

// Leaf returns the RFC 6962 leaf hash SHA-256(0x00 || data).
func (h *Hasher) Leaf(data []byte) Hash {
	if !trusted || len(data) > maxTail-blockBytes {
		return slow(leafPrefix, data, nil)
	}
	h.h.Reset()
	h.tail[0] = leafPrefix
	n := 1 + copy(h.tail[1:], data)
	sum, _ := h.finish(n, n)
	return sum
}

// Node returns the RFC 6962 interior hash SHA-256(0x01 || left || right).
func (h *Hasher) Node(left, right *Hash) Hash {
	if !trusted {
		return slow(nodePrefix, left[:], right[:])
	}
	h.h.Reset()
	h.tail[0] = nodePrefix
	copy(h.tail[1:], left[:])
	copy(h.tail[1+Size:], right[:])
	sum, _ := h.finish(1+2*Size, 1+2*Size)
	return sum
}

// Parents appends the parent of each whole pair of children to dst.
func Parents(dst, children []Hash) []Hash {
	h := Borrow()
	defer h.Return()
	for ; len(children) >= 2; children = children[2:] {
		dst = append(dst, h.Node(&children[0], &children[1]))
	}
	return dst
}

func slow(prefix byte, parts ...[]byte) Hash {
	h := sha256.New()
	h.Write([]byte{prefix})
	for _, p := range parts {
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}
