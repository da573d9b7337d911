// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A segment is an open .seg file: a descriptor once it is written to, a map
// once it is read.
type segment struct {
	l     *Log
	index uint64
	path  string

	mu    sync.Mutex // guards the opening of file and map, and growth
	file  durable.File
	known bool     // where the pages lie is known; guarded by mu
	pack  *packing // nil for slots only; set before data and never changed

	data    atomic.Pointer[mmap.MMap] // longer than the file may be: look below size only
	mapped  fs.FileInfo               // of the file that data is of; set before data and never changed
	size    atomic.Int64              // of the file; it only grows while it is open
	checked []atomic.Uint64           // bit i: page i was checked since it was mapped or written
}

func (l *Log) openSegment(key itemKey) (resource, error) {
	words := (l.p.SegmentPages + 63) / 64
	return &segment{l: l, index: key.segment, path: l.segPath(key.segment), checked: make([]atomic.Uint64, words)}, nil
}

func (l *Log) segment(index uint64) (*item, *segment, error) {
	it, err := l.s.cache.acquire(itemKey{l, segFile, index}, l.openSegment)
	if err != nil {
		return nil, nil, err
	}
	return it, it.res.(*segment), nil
}

func (g *segment) sync() error {
	g.mu.Lock()
	f := g.file
	g.mu.Unlock()
	return f.Sync()
}

func (g *segment) where() (string, durable.File) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.path, g.file
}

func (g *segment) close() error {
	var errs []error
	if m := g.data.Swap(nil); m != nil {
		errs = append(errs, m.Unmap())
	}
	if g.file != nil {
		errs = append(errs, g.file.Close())
	}
	return errors.Join(errs...)
}

// write writes pages from place i on.
func (g *segment) write(i int, pages []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.openFile(i); err != nil {
		return err
	}
	n := len(pages) / g.l.p.PageBytes
	if i < g.pack.packed() {
		return errPacked
	}
	if want := g.l.p.alloc(g.pack, i+n); want > g.size.Load() {
		if err := g.file.Preallocate(want); err != nil {
			return err
		}
		g.size.Store(want)
	}
	for k := i; k < i+n; k++ {
		g.checked[k/64].And(^(uint64(1) << (k % 64)))
	}
	start, _ := g.l.p.span(g.pack, i)
	return writeChunks(g.file, pages, start)
}

// errPacked says that a page is packed, and cannot be written in place.
var errPacked = errors.New("the page is packed")

// writeChunk is how much is written with one call. A longer write makes the
// kernel look for larger runs of free memory for its page cache, which on a
// virtual machine are often ones that its host took back: there 256 KiB a call
// cost two to five times the CPU of 16 to 32 KiB, and on others a tenth less.
const writeChunk = 32 << 10

func writeChunks(f durable.File, b []byte, off int64) error {
	for len(b) > 0 {
		n := min(len(b), writeChunk)
		if _, err := f.WriteAt(b[:n], off); err != nil {
			return err
		}
		b, off = b[n:], off+int64(n)
	}
	return nil
}

// openFile opens the file for writing and creates it for its first page. A
// header that was not written whole is written again together with that page.
func (g *segment) openFile(i int) error {
	if g.file != nil {
		return nil
	}
	f, err := g.l.s.fs.Open(g.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if i > 0 {
			return flaw(g.path, -1, -1, "the file is missing, with %d pages before the one to write", i)
		}
		f, err = g.create()
	}
	if err != nil {
		return err
	}
	if err := g.ready(f, i); err != nil {
		return errors.Join(err, f.Close())
	}
	g.file = f
	return nil
}

