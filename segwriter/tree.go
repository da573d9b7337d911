// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

const (
	entryPresent = 1 << 0 // the entry is written
	entryNoEvent = 1 << 1 // no event begins in the page
)

// A rawEntry is an entry of a .tree file's table.
type rawEntry struct {
	first uint64
	count uint32
	start uint32 // of the page's nodes, counted from the segment's first
	crc   uint32
	flags uint32
}

func decodeEntry(b []byte) rawEntry {
	return rawEntry{
		first: binary.LittleEndian.Uint64(b),
		count: binary.LittleEndian.Uint32(b[8:]),
		start: binary.LittleEndian.Uint32(b[12:]),
		crc:   binary.LittleEndian.Uint32(b[16:]),
		flags: binary.LittleEndian.Uint32(b[20:]),
	}
}

// encode writes the entry of a page with those nodes (as bytes).
func (e *rawEntry) encode(b, nodes []byte) {
	e.flags = entryPresent
	if e.count == 0 {
		e.flags |= entryNoEvent
	}
	binary.LittleEndian.PutUint64(b, e.first)
	binary.LittleEndian.PutUint32(b[8:], e.count)
	binary.LittleEndian.PutUint32(b[12:], e.start)
	e.crc = entryChecksum(b, nodes)
	binary.LittleEndian.PutUint32(b[16:], e.crc)
	binary.LittleEndian.PutUint32(b[20:], e.flags)
}

func entryChecksum(b, nodes []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, nodes)
}

// valid reports whether the entry can be one at all.
func (e rawEntry) valid(pageBytes int) bool {
	want := uint32(entryPresent)
	if e.count == 0 {
		want |= entryNoEvent
	}
	return e.flags == want && e.count <= uint32(pageBytes) && e.end() <= merkleindex.MaxSize && e.end() >= e.first
}

func (e rawEntry) end() uint64 { return e.first + uint64(e.count) }

// nodes returns how many nodes the page has.
func (e rawEntry) nodes() int { return merkleindex.NodeCount(e.first, e.end()) }

// A tree is an open .tree file with its table in memory.
type tree struct {
	l     *Log
	index uint64
	path  string
	file  durable.File
	data  growMap // of file

	rows, nodes []byte // the writer's, to be used again

	mu      sync.RWMutex // guards all below
	what    string       // why the header is not to be believed, or ""
	head    treeHead     // of the header
	table   []byte
	checked []uint64 // bit i: the nodes of page i were checked since the file was opened
}

// openTree opens a .tree file that is there.
func (l *Log) openTree(key itemKey) (resource, error) {
	t := &tree{l: l, index: key.segment, path: l.treePath(key.segment)}
	f, err := l.s.fs.Open(t.path, l.s.flag, 0)
	if err != nil {
		return nil, err
	}
	return t.load(f)
}

// createTree opens a .tree file and creates it if it is not there.
func (l *Log) createTree(key itemKey) (resource, error) {
	res, err := l.openTree(key)
	if !errors.Is(err, fs.ErrNotExist) {
		return res, err
	}
	t := &tree{l: l, index: key.segment, path: l.treePath(key.segment)}
	f, err := l.s.fs.Open(t.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, directoryGone(l.dir, err)
	}
	return t.load(f)
}

// load reads header and table. A header that is not as it should be is noted,
// and whoever reads entries gets the error.
func (t *tree) load(f durable.File) (resource, error) {
	head := make([]byte, t.l.p.nodesOffset()) // stays zero if the file is shorter
	got, err := readInto(f, head, 0)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.file, t.data.file = f, f
	var what string
	t.table, what = t.l.p.table(head)
	t.checked = make([]uint64, (t.l.p.SegmentPages+63)/64)
	if t.readHeader(got); t.what == "" {
		t.what = what
	}
	return t, nil
}

func (t *tree) readHeader(head []byte) {
	p, index, h, what := parseTreeHeader(head)
	want := t.l.p
	want.Topic, want.Author = digest.Hash{}, [32]byte{}
	switch {
	case what != "":
		t.what = what
	case p != want || index != t.index:
		t.what = "its header is that of another log or place"
	default:
		t.head = h
	}
}

func (t *tree) where() (string, durable.File) { return t.path, t.file }

func (t *tree) sync() error  { return t.file.Sync() }
func (t *tree) close() error { return errors.Join(t.data.close(), t.file.Close()) }

// entry returns the entry of page i; t.mu is held.
func (t *tree) entry(i int) (rawEntry, error) {
	off := t.l.p.entryOffset(i)
	if t.what != "" {
		return rawEntry{}, flaw(t.path, -1, 0, "%s", t.what)
	}
	e := decodeEntry(t.table[i*entryBytes:])
	if e.flags&entryPresent == 0 {
		return e, flaw(t.path, t.number(i), off, "the tree of the page is missing")
	}
	if !e.valid(t.l.p.PageBytes) {
		return e, flaw(t.path, t.number(i), off, "its entry says %d events from %d with flags %#x", e.count, e.first, e.flags)
	}
	return e, nil
}

// checkedEntry returns the entry of page i once its checksum was compared.
func (t *tree) checkedEntry(i int) (rawEntry, error) {
	t.mu.RLock()
	e, err := t.entry(i)
	done := t.checked[i/64]&(1<<(i%64)) != 0
	t.mu.RUnlock()
	if err != nil || done {
		return e, err
	}
	return e, t.viewNodes(i, e, func([]byte) error { return nil })
}

// viewNodes compares the checksum of the nodes of page i and hands them to fn.
func (t *tree) viewNodes(i int, e rawEntry, fn func([]byte) error) error {
	off := t.nodeOffset(e, 0)
	return t.data.view(off, digest.Size*e.nodes(), func(b []byte) error {
		if err := t.compare(i, e, b); err != nil {
			return err
		}
		return fn(b)
	})
}

func (t *tree) compare(i int, e rawEntry, nodes []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	got := entryChecksum(t.table[i*entryBytes:], nodes)
	if got != e.crc || len(nodes) != digest.Size*e.nodes() {
		return flaw(t.path, t.number(i), t.nodeOffset(e, 0), "checksum of its entry and %d nodes %08x, want %08x", e.nodes(), got, e.crc)
	}
	t.checked[i/64] |= 1 << (i % 64)
	return nil
}

// nodeOffset returns where a node of a page lies in the file.
func (t *tree) nodeOffset(e rawEntry, node int) int64 {
	return t.l.p.nodeOffset(int(e.start), e.nodes()) + digest.Size*int64(node)
}

// number returns the index of page i in the log.
func (t *tree) number(i int) int64 {
	return int64(t.index)*int64(t.l.p.SegmentPages) + int64(i)
}
