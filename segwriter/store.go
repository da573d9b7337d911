// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"weak"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Options of a Store. The zero value works.
type Options struct {
	// MaxOpen is how many files are kept open or mapped, those that wait for a
	// sync included: the one that was not used for longest is synced and closed
	// for the next. Beyond it are only those that are in use at once. 0 is
	// DefaultMaxOpen.
	MaxOpen int
	// ReadOnly opens trees and tier-2 nodes to be read only; nothing may be
	// written then, nor recovered.
	ReadOnly bool
}

// A Store holds the page files of all logs below a directory. It is safe for
// use by many goroutines.
type Store struct {
	fs    durable.FS
	dir   string
	flag  int // that trees and tier-2 nodes are opened with
	cache *cache

	mu   sync.Mutex // guards what follows
	logs map[digest.Hash]weak.Pointer[Log]

	heldMu sync.Mutex        // guards held; taken while mu is held, too
	held   map[*Log]struct{} // logs that remember what nothing else does
}

// NewStore returns a store of the files in dir/logs and dir/mmr. It touches
// nothing.
func NewStore(fs durable.FS, dir string, o Options) *Store {
	if o.MaxOpen <= 0 {
		o.MaxOpen = DefaultMaxOpen()
	}
	flag := os.O_RDWR
	if o.ReadOnly {
		flag = os.O_RDONLY
	}
	c := newCache(o.MaxOpen)
	return &Store{fs: sparing{fs, c}, dir: dir, flag: flag, cache: c, logs: map[digest.Hash]weak.Pointer[Log]{}, held: map[*Log]struct{}{}}
}

// Log returns the files of one log, the same *Log each time while somebody holds
// it, a file of it is open, or something of it waits for a sync. Nothing is
// created before its first page. A log that has files keeps the pages per segment
// that it began with. The error is ErrParams.
func (s *Store) Log(p Params) (*Log, error) { return s.log(p, (*Log).adopt) }

// Fileless is Log for one that has no files, or those that were begun with p: they are
// not looked for.
func (s *Store) Fileless(p Params) (*Log, error) { return s.log(p, nil) }

func (s *Store) log(p Params, adopt func(*Log) error) (*Log, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.logs[p.Log].Value(); l != nil {
		p.SegmentPages = l.p.SegmentPages
		if p != l.p {
			return nil, fmt.Errorf("%w: log %s is open with others", ErrParams, p.Log)
		}
		return l, nil
	}
	l := &Log{s: s, p: p, dir: filepath.Join(s.dir, "logs", p.Log.String()), mmr: filepath.Join(s.dir, "mmr", p.Log.String())}
	if adopt != nil {
		if err := adopt(l); err != nil {
			return nil, err
		}
	}
	s.logs[p.Log] = weak.Make(l)
	runtime.AddCleanup(l, collected, collectedLog{weak.Make(s), p.Log})
	return l, nil
}

// A collectedLog is a log that nobody holds any more.
type collectedLog struct {
	s  weak.Pointer[Store] // which may hold logs itself
	id digest.Hash
}

func collected(x collectedLog) {
	s := x.s.Value()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.logs[x.id]; ok && p.Value() == nil {
		delete(s.logs, x.id)
	}
}

// hold keeps a log in memory.
func (l *Log) hold() {
	l.s.heldMu.Lock()
	defer l.s.heldMu.Unlock()
	l.s.held[l] = struct{}{}
}

// settle keeps a log in memory only if a name in it waits for a sync, or a sync
// failed: what is dirty, the cache remembers.
func (l *Log) settle() {
	l.s.heldMu.Lock()
	defer l.s.heldMu.Unlock()
	if l.segs.names() || l.trees.names() || l.spans.names() || l.latched() != nil {
		l.s.held[l] = struct{}{}
	} else {
		delete(l.s.held, l)
	}
}

// wrote marks a file that was just written to; see dirtySet.add.
func (l *Log) wrote(d *dirtySet, it *item, dir string) {
	if d.add(it, dir); dir != "" {
		l.hold()
	}
}

