// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
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
		if p, index, what := parseSegHeader(b); what == "" && index == segment {
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
		n := min((info.Size()-fileHeaderBytes)/int64(r.l.p.PageBytes), int64(r.l.p.SegmentPages))
		pages = max(pages, segment*uint64(r.l.p.SegmentPages)+uint64(n))
	}
	return pages, nil
}

// Page reads and checks a page. The error is a *CorruptError, of no page where
// the whole file is missing.
func (r *Raw) Page(page uint64) (PageHeader, []byte, error) {
	segment, i := r.l.place(page)
	path := r.l.segPath(segment)
	f, err := r.l.s.fs.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return PageHeader{}, nil, missing(path, err)
	}
	defer f.Close()
	off := r.l.p.pageOffset(i)
	b, err := readUpTo(f, r.l.p.PageBytes, off)
	if err != nil {
		return PageHeader{}, nil, err
	}
	if len(b) < r.l.p.PageBytes {
		return PageHeader{}, nil, flaw(path, int64(page), off, "the file ends before the page does")
	}
	h, err := ParsePage(b)
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
	return err == nil && g.sound(b)
}

// Write writes whole pages in place, with the headers of their files where
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
	return string(head) == string(g.r.l.p.segHeader(g.index))
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
	if err == nil && !g.sound(head) {
		_, err = f.WriteAt(l.p.segHeader(g.index), 0)
	}
	if err == nil {
		err = f.Preallocate(l.p.allocBytes(i + len(pages)/l.p.PageBytes))
	}
	if err == nil {
		err = writeChunks(f, pages, l.p.pageOffset(i))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, l.s.fs.SyncDir(l.dir))
}
