// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A Found is what the page files of a log hold beside its sealed pages, and
// whether those are there. Nothing was changed to learn it.
type Found struct {
	Sealed     uint64      // pages, by the store's commit point
	Unfinished []string    // files that were not whole when their writer was stopped
	Beyond     []FoundPage // past the sealed ones, in order
	Derived    []string    // trees of segments that hold no sealed page

	rewritten []uint64 // segments below, that hold images
}

// Clean reports whether the files hold what is sealed, and nothing that is to be
// decided about.
func (f *Found) Clean() bool {
	return f.Sealed > 0 && len(f.Unfinished)+len(f.Beyond)+len(f.Derived)+len(f.rewritten) == 0
}

// A FoundPage is a place past the sealed pages of a log that is not empty.
type FoundPage struct {
	Index   uint64
	Checks  bool   // it is a page, by its checksum and to each of its records
	Follows bool   // and it continues the one before
	End     uint64 // the sequence after its last event, if it checks
	File    string // that it is in
}

// Look reads what the files of a log hold, of which the first sealed pages with
// the events below first are committed. That one of those files is missing, short
// or another log's, or that the last sealed page does not check, is a
// *CorruptError.
func (l *Log) Look(sealed, first uint64) (*Found, error) {
	f := &Found{Sealed: sealed}
	segs, err := l.names(f)
	if err != nil {
		return f, err
	}
	if err := l.lookBelow(f); err != nil {
		return f, err
	}
	order := pageOrder{index: sealed, room: l.p.PageBytes - PageHeaderBytes, seq: first}
	for _, segment := range segs {
		if (segment+1)*uint64(l.p.SegmentPages) > sealed {
			if err := l.lookBeyond(f, segment, &order); err != nil {
				return f, err
			}
		}
	}
	if sealed == 0 {
		return f, nil
	}
	return f, l.Recheck(sealed - 1)
}

// names returns which segments have a .seg file, in order.
func (l *Log) names(f *Found) (segs []uint64, err error) {
	entries, err := l.s.fs.ReadDir(l.dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	for _, e := range entries {
		name, unfinished := strings.CutSuffix(e.Name(), newSuffix)
		segment, ok := segmentOf(name)
		switch {
		case !ok:
		case unfinished:
			f.Unfinished = append(f.Unfinished, filepath.Join(l.dir, e.Name()))
		case filepath.Ext(name) == ".seg":
			segs = append(segs, segment)
		case segment >= l.segments(f.Sealed):
			f.Derived = append(f.Derived, filepath.Join(l.dir, name))
		}
	}
	slices.Sort(segs)
	return segs, nil
}

// lookBelow looks at the files of the sealed pages.
func (l *Log) lookBelow(f *Found) error {
	n := uint64(l.p.SegmentPages)
	for k := range l.segments(f.Sealed) {
		pages := int(min(f.Sealed-k*n, n))
		pack, err := l.lookSegment(k, pages)
		if err != nil {
			return err
		}
		if pack != nil && pages == int(n) {
			f.rewritten = append(f.rewritten, k)
		}
	}
	return nil
}

// lookSegment checks that a file has its first pages, and returns where they lie.
func (l *Log) lookSegment(index uint64, pages int) (pack *packing, err error) {
	g := &segment{l: l, index: index, path: l.segPath(index)}
	f, err := l.s.fs.Open(g.path, os.O_RDONLY, 0)
	if err != nil {
		return nil, missing(g.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := g.measure(f)
	if err != nil {
		return nil, err
	}
	if _, end := l.p.span(g.pack, pages-1); size < end {
		return nil, flaw(g.path, g.number(pages-1), g.offset(pages-1), "the file ends at %d, its sealed pages at %d", size, end)
	}
	return g.pack, nil
}

// lookBeyond looks at the pages of one file that are past the sealed ones.
func (l *Log) lookBeyond(f *Found, index uint64, order *pageOrder) (err error) {
	g := &segment{l: l, index: index, path: l.segPath(index)}
	file, err := l.s.fs.Open(g.path, os.O_RDONLY, 0)
	if err != nil {
		return missing(g.path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	from := uint64(g.number(0))
	size, err := g.measure(file)
	var bad *CorruptError
	if errors.As(err, &bad) { // and nothing is sealed in it: its header was torn, or it is another log's
		f.Beyond = append(f.Beyond, FoundPage{Index: max(from, f.Sealed), Checks: !l.torn(file), File: g.path})
		return nil
	}
	if err != nil {
		return err
	}
	buf := make([]byte, maxImageBytes(l.p.PageBytes))
	for i := int(max(from, f.Sealed) - from); i < l.p.SegmentPages; i++ {
		start, end := l.p.span(g.pack, i)
		if end > size {
			break
		}
		b, err := readInto(file, buf[:end-start], start)
		if err != nil {
			return err
		}
		f.take(FoundPage{Index: from + uint64(i), File: g.path}, b, l.p.PageBytes, order)
	}
	return nil
}

// take adds what a place holds, if it is not empty.
func (f *Found) take(p FoundPage, b []byte, pageBytes int, order *pageOrder) {
	if len(b) > 0 && allZero(b) {
		return
	}
	if len(b) == 0 { // an image before stands for it
		p.Checks, p.Follows = true, p.Index == order.index && order.freed() == nil
		f.Beyond = append(f.Beyond, p)
		return
	}
	h, err := parseStored(b, pageBytes)
	if p.Checks = err == nil && h.Index == p.Index; p.Checks {
		p.End = h.End()
		p.Follows = p.Index == order.index && order.next(h, b) == nil
	}
	f.Beyond = append(f.Beyond, p)
}

// torn reports whether a file whose header is none holds no page either.
func (l *Log) torn(f durable.File) bool {
	b := make([]byte, l.p.PageBytes)
	for i := range l.p.SegmentPages {
		b, err := readInto(f, b[:l.p.PageBytes], l.p.pageOffset(i))
		if err != nil || len(b) < l.p.PageBytes {
			return err == nil
		}
		if _, err := parseStored(b, l.p.PageBytes); err == nil {
			return false
		}
	}
	return true
}

// PageAt returns the bytes of a page that Look found and that checks; none of one
// that an image before stands for.
func (l *Log) PageAt(index uint64) ([]byte, error) {
	_, b, err := (&Raw{l}).Page(index)
	return b, err
}
