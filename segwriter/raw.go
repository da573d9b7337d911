// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Raw is the page files of a log for those who mend them, while nobody has
// them open: it maps nothing, and reads and writes any page, whatever is wrong
// with those around it.
type Raw struct {
	l *Log // for names and places only
}

// OpenRaw returns the files of a log below a store's directory. It touches
// nothing. A log that has files keeps the pages per segment that it began with.
func OpenRaw(fsys durable.FS, dir string, p Params) *Raw {
	l := &Log{s: &Store{fs: fsys, dir: dir}, p: p, dir: filepath.Join(dir, "logs", p.Log.String()), mmr: filepath.Join(dir, "mmr", p.Log.String())}
	r := &Raw{l}
	if found, ok := r.header(); ok {
		l.p.SegmentPages = found.SegmentPages
	}
	return r
}

// FindParams returns what the segment files in logs/<log id> say of their log:
// the first header that is sound.
func FindParams(fsys durable.FS, logDir string) (Params, bool) {
	r := &Raw{&Log{s: &Store{fs: fsys}, dir: logDir}}
	return r.header()
}

func (r *Raw) header() (Params, bool) {
	entries, err := r.l.s.fs.ReadDir(r.l.dir)
	if err != nil {
		return Params{}, false
	}
	for _, e := range entries {
		segment, ok := segmentOf(e.Name())
		if !ok || filepath.Ext(e.Name()) != ".seg" {
			continue
		}
		b, err := r.l.readHeader(r.l.segPath(segment))
		if err != nil {
			continue
		}
		if p, h, what := parseSegHeader(b); what == "" && h.index == segment {
			return p, true
		}
	}
	return Params{}, false
}

// Params returns what log it is.
func (r *Raw) Params() Params { return r.l.p }

// SegPath returns the name of the segment file that a page is in.
func (r *Raw) SegPath(page uint64) string {
	segment, _ := r.l.place(page)
	return r.l.segPath(segment)
}

// Derived returns the names of the files that can be made from the pages.
func (r *Raw) Derived() ([]string, error) {
	trees, err := filepath.Glob(filepath.Join(r.l.dir, "*.tree"))
	return append(trees, r.l.mmr), err
}

// Missing returns the segment files below a number of pages that are not there.
func (r *Raw) Missing(pages uint64) (paths []string) {
	n := uint64(r.l.p.SegmentPages)
	for k := range (pages + n - 1) / n {
		if _, err := r.l.s.fs.Stat(r.l.segPath(k)); errors.Is(err, fs.ErrNotExist) {
			paths = append(paths, r.l.segPath(k))
		}
	}
	return paths
}

// Pages returns how many pages the files have room for: the end of the last.
func (r *Raw) Pages() (uint64, error) {
	entries, err := r.l.s.fs.ReadDir(r.l.dir)
	if err != nil {
		return 0, ignoreMissing(err)
	}
	var pages uint64
	for _, e := range entries {
		segment, ok := segmentOf(e.Name())
		info, err := e.Info()
		if !ok || err != nil || filepath.Ext(e.Name()) != ".seg" || info.Size() < fileHeaderBytes {
			continue
		}
		pages = max(pages, segment*uint64(r.l.p.SegmentPages)+uint64(r.room(segment, info.Size())))
	}
	return pages, nil
}

// room returns how many pages a segment file of that length has room for.
func (r *Raw) room(segment uint64, size int64) int {
	pack, packed := r.packing(segment), 0
	base := int64(fileHeaderBytes)
	if pack != nil {
		base, packed = pack.base, pack.packed()
	}
	return min(packed+int(max(size-base, 0)/int64(r.l.p.PageBytes)), r.l.p.SegmentPages)
}

// packing returns where the pages of a segment lie. A table that is not to be
// believed is none: its pages are lost, and are written anew into slots.
func (r *Raw) packing(segment uint64) *packing {
	f, err := r.l.s.fs.Open(r.l.segPath(segment), os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	return r.packingOf(f, segment)
}

func (r *Raw) packingOf(f durable.File, segment uint64) *packing {
	head, err := readUpTo(f, fileHeaderBytes, 0)
	if err != nil {
		return nil
	}
	p, h, what := parseSegHeader(head)
	if what != "" || p != r.l.p || h.index != segment {
		return nil
	}
	pack, _, _ := readPacking(f, &p, h)
	return pack
}

// Page reads and checks a page, or its image. One of an erased group after its
// first has no bytes and a header without a kind. The error is a *CorruptError,
// of no page if the whole file is missing.
func (r *Raw) Page(page uint64) (PageHeader, []byte, error) {
	segment, i := r.l.place(page)
	path := r.l.segPath(segment)
	f, err := r.l.s.fs.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return PageHeader{}, nil, missing(path, err)
	}
	defer f.Close()
	return readPage(f, path, &r.l.p, r.packingOf(f, segment), i, page)
}

