// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// An image stands for a page, or for the pages of a group, of which something
// is erased. Its leaves are those of the page. It is as long as it needs to be,
// and lies among the packed pages of a segment:
//
//	offset  bytes  field (little-endian)
//	     0      4  CRC-32C of the bytes from 4 to the end of the image
//	     4      1  version, 1
//	     5      1  kind: 4
//	     6      2  events of the page
//	     8      8  sequence of the first of them
//	    16      4  bytes of the items
//	    20      4  1; pages of the group for a large event
//	    24      8  index of the (first) page in its log
//	    32      …  items
//
// An item:
//
//	0  1  kind: 1 records, 2 a range that is wholly erased
//	1  1  0
//	2  2  events, at least 1
//	4  …  kind 1: the records back to back, those that are erased with flag 1;
//	      kind 2: 32 bytes for each hash of the range's compact range
//
// Items follow one another without a gap, and neighbours differ in kind. At
// least one event is erased. The records as they were appended, 12 bytes at
// least if they are not known, fit the page; the one of a group takes as many
// pages as the header says, if it is known.
const (
	KindErased = 4 // an image

	itemHeaderBytes = 4
	itemRecords     = 1
	itemRange       = 2
)

// maxImageBytes is the length that every image of a page is below: a record of
// 12 bytes takes 44 once it is erased.
func maxImageBytes(pageBytes int) int { return 4 * pageBytes }

// An Item is consecutive events of a page: records, or a range that is wholly
// erased, of which there are only hashes.
type Item struct {
	First   uint64
	Count   int
	Records []byte        // back to back; nil for a range
	Hashes  []digest.Hash // of the range's compact range
}

// End returns the sequence after the last event.
func (it Item) End() uint64 { return it.First + uint64(it.Count) }

// Gone reports whether the events are wholly erased.
func (it Item) Gone() bool { return it.Records == nil }

// Range returns the compact range of an item that is Gone.
func (it Item) Range() merkleindex.CompactRange {
	return merkleindex.CompactRange{Begin: it.First, End: it.End(), Hashes: it.Hashes}
}

// ParseImage checks an image of a page of that size, to its last byte, and
// returns its header. The error is a *PageError. Whether its hashes are the
// right ones only a root can tell.
func ParseImage(b []byte, pageBytes int) (PageHeader, error) {
	if len(b) < PageHeaderBytes+itemHeaderBytes || len(b) >= maxImageBytes(pageBytes) {
		return PageHeader{}, badPage("%d bytes, no image has as many", len(b))
	}
	if got, want := crc32.Checksum(b[4:], castagnoli), binary.LittleEndian.Uint32(b); got != want {
		return PageHeader{}, badPage("checksum %08x, want %08x", got, want)
	}
	if b[4] != pageVersion || b[5] != KindErased {
		return PageHeader{}, badPage("version %d and kind %d, want %d and %d", b[4], b[5], pageVersion, KindErased)
	}
	h := decodeHeader(b)
	if h.Used != len(b)-PageHeaderBytes || h.Count == 0 || h.First > merkleindex.MaxSize-uint64(h.Count) {
		return h, badPage("%d bytes used of %d, with %d events from %d", h.Used, len(b)-PageHeaderBytes, h.Count, h.First)
	}
	c := imageCheck{h: h, room: pageBytes - PageHeaderBytes}
	if err := h.EachItem(b, c.item); err != nil {
		return h, err
	}
	return h, c.finish()
}

// EachItem calls fn with the items of an image, or with the one that the records
// of a page are, borrowed from b. The pages of a group, which are to be joined
// first, have none. The error is a *PageError or fn's.
func (h PageHeader) EachItem(b []byte, fn func(Item) error) error {
	if h.Kind == KindRecords {
		return fn(Item{First: h.First, Count: h.Count, Records: h.Records(b)})
	}
	if h.Kind != KindErased {
		return nil
	}
	rest, next := h.Records(b), h.First
	for kind := byte(0); len(rest) > 0; {
		it, n, err := cutItem(rest, next, h.End())
		if err == nil && rest[0] == kind {
			err = badPage("two items of kind %d follow one another at event %d", kind, next)
		}
		if err != nil {
			return err
		}
		if err := fn(it); err != nil {
			return err
		}
		kind, rest, next = rest[0], rest[n:], it.End()
	}
	if next != h.End() {
		return badPage("items to event %d, want them to %d", next, h.End())
	}
	return nil
}

