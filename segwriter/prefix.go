// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io"
	"os"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A SegmentReader reads the pages of a segment from what is like its file.
type SegmentReader struct {
	f     io.ReaderAt
	path  string // for errors
	p     Params
	index uint64
	head  segHead
	pack  *packing
}

// NewSegmentReader reads the header of a segment of a log. The error is a
// *CorruptError, or f's.
func NewSegmentReader(f io.ReaderAt, path string, p Params, segment uint64) (*SegmentReader, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	b, err := readUpTo(f, fileHeaderBytes, 0)
	if err != nil {
		return nil, err
	}
	found, head, what := parseSegHeader(b)
	if what == "" && (found != p || head.index != segment) {
		what = "it is of another log or place"
	}
	if what != "" {
		return nil, flaw(path, -1, 0, "%s", what)
	}
	s := &SegmentReader{f: f, path: path, p: p, index: segment, head: head}
	if s.pack, what, err = readPacking(f, &p, head); err == nil && what != "" {
		err = flaw(path, -1, fileHeaderBytes, "%s", what)
	}
	return s, err
}

// Page reads and checks a page of the log, as Raw.Page does.
func (s *SegmentReader) Page(page uint64) (PageHeader, []byte, error) {
	return readPage(s.f, s.path, &s.p, s.pack, int(page-s.index*uint64(s.p.SegmentPages)), page)
}

// A Prefix is an open segment file, as far as the pages go that are wanted of it.
// It stays what it was if the file is rewritten meanwhile.
type Prefix struct {
	*SegmentReader
	File    durable.File
	Bytes   int64  // from the start of the file to the end of the last page
	Rewrite uint32 // how often the file was rewritten: its pages are the same bytes until then
}

// Prefix opens a segment file for its first n pages. Those have to be synced;
// others may be written meanwhile. The error is a *CorruptError, or the file
// system's.
func (r *Raw) Prefix(segment uint64, n int) (p Prefix, err error) {
	path := r.l.segPath(segment)
	if p.File, err = r.l.s.fs.Open(path, os.O_RDONLY, 0); err != nil {
		return p, missing(path, err)
	}
	var size int64
	if p.SegmentReader, err = NewSegmentReader(p.File, path, r.l.p, segment); err == nil {
		size, err = p.File.Size()
	}
	if err == nil {
		p.Rewrite = p.head.rewrite
		_, p.Bytes = p.p.span(p.pack, n-1)
		if size < p.Bytes {
			err = flaw(path, -1, size, "the file ends there, its sealed pages at %d", p.Bytes)
		}
	}
	if err != nil {
		err = errors.Join(err, p.File.Close())
	}
	return p, err
}
