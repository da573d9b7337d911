// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A .seg file is a header, packed pages if it was rewritten, and slots. Its
// length grows with the pages, by a sixteenth of the next power of two or by one,
// so that a small log takes little room; what no page was written to is zero.
//
//	offset  bytes  field (little-endian)
//	     0      8  "XFSEG" 0 0 2
//	     8      4  version, 2
//	    12      4  page bytes P
//	    16      4  pages per segment N
//	    20      4  rewrite: how often the file was rewritten because pages were erased
//	    24      8  segment index
//	    32     32  log id
//	    64     32  topic id
//	    96     32  author key
//	   128      8  number of the log
//	   136      1  kind of the log: 0 data, 1 roster, 2 boxes
//	   137      3  0
//	   140      4  packed pages M, at most N; 0 exactly if rewrite is 0
//	   144      4  CRC-32C of the bytes before; zeros to 4096
//
// Without packed pages, page i of the segment is at 4096 + i·P. With them the
// first M pages lie back to back behind a table, and page i >= M is at
// base + (i-M)·P, where base is the end of the packed pages, rounded up to 4096:
//
//	4096  4·M  length of each packed page: P for a page, 32 to 4·P-1 for an image,
//	           0 for a page of an erased group after its first
//	   …    4  CRC-32C of the table
//	   …       the packed pages; zeros to base
//
// A .tree file is a header, a table of N entries, and nodes of 32 bytes. Those of
// the first pages lie behind the header, as many as there is room for:
//
//	   0      8  "XFTREE" 0 3
//	   8      4  version, 3
//	  12      4  page bytes P
//	  16      4  pages per segment N
//	  20      4  rewrite of the segment that the nodes are of
//	  24      8  segment index
//	  32     32  log id
//	  64      8  tier-1 nodes of all segments before
//	  72      8  first sequence of the segment
//	  80      8  number of the log
//	  88      1  kind of the log
//	  89      3  0
//	  92      4  CRC-32C of the bytes before
//	  96    384  the entries of the first 16 pages
//	 480   3616  the nodes of all pages up to the first whose nodes have places
//	             beyond 112
//	4096   24·N  one entry a page; the places of the first 16 are not used:
//	               0  8  sequence after the last event of the page before
//	               8  4  events
//	              12  4  its first node's place among the nodes of the segment
//	              16  4  CRC-32C of the 16 bytes before and of the page's nodes
//	              20  4  flags: 1 present, 2 no event begins in the page
//	   …   32·n  the nodes of page after page, as merkleindex.Builder.Nodes; one
//	             that lies in an erased range is 32 zero bytes. The places of
//	             those behind the header are not used
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
	formatVersion   = 2 // of .seg files
	treeVersion     = 3
	mmrVersion      = 1
	segHeaderEnd    = 144 // where the checksum of a .seg header is
	treeHeaderEnd   = 92

	// DefaultSegmentPages is how many pages a segment has unless told.
	DefaultSegmentPages = 1024
	// MaxSegmentPages bounds the pages of a segment.
	MaxSegmentPages = 65536

	// MaxKind is the last kind of log there is.
	MaxKind = 2
)

