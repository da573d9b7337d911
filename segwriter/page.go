// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/sabotage"
)

// A page is a header, records back to back, and zeros:
//
//	offset  bytes  field (little-endian)
//	     0      4  CRC-32C of the bytes from 4 to the end of the page
//	     4      1  version, 1
//	     5      1  kind: 1 records, 2 first page of a large event, 3 continuation;
//	               4 is an image, which is as long as it needs to be
//	     6      2  records that begin here
//	     8      8  sequence of the first of them; of the large event for kind 3
//	    16      4  bytes used after the header
//	    20      4  kind 1: 1; kind 2: pages in the group; kind 3: place in the group
//	    24      8  index of the page in its log
//	    32      …  records, or a piece of one
//
// A record longer than a page's room takes a group of pages of its own, all of
// them full but the last.
const (
	PageHeaderBytes  = 32
	DefaultPageBytes = 16384
	MinPageBytes     = 4096
	MaxPageBytes     = 65536

	pageVersion = 1
)

// Kinds of pages.
const (
	KindRecords      = 1 // whole records
	KindGroup        = 2 // first page of a large event
	KindContinuation = 3 // another page of a large event
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ValidPageBytes returns ErrParams unless n is a page size a log can have.
func ValidPageBytes(n int) error {
	if n < MinPageBytes || n > MaxPageBytes || n&(n-1) != 0 {
		return fmt.Errorf("%w: pages of %d bytes, want a power of two from %d to %d", ErrParams, n, MinPageBytes, MaxPageBytes)
	}
	return nil
}

// A PageHeader is what a page says of itself.
type PageHeader struct {
	Kind  uint8
	Count int    // records that begin in the page
	First uint64 // sequence of the first of them, or of the large event
	Used  int    // bytes after the header
	Span  int    // pages in the group, 1 for none; place in it for KindContinuation
	Index uint64 // of the page in its log
}

// End returns the sequence after the last event of the page.
func (h PageHeader) End() uint64 {
	if h.Kind == KindContinuation {
		return h.First + 1
	}
	return h.First + uint64(h.Count)
}

// Records returns the records of a page of KindRecords, borrowed from it.
func (h PageHeader) Records(page []byte) []byte {
	return page[PageHeaderBytes : PageHeaderBytes+h.Used]
}

// ParsePage checks a page, to its last byte and each of its records' lengths,
// and returns its header. The error is a *PageError.
func ParsePage(b []byte) (PageHeader, error) {
	if ValidPageBytes(len(b)) != nil {
		return PageHeader{}, badPage("%d bytes, no page has as many", len(b))
	}
	if got, want := crc32.Checksum(b[4:], castagnoli), binary.LittleEndian.Uint32(b); got != want && !sabotage.NoChecksum {
		return PageHeader{}, badPage("checksum %08x, want %08x", got, want)
	}
	if b[4] != pageVersion {
		return PageHeader{}, badPage("version %d, want %d", b[4], pageVersion)
	}
	h := decodeHeader(b)
	room := len(b) - PageHeaderBytes
	if h.Used > room {
		return PageHeader{}, badPage("%d bytes used of %d", h.Used, room)
	}
	if !allZero(b[PageHeaderBytes+h.Used:]) {
		return PageHeader{}, badPage("bytes after its last record")
	}
	return h, h.check(b[PageHeaderBytes:PageHeaderBytes+h.Used], room)
}

// check holds the header against the bytes the page uses.
func (h PageHeader) check(used []byte, room int) error {
	switch h.Kind {
	case KindRecords:
		if h.Span != 1 || h.Count == 0 {
			return badPage("%d records in a span of %d pages", h.Count, h.Span)
		}
		return checkRecords(used, h.Count)
	case KindGroup:
		n, err := event.RecordLen(used)
		if err != nil || used[3]>>1&event.FlagErased != 0 || n <= room || groupPages(n, room) != h.Span || h.Count != 1 || h.Used != room {
			return badPage("%d records of %d bytes begin in a group of %d pages", h.Count, n, h.Span)
		}
		return nil
	case KindContinuation:
		if h.Count != 0 || h.Span < 1 || h.Span >= groupPages(event.MaxRecord, room) || h.Used == 0 {
			return badPage("%d records begin in place %d of a group, %d bytes used", h.Count, h.Span, h.Used)
		}
		return nil
	}
	return badPage("kind %d", h.Kind)
}

// checkRecords walks count records that must end where b ends.
func checkRecords(b []byte, count int) error {
	rest := b
	for i := range count {
		n, err := event.RecordLen(rest)
		if err != nil || n > len(rest) {
			return badPage("record %d of %d reaches past the %d bytes used, or is none", i, count, len(b))
		}
		if rest[3]>>1&event.FlagErased != 0 {
			return badPage("record %d of %d is erased, and this is no image", i, count)
		}
		rest = rest[n:]
	}
	if len(rest) != 0 {
		return badPage("%d bytes used after %d records", len(rest), count)
	}
	return nil
}

func decodeHeader(b []byte) PageHeader {
	return PageHeader{
		Kind:  b[5],
		Count: int(binary.LittleEndian.Uint16(b[6:])),
		First: binary.LittleEndian.Uint64(b[8:]),
		Used:  int(binary.LittleEndian.Uint32(b[16:])),
		Span:  int(binary.LittleEndian.Uint32(b[20:])),
		Index: binary.LittleEndian.Uint64(b[24:]),
	}
}

// seal writes the header and the zeros around the bytes used.
func (h PageHeader) seal(page []byte) {
	clear(page[PageHeaderBytes+h.Used:])
	page[4], page[5] = pageVersion, h.Kind
	binary.LittleEndian.PutUint16(page[6:], uint16(h.Count))
	binary.LittleEndian.PutUint64(page[8:], h.First)
	binary.LittleEndian.PutUint32(page[16:], uint32(h.Used))
	binary.LittleEndian.PutUint32(page[20:], uint32(h.Span))
	binary.LittleEndian.PutUint64(page[24:], h.Index)
	binary.LittleEndian.PutUint32(page, crc32.Checksum(page[4:], castagnoli))
}

func allZero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
