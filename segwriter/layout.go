// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A .seg file is a header and the pages, page i of the segment at 4096 + i·P.
// Its length grows with the pages, by powers of two up to all N, so that a
// small log takes little room; what no page was written to is zero.
//
//	offset  bytes  field (little-endian)
//	     0      8  "XFSEG" 0 0 1
//	     8      4  version, 1
//	    12      4  page bytes P
//	    16      4  pages per segment N
//	    20      4  0
//	    24      8  segment index
//	    32     32  log id
//	    64     32  topic id
//	    96     32  author key
//	   128      4  CRC-32C of the bytes before; zeros to 4096
//
// A .tree file is a header, a table of N entries, and nodes of 32 bytes:
//
//	   0      8  "XFTREE" 0 1
//	   8      4  version, 1
//	  12      4  page bytes P
//	  16      4  pages per segment N
//	  20      4  0
//	  24      8  segment index
//	  32     32  log id
//	  64      8  tier-1 nodes of all segments before
//	  72      8  first sequence of the segment
//	  80      4  CRC-32C of the bytes before; zeros to 4096
//	4096   24·N  one entry a page:
//	               0  8  sequence after the last event of the page before
//	               8  4  events
//	              12  4  its first node's place among the nodes of the segment
//	              16  4  CRC-32C of the 16 bytes before and of the page's nodes
//	              20  4  flags: 1 present, 2 no event begins in the page
//	   …   32·n  the nodes of page after page, as merkleindex.Builder.Nodes
//
// A mmr file is a header and the tier-2 nodes, 36 bytes each:
//
//	 0      8  "XFMMR" 0 0 1
//	 8      4  version, 1
//	12      4  0
//	16     32  log id
//	48      4  CRC-32C of the bytes before; zeros to 64
//	64   36·n  hash, and the CRC-32C of its ordinal (8 bytes) and itself
const (
	fileHeaderBytes = 4096
	entryBytes      = 24
	mmrHeaderBytes  = 64
	mmrRowBytes     = digest.Size + 4
	formatVersion   = 1

	// DefaultSegmentPages is how many pages a segment has unless told.
	DefaultSegmentPages = 1024
	// MaxSegmentPages bounds the pages of a segment.
	MaxSegmentPages = 65536

	minAllocPages = 4
)

var (
	segMagic  = [8]byte{'X', 'F', 'S', 'E', 'G', 0, 0, 1}
	treeMagic = [8]byte{'X', 'F', 'T', 'R', 'E', 'E', 0, 1}
	mmrMagic  = [8]byte{'X', 'F', 'M', 'M', 'R', 0, 0, 1}
)

// Params say what log it is. They are in the header of each of its files.
type Params struct {
	Log, Topic   digest.Hash
	Author       [32]byte
	Kind         uint8  // of the log: 0 data, 1 roster, 2 boxes
	Number       uint64 // of the log among its author's of that kind
	PageBytes    int
	SegmentPages int // pages a segment; 0 is DefaultSegmentPages
}

func (p *Params) validate() error {
	if p.SegmentPages == 0 {
		p.SegmentPages = DefaultSegmentPages
	}
	if p.SegmentPages < 1 || p.SegmentPages > MaxSegmentPages {
		return fmt.Errorf("%w: %d pages a segment, want 1 to %d", ErrParams, p.SegmentPages, MaxSegmentPages)
	}
	return ValidPageBytes(p.PageBytes)
}

// pageOffset returns where page i of a segment begins in its file.
func (p *Params) pageOffset(i int) int64 {
	return fileHeaderBytes + int64(i)*int64(p.PageBytes)
}

// allocBytes returns how long a .seg file is that holds the first n pages.
func (p *Params) allocBytes(n int) int64 {
	if wholeSegments {
		n = p.SegmentPages
	}
	n = max(n, minAllocPages)
	return p.pageOffset(min(1<<bits.Len(uint(n-1)), p.SegmentPages))
}