// create makes the file, and the log's directory with its first one.
func (g *segment) create() (durable.File, error) {
	if g.index == 0 {
		if err := g.l.s.fs.MkdirAll(g.l.dir, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := g.l.s.fs.Open(g.path, os.O_RDWR|os.O_CREATE, 0o600)
	return f, directoryGone(g.l.dir, err)
}

// directoryGone says what it means if a file cannot be created because its
// directory, which was there, is not.
func directoryGone(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &durable.ChangedError{Name: dir, How: durable.Removed}
	}
	return err
}

// ready makes sure of the header and learns the size.
func (g *segment) ready(f durable.File, i int) error {
	head, err := readUpTo(f, fileHeaderBytes, 0)
	if err != nil {
		return err
	}
	if err := g.learn(f, head); err != nil {
		if _, _, what := parseSegHeader(head); i > 0 || what == "" || errors.Is(err, ErrFormat) {
			return err
		}
		if _, err := f.WriteAt(g.l.p.segHeader(g.index, 0, 0), 0); err != nil {
			return err
		}
	}
	size, err := f.Size()
	g.size.Store(size)
	return err
}

// checkHeader returns what the header says, if it is that of this segment.
func (g *segment) checkHeader(head []byte) (segHead, error) {
	p, h, what := parseSegHeader(head)
	switch {
	case what != "":
		if err := otherFormat(g.path, head); err != nil {
			return h, err
		}
	case p != g.l.p || h.index != g.index:
		what = "its header is that of another log or place"
	default:
		return h, nil
	}
	return h, flaw(g.path, -1, 0, "%s", what)
}

// learn checks the header and reads where the pages lie; g.mu is held, or
// nobody else has g.
func (g *segment) learn(f durable.File, head []byte) error {
	if g.known {
		return nil
	}
	h, err := g.checkHeader(head)
	if err != nil {
		return err
	}
	pack, what, err := readPacking(f, &g.l.p, h)
	if err == nil && what != "" {
		err = flaw(g.path, -1, fileHeaderBytes, "%s", what)
	}
	g.pack, g.known = pack, err == nil
	return err
}

// page returns the bytes of page i from the map.
func (g *segment) page(i int) ([]byte, error) {
	data := g.data.Load()
	if data == nil {
		var err error
		if data, err = g.mapFile(); err != nil {
			return nil, err
		}
	}
	start, end := g.l.p.span(g.pack, i)
	if end > g.size.Load() {
		if err := g.grown(i, end); err != nil {
			return nil, err
		}
	}
	return (*data)[start:end:end], nil
}

// grown looks at the size again, for page i that ends there.
func (g *segment) grown(i int, end int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	info, err := g.stat()
	if err != nil {
		return missing(g.path, err)
	}
	if info.Size() < end {
		return flaw(g.path, g.number(i), g.offset(i), "the file ends at %d, the page at %d", info.Size(), end)
	}
	g.size.Store(info.Size())
	return nil
}

// stat looks at the file, through what is open of it if there is something;
// g.mu is held.
func (g *segment) stat() (fs.FileInfo, error) {
	if g.file != nil {
		return g.file.Stat()
	}
	return g.l.s.fs.Stat(g.path)
}

func (g *segment) mapFile() (*mmap.MMap, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.data.Load(); m != nil {
		return m, nil
	}
	f := g.file // what was written to is read, whatever becomes of its name
	if f == nil {
		var err error
		if f, err = g.l.s.fs.Open(g.path, os.O_RDONLY, 0); err != nil {
			return nil, missing(g.path, err)
		}
		defer f.Close()
	}
	head, err := readUpTo(f, fileHeaderBytes, 0)
	if err != nil {
		return nil, err
	}
	if err := g.learn(f, head); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	whole, _ := g.l.p.span(g.pack, g.l.p.SegmentPages)
	m, err := mapWhole(f, int(max(whole, g.l.p.alloc(g.pack, 0))))
	if err != nil {
		return nil, err
	}
	g.mapped = info
	g.size.Store(info.Size())
	g.data.Store(&m)
	return &m, nil
}

// mapWhole maps a file read-only. The map outlives the descriptor.
func mapWhole(f durable.File, size int) (m mmap.MMap, err error) {
	err = f.Map(func(of *os.File) error {
		if m, err = mmap.MapRegion(of, size, mmap.RDONLY, 0, 0); err != nil {
			return &fs.PathError{Op: "mmap", Path: f.Name(), Err: err}
		}
		return nil
	})
	return m, err
}

// missing makes a CorruptError of a file that is not there.
func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return flaw(path, -1, -1, "the file is missing")
	}
	return err
}

