// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// The data file of LMDB 0.9 on a 64-bit machine, in that machine's byte order
// (mdb.c: MDB_page, MDB_meta, MDB_db, MDB_node). Pages 0 and 1 are meta pages;
// transaction n writes meta page n%2.
//
//	page  0 number u64 | 8 pad u16 | 10 flags u16 | 12 lower u16 | 14 upper u16 | 16 offsets of the nodes, u16 each
//	      an overflow run has its page count, u32, at 12
//	meta  (at 16) 0 magic u32 | 4 version u32 | 8 address u64 | 16 map size u64 | 24 free db | 72 main db | 120 last page u64 | 128 txn u64
//	db    0 pad u32 (page size in the free db) | 4 flags u16 | 6 depth u16 | 8 branch | 16 leaf | 24 overflow pages | 32 entries | 40 root, u64 each
//	node  0 data size u32, or the low half of a child | 4 flags u16, or the child's high part | 6 key size u16 | 8 key | data
const (
	pageHeader = 16
	nodeHeader = 8
	dbBytes    = 48
	metaBytes  = 136

	lmdbMagic   = 0xBEEFC0DE
	lmdbVersion = 1

	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageOverflow = 0x04
	pageMeta     = 0x08

	nodeBig   = 0x01 // the data is in an overflow run
	nodeSubDB = 0x02 // the data is a db record

	freeDBFlags = 0x08 // integer keys
	noRoot      = 1<<64 - 1

	minPageBytes = 4096
	maxPageBytes = 32768
	maxDepth     = 32 // LMDB's cursor stack
)

var native = binary.NativeEndian

type lmdbDB struct {
	pad     uint32
	flags   uint16
	depth   int
	entries uint64
	root    uint64
}

func parseDB(b []byte) lmdbDB {
	return lmdbDB{
		pad:     native.Uint32(b),
		flags:   native.Uint16(b[4:]),
		depth:   int(native.Uint16(b[6:])),
		entries: native.Uint64(b[32:]),
		root:    native.Uint64(b[40:]),
	}
}

type lmdbMeta struct {
	mapBytes   uint64
	free, main lmdbDB
	lastPage   uint64
	txn        uint64
}

// parseMeta reads a meta page's header and record, of at least metaBytes+pageHeader.
func parseMeta(no int, b []byte) (lmdbMeta, error) {
	flaw := func(want, got string) (lmdbMeta, error) {
		return lmdbMeta{}, mismatch(fmt.Sprintf("meta page %d", no), want, got)
	}
	m := b[pageHeader:]
	switch {
	case native.Uint32(m) != lmdbMagic:
		return flaw(fmt.Sprintf("magic %08x", uint32(lmdbMagic)), fmt.Sprintf("%08x", native.Uint32(m)))
	case native.Uint32(m[4:]) != lmdbVersion:
		return flaw(fmt.Sprintf("version %d", lmdbVersion), fmt.Sprintf("%d", native.Uint32(m[4:])))
	case native.Uint16(b[10:]) != pageMeta:
		return flaw(fmt.Sprintf("flags %#x", pageMeta), fmt.Sprintf("%#x", native.Uint16(b[10:])))
	case native.Uint64(b) != uint64(no):
		return flaw(fmt.Sprintf("number %d", no), fmt.Sprintf("%d", native.Uint64(b)))
	}
	meta := lmdbMeta{
		mapBytes: native.Uint64(m[16:]),
		free:     parseDB(m[24:]),
		main:     parseDB(m[24+dbBytes:]),
		lastPage: native.Uint64(m[120:]),
		txn:      native.Uint64(m[128:]),
	}
	psize := meta.free.pad
	switch {
	case bits.OnesCount32(psize) != 1 || psize < minPageBytes || psize > maxPageBytes:
		return flaw("a page size of 4 to 32 KiB", fmt.Sprintf("%d bytes", psize))
	case meta.free.flags != freeDBFlags || meta.main.flags != 0 || meta.main.pad != 0:
		return flaw("database flags 0x8, 0x0", fmt.Sprintf("%#x, %#x", meta.free.flags, meta.main.flags))
	case meta.mapBytes > MaxMapBytes:
		return flaw(fmt.Sprintf("a map of at most %d bytes", uint64(MaxMapBytes)), fmt.Sprintf("%d", meta.mapBytes))
	case meta.lastPage < 1 || meta.lastPage >= meta.mapBytes/uint64(psize):
		return flaw(fmt.Sprintf("a last page inside the map of %d bytes", meta.mapBytes), fmt.Sprintf("%d", meta.lastPage))
	}
	return meta, nil
}

// A lmdbNode is one entry of a branch or leaf page.
type lmdbNode struct {
	at, size int    // place and length in the page
	key      []byte // borrowed
	flags    uint16 // of a leaf node
	child    uint64 // of a branch node
	dataSize uint64 // of a leaf node
	data     []byte // in the page: the value, or the number of the overflow run
}

// parseNodes reads the nodes of a branch or leaf page into nodes, which it reuses.
func parseNodes(b []byte, nodes []lmdbNode) ([]lmdbNode, string) {
	leaf := native.Uint16(b[10:]) == pageLeaf
	lower, upper := int(native.Uint16(b[12:])), int(native.Uint16(b[14:]))
	if lower < pageHeader || lower%2 != 0 || upper < lower || upper > len(b) || upper%2 != 0 {
		return nil, fmt.Sprintf("free space from %d to %d", lower, upper)
	}
	nodes = nodes[:0]
	for i := pageHeader; i < lower; i += 2 {
		at := int(native.Uint16(b[i:]))
		if at < upper || at%2 != 0 || at > len(b)-nodeHeader {
			return nil, fmt.Sprintf("a node at %d", at)
		}
		n, ok := parseNode(b[at:], leaf)
		if !ok {
			return nil, fmt.Sprintf("a node at %d that leaves the page", at)
		}
		n.at = at
		nodes = append(nodes, n)
	}
	return nodes, packed(nodes, upper, len(b))
}

func parseNode(b []byte, leaf bool) (lmdbNode, bool) {
	keySize := int(native.Uint16(b[6:]))
	n := lmdbNode{flags: native.Uint16(b[4:]), dataSize: uint64(native.Uint32(b))}
	size := uint64(nodeHeader + keySize)
	if uint64(len(b)) < size {
		return n, false
	}
	n.key = b[nodeHeader:size:size]
	switch {
	case !leaf:
		n.child = n.dataSize | uint64(n.flags)<<32
		n.flags, n.dataSize = 0, 0
	case n.flags&nodeBig != 0:
		size += 8
	default:
		size += n.dataSize
	}
	if uint64(len(b)) < size {
		return n, false
	}
	n.data = b[nodeHeader+keySize : size]
	n.size = int(size+1) &^ 1 // nodes lie at even offsets
	return n, true
}

// packed checks that the nodes fill the page from upper to its end without a
// gap or an overlap, as LMDB keeps them: its deletes move memory by their sizes.
func packed(nodes []lmdbNode, upper, end int) string {
	order := make([]lmdbNode, len(nodes))
	copy(order, nodes)
	slices.SortFunc(order, func(a, b lmdbNode) int { return cmp.Compare(a.at, b.at) })
	for _, n := range order {
		if n.at != upper {
			return fmt.Sprintf("a node at %d after nodes up to %d", n.at, upper)
		}
		upper += n.size
	}
	if upper != end {
		return fmt.Sprintf("nodes up to %d of %d", upper, end)
	}
	return ""
}