// nodesOffset returns where the nodes begin in a .tree file.
func (p *Params) nodesOffset() int64 {
	return fileHeaderBytes + entryBytes*int64(p.SegmentPages)
}

func (p *Params) segHeader(index uint64) []byte {
	b := make([]byte, fileHeaderBytes)
	p.commonHeader(b, segMagic, index)
	copy(b[64:], p.Topic[:])
	copy(b[96:], p.Author[:])
	return sealHeader(b, 128)
}

func (p *Params) treeHeader(index, nodesBefore, first uint64) []byte {
	b := make([]byte, fileHeaderBytes)
	p.commonHeader(b, treeMagic, index)
	binary.LittleEndian.PutUint64(b[64:], nodesBefore)
	binary.LittleEndian.PutUint64(b[72:], first)
	return sealHeader(b, 80)
}

func (p *Params) mmrHeader() []byte {
	b := make([]byte, mmrHeaderBytes)
	copy(b, mmrMagic[:])
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	copy(b[16:], p.Log[:])
	return sealHeader(b, 48)
}

func (p *Params) commonHeader(b []byte, magic [8]byte, index uint64) {
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(p.PageBytes))
	binary.LittleEndian.PutUint32(b[16:], uint32(p.SegmentPages))
	binary.LittleEndian.PutUint64(b[24:], index)
	copy(b[32:], p.Log[:])
}

// sealHeader puts the checksum of the first n bytes after them.
func sealHeader(b []byte, n int) []byte {
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
	return b
}

// headerFlaw says what is wrong with a header, apart from what it holds: ""
// for one that was written whole and not touched since.
func headerFlaw(b []byte, magic [8]byte, n int) string {
	switch {
	case len(b) < fileHeaderBytes:
		return fmt.Sprintf("the file ends in its header, after %d bytes", len(b))
	case [8]byte(b) != magic:
		return fmt.Sprintf("begins with %q, want %q", b[:8], magic[:])
	case crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]):
		return fmt.Sprintf("header checksum %08x, want %08x", crc32.Checksum(b[:n], castagnoli), binary.LittleEndian.Uint32(b[n:]))
	case binary.LittleEndian.Uint32(b[8:]) != formatVersion:
		return fmt.Sprintf("version %d, this program knows %d", binary.LittleEndian.Uint32(b[8:]), formatVersion)
	case !allZero(b[n+4:]):
		return "bytes after the header's checksum"
	}
	return ""
}

// parseSegHeader reads what a .seg header holds.
func parseSegHeader(b []byte) (p Params, index uint64, what string) {
	if what = headerFlaw(b, segMagic, 128); what != "" {
		return p, 0, what
	}
	if p, index, what = parseCommon(b); what != "" {
		return p, index, what
	}
	p.Topic, p.Author = digest.Hash(b[64:96]), [32]byte(b[96:128])
	return p, index, ""
}

// parseTreeHeader reads what a .tree header holds.
func parseTreeHeader(b []byte) (p Params, index, nodesBefore, first uint64, what string) {
	if what = headerFlaw(b, treeMagic, 80); what != "" {
		return p, 0, 0, 0, what
	}
	p, index, what = parseCommon(b)
	return p, index, binary.LittleEndian.Uint64(b[64:]), binary.LittleEndian.Uint64(b[72:]), what
}

func parseCommon(b []byte) (p Params, index uint64, what string) {
	pageBytes, pages := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	if ValidPageBytes(int(pageBytes)) != nil || pages == 0 || pages > MaxSegmentPages {
		return p, 0, fmt.Sprintf("%d pages of %d bytes", pages, pageBytes)
	}
	if reserved := binary.LittleEndian.Uint32(b[20:]); reserved != 0 {
		return p, 0, fmt.Sprintf("reserved bytes %08x in the header", reserved)
	}
	p = Params{Log: digest.Hash(b[32:64]), PageBytes: int(pageBytes), SegmentPages: int(pages)}
	return p, binary.LittleEndian.Uint64(b[24:]), ""
}