// header returns the header of page i, whose mapped bytes are page, and the bytes
// to use: a copy, if the map cannot be read there and the file can. The whole page
// is checked the first time, or again.
func (g *segment) header(i int, page []byte, again bool) (h PageHeader, _ []byte, err error) {
	word, bit := &g.checked[i/64], uint64(1)<<(i%64)
	known := !again && word.Load()&bit != 0
	if known {
		h, err = touchMapped(page)
	} else {
		h, err = parseMapped(page, g.l.p.PageBytes)
	}
	if errors.Is(err, errFault) {
		if page, err = g.reread(i); err != nil {
			return h, nil, err
		}
		known = false
		h, err = parseStored(page, g.l.p.PageBytes)
	}
	if err == nil && !known && h.Index != uint64(g.number(i)) {
		err = badPage("it is page %d", h.Index)
	}
	if err != nil {
		word.And(^bit)
		return h, nil, flaw(g.path, g.number(i), g.offset(i), "%s", pageFlaw(err))
	}
	word.Or(bit)
	return h, page, nil
}

// whole returns the bytes of page i, unchecked, each of which can be read.
func (g *segment) whole(i int) ([]byte, error) {
	page, err := g.page(i)
	if err == nil && guarded(page, func(b []byte) error { touch(b); return nil }) != nil {
		return g.reread(i)
	}
	return page, err
}

// reread reads page i from the file, whose map faulted there: a fault has no cause,
// and a read says what it is, or has the bytes after all.
func (g *segment) reread(i int) (page []byte, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.file
	if f == nil {
		if f, err = g.l.s.fs.Open(g.path, os.O_RDONLY, 0); err != nil {
			return nil, missing(g.path, err)
		}
		defer f.Close()
	}
	start, end := g.l.p.span(g.pack, i)
	page, err = readUpTo(f, int(end-start), start)
	if err == nil && g.file == nil {
		err = durable.SameInfo(g.l.s.fs, g.path, g.mapped)
	}
	if err == nil && int64(len(page)) < end-start {
		err = flaw(g.path, g.number(i), start, "the file ends within the page, at %d", start+int64(len(page)))
	}
	return page, err
}

// number returns the index of page i in the log.
func (g *segment) number(i int) int64 {
	return int64(g.index)*int64(g.l.p.SegmentPages) + int64(i)
}

// offset returns where page i lies in the file.
func (g *segment) offset(i int) int64 {
	start, _ := g.l.p.span(g.pack, i)
	return start
}

// pageFlaw is what a *PageError says, without the name of the package.
func pageFlaw(err error) string {
	var p *PageError
	if errors.As(err, &p) {
		return p.What
	}
	return err.Error()
}

// touchMapped reads the header of a page that was checked before, and a byte of
// each piece of it that the system may have to read from the disk again: a disk
// that cannot is found here by errFault, and does not end the process later.
func touchMapped(page []byte) (h PageHeader, err error) {
	err = guarded(page, func(b []byte) error {
		h = decodeHeader(b)
		touch(b)
		return nil
	})
	return h, err
}

// touch reads a byte of each piece. It is no part of its caller, so that the
// reads are not left out.
//
//go:noinline
func touch(b []byte) (sum byte) {
	for off := 0; off < len(b); off += MinPageBytes {
		sum ^= b[off]
	}
	return sum
}

// parseMapped is parseStored for bytes in a map, or errFault.
func parseMapped(page []byte, pageBytes int) (h PageHeader, err error) {
	err = guarded(page, func(b []byte) (err error) {
		h, err = parseStored(b, pageBytes)
		return err
	})
	return h, err
}

// parseStored is ParsePage, or ParseImage for an image.
func parseStored(b []byte, pageBytes int) (PageHeader, error) {
	if len(b) >= PageHeaderBytes && b[5] == KindErased {
		return ParseImage(b, pageBytes)
	}
	if len(b) != pageBytes {
		return PageHeader{}, badPage("%d bytes, want %d", len(b), pageBytes)
	}
	return ParsePage(b)
}