var (
	segMagic  = [8]byte{'X', 'F', 'S', 'E', 'G', 0, 0, 2}
	treeMagic = [8]byte{'X', 'F', 'T', 'R', 'E', 'E', 0, 3}
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

// ParamsOf says how the log of that name lies in files.
func ParamsOf(n identity.LogName, segmentPages int) Params {
	return Params{
		Log: n.ID(), Topic: n.Topic, Author: n.Author, Kind: uint8(n.Kind), Number: n.Number,
		PageBytes: int(n.PageBytes), SegmentPages: segmentPages,
	}
}

// Name returns the name of the log. A header is sound if Log is the id of it.
func (p *Params) Name() identity.LogName {
	return identity.LogName{Topic: p.Topic, Author: p.Author, PageBytes: uint32(p.PageBytes), Kind: identity.LogKind(p.Kind), Number: p.Number}
}

func (p *Params) validate() error {
	if p.SegmentPages == 0 {
		p.SegmentPages = DefaultSegmentPages
	}
	if p.Kind > MaxKind {
		return fmt.Errorf("%w: a log of kind %d, the last one known is %d", ErrParams, p.Kind, MaxKind)
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
	return p.pageOffset(p.allocPages(n))
}

// allocPages returns for how many pages there is room in a file that holds n: at
// most a sixteenth more, rounded up to a whole page.
func (p *Params) allocPages(n int) int {
	n = max(n, 1)
	step := max(1<<bits.Len(uint(n-1))/16, 1)
	return min((n+step-1)/step*step, p.SegmentPages)
}

// segHeader is the header of a segment that was rewritten so often, the last
// time with so many packed pages.
func (p *Params) segHeader(index uint64, rewrite, packed uint32) []byte {
	b := make([]byte, fileHeaderBytes)
	p.commonHeader(b, segMagic, formatVersion, index, rewrite)
	copy(b[64:], p.Topic[:])
	copy(b[96:], p.Author[:])
	binary.LittleEndian.PutUint64(b[128:], p.Number)
	b[136] = p.Kind
	binary.LittleEndian.PutUint32(b[140:], packed)
	return sealHeader(b, segHeaderEnd)
}

func (p *Params) treeHeader(index uint64, h treeHead) []byte {
	b := make([]byte, treeHeaderBytes)
	p.commonHeader(b, treeMagic, treeVersion, index, h.rewrite)
	binary.LittleEndian.PutUint64(b[64:], h.before)
	binary.LittleEndian.PutUint64(b[72:], h.first)
	binary.LittleEndian.PutUint64(b[80:], p.Number)
	b[88] = p.Kind
	return sealHeader(b, treeHeaderEnd)
}

// A segHead is what a .seg header says beside the log it is of.
type segHead struct {
	index           uint64
	rewrite, packed uint32
}

// A treeHead is what a .tree header says beside the log and segment it is of.
type treeHead struct {
	before, first uint64 // tier-1 nodes, and sequence
	rewrite       uint32
}

func (p *Params) mmrHeader() []byte {
	b := make([]byte, mmrHeaderBytes)
	copy(b, mmrMagic[:])
	binary.LittleEndian.PutUint32(b[8:], mmrVersion)
	copy(b[16:], p.Log[:])
	return sealHeader(b, 48)
}

func (p *Params) commonHeader(b []byte, magic [8]byte, version uint32, index uint64, rewrite uint32) {
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint32(b[12:], uint32(p.PageBytes))
	binary.LittleEndian.PutUint32(b[16:], uint32(p.SegmentPages))
	binary.LittleEndian.PutUint32(b[20:], rewrite)
	binary.LittleEndian.PutUint64(b[24:], index)
	copy(b[32:], p.Log[:])
}

// sealHeader puts the checksum of the first n bytes after them.
func sealHeader(b []byte, n int) []byte {
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
	return b
}

// segHeaderEnd1 is where version 1 had the checksum of a .seg header.
const segHeaderEnd1 = 128

// otherFormat returns a *FormatError for the header of a .seg file of version 1
// that is whole. Any other bytes are no version but damage: that the whole store
// is of a newer one, its FORMAT says.
func otherFormat(path string, b []byte) error {
	if len(b) < fileHeaderBytes || [8]byte(b) != [8]byte{'X', 'F', 'S', 'E', 'G', 0, 0, 1} {
		return nil
	}
	if crc32.Checksum(b[:segHeaderEnd1], castagnoli) != binary.LittleEndian.Uint32(b[segHeaderEnd1:]) {
		return nil
	}
	return &FormatError{File: path, Version: 1}
}

// headerFlaw says what is wrong with a header of size bytes, with its checksum
// behind the first n, apart from what it holds: "" for one that was written whole
// and not touched since.
func headerFlaw(b []byte, magic [8]byte, version uint32, n, size int) string {
	switch {
	case len(b) < size:
		return fmt.Sprintf("the file ends in its header, after %d bytes", len(b))
	case [8]byte(b) != magic:
		return fmt.Sprintf("begins with %q, want %q", b[:8], magic[:])
	case crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]):
		return fmt.Sprintf("header checksum %08x, want %08x", crc32.Checksum(b[:n], castagnoli), binary.LittleEndian.Uint32(b[n:]))
	case binary.LittleEndian.Uint32(b[8:]) != version:
		return fmt.Sprintf("version %d, this program knows %d", binary.LittleEndian.Uint32(b[8:]), version)
	case !allZero(b[n+4 : size]):
		return "bytes after the header's checksum"
	}
	return ""
}

// parseSegHeader reads what a .seg header holds.
func parseSegHeader(b []byte) (p Params, h segHead, what string) {
	if what = headerFlaw(b, segMagic, formatVersion, segHeaderEnd, fileHeaderBytes); what != "" {
		return p, h, what
	}
	if p, what = parseCommon(b, b[128:140]); what != "" {
		return p, h, what
	}
	p.Topic, p.Author = digest.Hash(b[64:96]), [32]byte(b[96:128])
	h.index, h.rewrite, h.packed = binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint32(b[20:]), binary.LittleEndian.Uint32(b[140:])
	if h.packed > uint32(p.SegmentPages) || (h.packed == 0) != (h.rewrite == 0) {
		return p, h, fmt.Sprintf("%d of %d pages packed in rewrite %d", h.packed, p.SegmentPages, h.rewrite)
	}
	return p, h, ""
}

// parseTreeHeader reads what a .tree header holds.
func parseTreeHeader(b []byte) (p Params, index uint64, h treeHead, what string) {
	if what = headerFlaw(b, treeMagic, treeVersion, treeHeaderEnd, treeHeaderBytes); what != "" {
		return p, 0, h, what
	}
	p, what = parseCommon(b, b[80:92])
	h = treeHead{
		before: binary.LittleEndian.Uint64(b[64:]), first: binary.LittleEndian.Uint64(b[72:]),
		rewrite: binary.LittleEndian.Uint32(b[20:]),
	}
	return p, binary.LittleEndian.Uint64(b[24:]), h, what
}

// parseCommon reads what both headers hold; log is the 12 bytes of number and kind.
func parseCommon(b, log []byte) (p Params, what string) {
	pageBytes, pages := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	if ValidPageBytes(int(pageBytes)) != nil || pages == 0 || pages > MaxSegmentPages {
		return p, fmt.Sprintf("%d pages of %d bytes", pages, pageBytes)
	}
	if log[8] > MaxKind || !allZero(log[9:12]) {
		return p, fmt.Sprintf("a log of kind %d, reserved bytes %x", log[8], log[9:12])
	}
	return Params{
		Log: digest.Hash(b[32:64]), PageBytes: int(pageBytes), SegmentPages: int(pages),
		Number: binary.LittleEndian.Uint64(log), Kind: log[8],
	}, ""
}