// Close closes all files. The error is ErrBusy while pages that were handed
// out are not released; their maps are closed when they are. Nothing is synced.
func (s *Store) Close() error {
	s.mu.Lock()
	logs := s.logs
	s.logs = map[digest.Hash]weak.Pointer[Log]{}
	s.mu.Unlock()
	for _, p := range logs {
		if l := p.Value(); l != nil {
			l.forget()
		}
	}
	busy, err := s.cache.drop(nil)
	return errors.Join(err, busyError(busy))
}

func busyError(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: of %d segments", ErrBusy, n)
}

// A Log is the files of one log. Pages, trees and spans each have one writer
// at a time; readers may be many and at any time, for what was written before.
type Log struct {
	s   *Store
	p   Params
	dir string
	mmr string // the file of its tier-2 nodes

	segs, trees, spans dirtySet

	writing struct{ segs, trees, spans sync.Mutex } // one writer of each

	spanCount spanCount

	mu     sync.Mutex // guards failed and ends
	failed error      // the sync that failed
	ends   []uint64   // sequence after each segment that is full; 0 is unknown
}

// adopt takes over the pages per segment of the files that are there, of which
// the first may be missing.
func (l *Log) adopt() error {
	head, err := l.readHeader(l.segPath(0))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if p, _, what := parseSegHeader(head); what == "" {
		l.p.SegmentPages = p.SegmentPages
		return nil
	}
	if err := otherFormat(l.segPath(0), head); err != nil {
		return err
	}
	if p, ok := (&Raw{l}).header(); ok {
		l.p.SegmentPages = p.SegmentPages
	}
	return nil
}

// readHeader reads the first bytes of a file, as many as there are.
func (l *Log) readHeader(path string) ([]byte, error) {
	f, err := l.s.fs.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readUpTo(f, fileHeaderBytes, 0)
}

// readUpTo reads n bytes, or as many as there are.
func readUpTo(f io.ReaderAt, n int, off int64) ([]byte, error) {
	return readInto(f, make([]byte, n), off)
}

// readInto is readUpTo into a buffer, of which it returns what it filled.
func readInto(f io.ReaderAt, b []byte, off int64) ([]byte, error) {
	got, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

func (l *Log) segPath(segment uint64) string {
	return filepath.Join(l.dir, fmt.Sprintf("%06d.seg", segment))
}

func (l *Log) treePath(segment uint64) string {
	return filepath.Join(l.dir, fmt.Sprintf("%06d.tree", segment))
}

// place returns the segment of a page and its place there.
func (l *Log) place(page uint64) (segment uint64, i int) {
	n := uint64(l.p.SegmentPages)
	return page / n, int(page % n)
}

// SegmentPages returns how many pages a segment of this log has.
func (l *Log) SegmentPages() int { return l.p.SegmentPages }

// latched returns the sync that failed before, if one did: what was written
// then may be lost although a later sync succeeds.
func (l *Log) latched() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return fmt.Errorf("an earlier sync failed: %w", l.failed)
	}
	return nil
}

// syncSet syncs one kind of files.
func (l *Log) syncSet(d *dirtySet) error {
	if err := l.latched(); err != nil {
		return err
	}
	defer l.settle()
	failed, exhausted := d.sync(l.s.fs)
	if err := l.latchOn(failed); err != nil {
		return err
	}
	if err := l.latched(); err != nil { // one that made room failed meanwhile
		return err
	}
	return exhausted
}

// forget drops the marks of what is not synced.
func (l *Log) forget() {
	l.segs.forget()
	l.trees.forget()
	l.spans.forget()
	l.settle()
}

// Close closes the log's files; see Store.Close.
func (l *Log) Close() error {
	l.s.mu.Lock()
	if l.s.logs[l.p.Log].Value() == l {
		delete(l.s.logs, l.p.Log)
	}
	l.s.mu.Unlock()
	l.forget()
	busy, err := l.s.cache.drop(l)
	return errors.Join(err, busyError(busy))
}
