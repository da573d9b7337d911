// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
)

// A Seal is what was sealed at once: a page, or the group of pages of one
// large event, for which Pages > 1 and Count is 1.
type Seal struct {
	Page  uint64 // index of the (first) page
	Pages int
	First uint64 // sequence of the first event
	Count int    // events
}

// Emit is handed each page that becomes full, the pages of a group one after
// another with the same span. The page is borrowed until it returns.
type Emit func(index uint64, page []byte, span Seal) error

// A Builder fills the open page of one log. However records are batched, the
// pages are the same. After an error it stands somewhere in the batch and
// should be made anew. It is for one goroutine.
type Builder struct {
	pack  *Packer
	page  []byte // the open page as far as it was needed; its header is written when it is sealed
	bytes int    // of a whole one
	used  int    // bytes of records copied into it
	index uint64 // of the open page
	first uint64 // sequence of its first record
	count int    // its records
	err   error  // of the page size
}

// NewBuilder returns a builder whose open page has that index and begins with
// that sequence. A page size that cannot be is reported by Add.
func NewBuilder(pageBytes int, pageIndex, firstSeq uint64) *Builder {
	b := &Builder{pack: NewPacker(pageBytes), bytes: pageBytes, index: pageIndex, first: firstSeq, err: ValidPageBytes(pageBytes)}
	if b.err == nil {
		b.grow(PageHeaderBytes)
	}
	return b
}

// firstBytes is how much of a page is allocated first: most logs never fill one.
const firstBytes = 512

// grow makes room for the first n bytes of the open page.
func (b *Builder) grow(n int) {
	if n <= len(b.page) {
		return
	}
	page := make([]byte, min(b.bytes, max(firstBytes, 2*n)))
	copy(page, b.page)
	b.page = page
}

// Add packs one record.
func (b *Builder) Add(record []byte, emit Emit) error { return b.AddRun(record, 1, emit) }

// AddRun packs count records that lie back to back. Those of one page are
// copied at once. The error for one that is erased is ErrErased: pages have none
// of those, and images are made of pages (Log.Erase).
func (b *Builder) AddRun(records []byte, count int, emit Emit) error {
	if b.err != nil {
		return b.err
	}
	start, at := 0, 0 // records[start:at] belong to the open page and are not copied yet
	for range count {
		n, err := event.RecordLen(records[at:])
		if err == nil && n > len(records)-at {
			err = fmt.Errorf("%w: %d bytes left of %d", event.ErrRecord, len(records)-at, n)
		}
		if err == nil && records[at+3]>>1&event.FlagErased != 0 {
			err = fmt.Errorf("%w: it is packed by what it was, into an image", ErrErased)
		}
		if err != nil {
			return fmt.Errorf("event %d: %w", b.Next(), err)
		}
		seal, group := b.pack.Add(n)
		if seal {
			b.copy(records[start:at])
			start = at
			if err := b.seal(emit); err != nil {
				return err
			}
		}
		at += n
		if group == 0 {
			b.count++
			continue
		}
		if err := b.sealGroup(records[start:at], group, emit); err != nil {
			return err
		}
		start = at
	}
	b.copy(records[start:at])
	if at != len(records) {
		return fmt.Errorf("%w: %d bytes after %d records", event.ErrRecord, len(records)-at, count)
	}
	return nil
}

func (b *Builder) copy(records []byte) {
	b.grow(PageHeaderBytes + b.used + len(records))
	b.used += copy(b.page[PageHeaderBytes+b.used:], records)
}

// seal hands over the open page and begins the next.
func (b *Builder) seal(emit Emit) error {
	h := PageHeader{Kind: KindRecords, Count: b.count, First: b.first, Used: b.used, Span: 1, Index: b.index}
	b.grow(b.bytes)
	h.seal(b.page)
	span := Seal{Page: b.index, Pages: 1, First: b.first, Count: b.count}
	b.index, b.first = b.index+1, b.Next()
	b.used, b.count = 0, 0
	return emit(h.Index, b.page, span)
}

// sealGroup hands over the pages of one large record. The open page is empty.
func (b *Builder) sealGroup(record []byte, pages int, emit Emit) error {
	span := Seal{Page: b.index, Pages: pages, First: b.first, Count: 1}
	b.grow(b.bytes)
	h := PageHeader{Kind: KindGroup, Count: 1, First: b.first, Span: pages}
	b.index, b.first = b.index+uint64(pages), b.first+1
	for i := range pages {
		if i > 0 {
			h.Kind, h.Count, h.Span = KindContinuation, 0, i
		}
		h.Used = copy(b.page[PageHeaderBytes:], record)
		h.Index = span.Page + uint64(i)
		h.seal(b.page)
		record = record[h.Used:]
		if err := emit(h.Index, b.page, span); err != nil {
			return err
		}
	}
	return nil
}

// PageIndex returns the index of the open page.
func (b *Builder) PageIndex() uint64 { return b.index }

// First returns the sequence that the open page begins with.
func (b *Builder) First() uint64 { return b.first }

// Next returns the sequence that the next record gets.
func (b *Builder) Next() uint64 { return b.first + uint64(b.count) }

// OpenRecords returns the records of the open page, borrowed until the next
// record is added.
func (b *Builder) OpenRecords() []byte {
	if b.err != nil {
		return nil
	}
	return b.page[PageHeaderBytes : PageHeaderBytes+b.used]
}