// readPage is Raw.Page for page i of an open segment.
func readPage(f io.ReaderAt, path string, p *Params, k *packing, i int, page uint64) (PageHeader, []byte, error) {
	off, end := p.span(k, i)
	b, err := readUpTo(f, int(end-off), off)
	if err != nil || off == end {
		return PageHeader{Index: page}, nil, err
	}
	if len(b) < int(end-off) {
		return PageHeader{}, nil, flaw(path, int64(page), off, "the file ends before the page does")
	}
	h, err := parseStored(b, p.PageBytes)
	if err == nil && h.Index != page {
		err = badPage("it is page %d", h.Index)
	}
	if err != nil {
		return h, nil, flaw(path, int64(page), off, "%s", pageFlaw(err))
	}
	return h, b, nil
}

// HeaderSound reports whether the segment file of a page begins as it should.
func (r *Raw) HeaderSound(page uint64) bool {
	segment, _ := r.l.place(page)
	b, err := r.l.readHeader(r.l.segPath(segment))
	g := &segmentFile{r: r, index: segment}
	return err == nil && g.sound(b) && (!g.rewritten(b) || r.packing(segment) != nil)
}

// Write writes whole pages in place, with the headers of their files if
// those are not sound, and syncs them.
func (r *Raw) Write(page uint64, pages []byte) error {
	for len(pages) > 0 {
		segment, i := r.l.place(page)
		n := min(len(pages)/r.l.p.PageBytes, r.l.p.SegmentPages-i)
		g := &segmentFile{r: r, index: segment}
		if err := g.write(i, pages[:n*r.l.p.PageBytes]); err != nil {
			return err
		}
		pages, page = pages[n*r.l.p.PageBytes:], page+uint64(n)
	}
	return nil
}

// MendHeader writes the header of the segment file that a page is in again.
func (r *Raw) MendHeader(page uint64) error {
	segment, i := r.l.place(page)
	return (&segmentFile{r: r, index: segment}).write(i, nil)
}

type segmentFile struct {
	r     *Raw
	index uint64
}

func (g *segmentFile) sound(head []byte) bool {
	p, h, what := parseSegHeader(head)
	return what == "" && p == g.r.l.p && h.index == g.index
}

func (g *segmentFile) rewritten(head []byte) bool {
	_, h, _ := parseSegHeader(head)
	return h.rewrite > 0
}

func (g *segmentFile) write(i int, pages []byte) (err error) {
	l := g.r.l
	if err := l.s.fs.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	f, err := l.s.fs.Open(l.segPath(g.index), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := readUpTo(f, fileHeaderBytes, 0)
	pack := g.r.packingOf(f, g.index)
	if err == nil && (!g.sound(head) || g.rewritten(head) && pack == nil) {
		_, err = f.WriteAt(l.p.segHeader(g.index, 0, 0), 0)
	}
	if err == nil && i < pack.packed() && len(pages) > 0 {
		return g.repack(f, pack, i, pages)
	}
	if err == nil {
		err = f.Preallocate(l.p.alloc(pack, i+len(pages)/l.p.PageBytes))
	}
	if err == nil {
		start, _ := l.p.span(pack, i)
		err = writeChunks(f, pages, start)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, l.s.fs.SyncDir(l.dir))
}

// repack writes a rewritten segment anew with other pages from place i on; those
// around them stay as they are, sound or not. Pages whose image stood for others
// too are to be given all together.
func (g *segmentFile) repack(f durable.File, pack *packing, i int, pages []byte) error {
	p, n := &g.r.l.p, len(pages)/g.r.l.p.PageBytes
	size, err := f.Size()
	if err != nil {
		return err
	}
	want := layout{packed: max(pack.packed(), i+n), pages: max(g.r.room(g.index, size), i+n)}
	want.page = func(k int) ([]byte, error) {
		if k >= i && k < i+n {
			return pages[(k-i)*p.PageBytes:][:p.PageBytes], nil
		}
		start, end := p.span(pack, k)
		return readUpTo(f, int(end-start), start)
	}
	_, err = replace(g.r.l.s.fs, g.r.l.segPath(g.index), func(f durable.File) error {
		return p.writeSegment(f, g.index, pack.rewrites()+1, want)
	})
	return err
}