// cutItem reads the item that b begins with and returns its length.
func cutItem(b []byte, first, end uint64) (it Item, n int, err error) {
	if len(b) < itemHeaderBytes || b[1] != 0 {
		return it, 0, badPage("no item at event %d", first)
	}
	it = Item{First: first, Count: int(binary.LittleEndian.Uint16(b[2:]))}
	if it.Count == 0 || it.End() > end {
		return it, 0, badPage("an item of %d events from %d, the page ends at %d", it.Count, first, end)
	}
	rest := b[itemHeaderBytes:]
	switch b[0] {
	case itemRecords:
		if n, err = recordsLen(rest, it.Count); err != nil {
			return it, 0, badPage("item of %d events from %d: %v", it.Count, first, err)
		}
		it.Records = rest[:n:n]
	case itemRange:
		n = merkleindex.RangeLen(first, it.End()) * digest.Size
		if n > len(rest) {
			return it, 0, badPage("a range of %d events from %d ends early", it.Count, first)
		}
		for at := 0; at < n; at += digest.Size {
			it.Hashes = append(it.Hashes, digest.Hash(rest[at:]))
		}
	default:
		return it, 0, badPage("an item of kind %d", b[0])
	}
	return it, itemHeaderBytes + n, nil
}

// recordsLen returns the length of count records that b begins with.
func recordsLen(b []byte, count int) (int, error) {
	rest, err := event.SkipRecords(b, uint64(count))
	return len(b) - len(rest), err
}

// An imageCheck holds the items of an image against its page.
type imageCheck struct {
	h      PageHeader
	room   int
	was    int // bytes of the records as they were appended, at least
	erased int // events
	known  bool
}

func (c *imageCheck) item(it Item) error {
	if it.Gone() {
		c.was, c.erased = c.was+event.HeaderBytes*it.Count, c.erased+it.Count
		return nil
	}
	c.known = true
	for rest := it.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return badPage("%v", err)
		}
		c.was += n
		if rec.Erased() {
			c.was, c.erased = c.was+rec.PayloadLen()-digest.Size, c.erased+1
		}
		rest = rest[n:]
	}
	return nil
}

func (c *imageCheck) finish() error {
	span := uint64(c.h.Span)
	switch {
	case c.erased == 0:
		return badPage("nothing of it is erased")
	case span == 1 && c.was <= c.room:
		return nil
	case span > 1 && c.h.Count == 1 && c.known && groupPages(c.was, c.room) == c.h.Span:
		return nil
	case span > 1 && c.h.Count == 1 && !c.known && span <= uint64(groupPages(event.MaxRecord, c.room)):
		return nil
	}
	return badPage("%d events that took %d bytes in %d pages", c.h.Count, c.was, c.h.Span)
}

// AppendImage appends the image of the page h, of which Index, First and Span
// are looked at, to dst. Neighbours among the items that are of one kind become
// one. The error is ErrParams, and dst is then as it was.
func AppendImage(dst []byte, h PageHeader, pageBytes int, items []Item) ([]byte, error) {
	var b itemJoiner
	for _, it := range items {
		if err := b.add(it); err != nil {
			return dst, fmt.Errorf("%w: %w", ErrParams, err)
		}
	}
	at := len(dst)
	dst = append(dst, make([]byte, PageHeaderBytes)...)
	for _, it := range b.items {
		dst = appendItem(dst, it)
	}
	image := dst[at:]
	h.Kind, h.Used, h.Count = KindErased, len(image)-PageHeaderBytes, b.count
	if b.count > 1<<16-1 {
		return dst[:at], fmt.Errorf("%w: an image of %d events", ErrParams, b.count)
	}
	h.seal(image)
	if _, err := ParseImage(image, pageBytes); err != nil {
		return dst[:at], fmt.Errorf("%w: %w", ErrParams, err)
	}
	return dst, nil
}

func appendItem(dst []byte, it Item) []byte {
	kind := byte(itemRecords)
	if it.Gone() {
		kind = itemRange
	}
	dst = append(dst, kind, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(it.Count))
	dst = append(dst, it.Records...)
	for i := range it.Hashes {
		dst = append(dst, it.Hashes[i][:]...)
	}
	return dst
}

// An itemJoiner makes one item of neighbours of one kind.
type itemJoiner struct {
	items []Item
	count int // events
}

func (b *itemJoiner) add(it Item) error {
	b.count += it.Count
	last := len(b.items) - 1
	if last < 0 || b.items[last].Gone() != it.Gone() {
		it.Hashes = append([]digest.Hash(nil), it.Hashes...)
		if !it.Gone() {
			it.Records = append([]byte{}, it.Records...)
		}
		b.items = append(b.items, it)
		return nil
	}
	l := &b.items[last]
	if !it.Gone() {
		l.Records, l.Count = append(l.Records, it.Records...), l.Count+it.Count
		return nil
	}
	r := l.Range()
	err := r.Merge(it.Range(), nil)
	l.Hashes, l.Count = r.Hashes, int(r.End-r.Begin)
	return err
}
