// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Check reads the data file of the environment in dir, which need not be open,
// and returns a *CorruptError if LMDB could not be trusted with it. It sees
// every B-tree page, not the values: Open checks the small ones, and Events each
// chunk that it reads.
func Check(dir string) error { return precheck(durable.OS, filepath.Join(dir, dataFile)) }

// precheck walks the file as LMDB would.
func precheck(fsys durable.FS, path string) error {
	f, err := fsys.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	var c checker
	size, err := f.Size()
	if err == nil {
		c = checker{f: f, size: size}
		c.failed, err = readFailed(fsys, filepath.Dir(path))
	}
	if err == nil {
		err = withNextStep(path, c.run())
	}
	return errors.Join(err, f.Close())
}

// extend gives a file that was checked the length its meta page speaks of: what
// is missing of it are free pages.
func extend(fsys durable.FS, path string) error {
	f, err := fsys.Open(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	c := checker{f: f, size: size}
	if err == nil {
		err = c.readMetas()
	}
	if err == nil && c.pages <= c.meta.lastPage {
		err = f.Truncate(int64((c.meta.lastPage + 1) * uint64(c.psize)))
	}
	return errors.Join(err, f.Close())
}

// A checker walks one snapshot: the databases of the newer meta page.
type checker struct {
	f      io.ReaderAt
	size   int64 // of the file
	psize  int
	pages  uint64 // whole pages in the file
	meta   lmdbMeta
	older  lmdbMeta
	freed  uint64 // the newest transaction in the free list
	failed uint64 // the transaction that failed, see failedFile

	seen  []uint64            // bit per page of the file: in use or free
	tail  map[uint64]struct{} // free pages beyond the end of the file
	level [maxDepth]levelBuf  // one page and its nodes per depth of a tree
}

type levelBuf struct {
	page  []byte
	nodes []lmdbNode
}

func (c *checker) run() error {
	if err := c.readMetas(); err != nil {
		return err
	}
	c.seen = make([]uint64, c.pages/64+1)
	c.tail = map[uint64]struct{}{}
	c.seen[0] = 3 // the meta pages
	if err := c.walkDB("free list", c.meta.free, compareIntegers, c.freePages); err != nil {
		return err
	}
	if err := c.checkAge(); err != nil {
		return err
	}
	if err := c.walkDB("main database", c.meta.main, bytes.Compare, c.subDB); err != nil {
		return err
	}
	// A page was written or is free, so nothing but free pages lies past the end.
	if beyond := c.meta.lastPage + 1; beyond > c.pages && beyond-c.pages != uint64(len(c.tail)) {
		return mismatch("data file", fmt.Sprintf("%d pages, but for %d free ones", beyond, len(c.tail)), fmt.Sprintf("%d pages", c.pages))
	}
	return nil
}

// readMetas picks the newer meta page. Neither may be damaged: if it is, nobody
// can tell whether it was the newer one.
func (c *checker) readMetas() error {
	var metas [2]lmdbMeta
	buf := make([]byte, pageHeader+metaBytes)
	for i := range metas {
		if err := c.readAt(buf, int64(i*c.psize), fmt.Sprintf("meta page %d", i)); err != nil {
			return err
		}
		var err error
		if metas[i], err = parseMeta(i, buf); err != nil {
			return err
		}
		c.psize = int(metas[0].free.pad)
	}
	c.meta, c.older = metas[0], metas[1]
	if metas[1].txn > metas[0].txn {
		c.meta, c.older = metas[1], metas[0]
	}
	c.pages = uint64(c.size) / uint64(c.psize)
	return checkPair(metas, c.pages)
}

// checkPair holds the two meta pages against each other: transactions alternate
// between them, so that their numbers differ by one.
func checkPair(metas [2]lmdbMeta, pages uint64) error {
	a, b := metas[0], metas[1]
	fresh := a.txn == 0 && b.txn == 0
	next := a.txn == b.txn+1 || b.txn == a.txn+1
	switch {
	case a.free.pad != b.free.pad:
		return mismatch("meta pages", "one page size", fmt.Sprintf("%d and %d", a.free.pad, b.free.pad))
	case !fresh && (!next || a.txn%2 != 0):
		return mismatch("meta pages", "consecutive transactions, even and odd", fmt.Sprintf("%d and %d", a.txn, b.txn))
	case pages < 2:
		return mismatch("data file", "two meta pages", fmt.Sprintf("%d", pages))
	}
	return nil
}

// checkAge compares the number of each meta page with what its own snapshot
// says. A flip that makes the newer page two transactions older, or the older
// one two newer, leaves two pages that look well and takes the last commit back.
// But every transaction after the first frees pages, which it writes down under
// its number.
func (c *checker) checkAge() error {
	old := checker{f: c.f, psize: c.psize, pages: c.pages, meta: c.older, seen: make([]uint64, c.pages/64+1)}
	visit := func(_ string, n *lmdbNode) error {
		old.freed = native.Uint64(n.key)
		return nil
	}
	if c.failed == c.meta.txn+1 {
		old.meta.txn = 0 // it holds half of that one, and is of no use
	} else if err := old.walkDB("older free list", c.older.free, compareIntegers, visit); err != nil {
		return err
	}
	for _, of := range []*checker{c, &old} {
		if of.meta.txn > 1 && of.freed != of.meta.txn {
			return mismatch("meta pages", fmt.Sprintf("transaction %d, the newest that freed pages", of.freed), fmt.Sprintf("%d", of.meta.txn))
		}
	}
	return nil
}

func (c *checker) readAt(b []byte, off int64, where string) error {
	n, err := c.f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return mismatch(where, fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d", n))
	}
	return err
}

// claim marks a page as used once.
func (c *checker) claim(no uint64, where string) error {
	switch {
	case no < 2 || no > c.meta.lastPage:
		return mismatch(where, fmt.Sprintf("a page of 2 to %d", c.meta.lastPage), fmt.Sprintf("page %d", no))
	case no >= c.pages:
		return mismatch(where, fmt.Sprintf("a page inside the file of %d", c.pages), fmt.Sprintf("page %d", no))
	case c.seen[no/64]>>(no%64)&1 != 0:
		return mismatch(where, "each page once", fmt.Sprintf("page %d again", no))
	}
	c.seen[no/64] |= 1 << (no % 64)
	return nil
}

// subDB visits a row of the main database: each is a database.
func (c *checker) subDB(where string, n *lmdbNode) error {
	if n.flags != nodeSubDB || n.dataSize != dbBytes {
		return mismatch(where, "a database record", fmt.Sprintf("flags %#x, %d bytes", n.flags, n.dataSize))
	}
	db := parseDB(n.data)
	if db.flags != 0 || db.pad != 0 {
		return mismatch(where, "flags 0", fmt.Sprintf("%#x, %#x", db.flags, db.pad))
	}
	sub := checker{f: c.f, psize: c.psize, pages: c.pages, meta: c.meta, seen: c.seen}
	return sub.walkDB(fmt.Sprintf("database %q", n.key), db, bytes.Compare, sub.value)
}

// value visits a row of a named database.
func (c *checker) value(where string, n *lmdbNode) error {
	_, err := c.overflow(where, n)
	return err
}

// overflow claims the run of a large value and returns its first page's number,
// or 0 for a value in the node.
func (c *checker) overflow(where string, n *lmdbNode) (uint64, error) {
	switch n.flags {
	case 0:
		return 0, nil
	case nodeBig:
	default:
		return 0, mismatch(where, "node flags 0 or 1", fmt.Sprintf("%#x", n.flags))
	}
	first := native.Uint64(n.data)
	if err := c.claim(first, where); err != nil {
		return 0, err
	}
	var h [pageHeader]byte
	if err := c.readAt(h[:], int64(first)*int64(c.psize), where); err != nil {
		return 0, err
	}
	run := uint64(native.Uint32(h[12:]))
	need := (pageHeader-1+n.dataSize)/uint64(c.psize) + 1
	if native.Uint64(h[:]) != first || native.Uint16(h[10:]) != pageOverflow || run < need {
		return 0, mismatch(where, fmt.Sprintf("an overflow run of %d pages at %d", need, first),
			fmt.Sprintf("page %d, flags %#x, %d pages", native.Uint64(h[:]), native.Uint16(h[10:]), run))
	}
	for i := uint64(1); i < run; i++ {
		if err := c.claim(first+i, where); err != nil {
			return 0, err
		}
	}
	return first, nil
}

// freePages visits a row of the free list: a transaction and the pages it freed,
// a count and then that many page numbers, descending.
func (c *checker) freePages(where string, n *lmdbNode) error {
	if c.freed = native.Uint64(n.key); c.freed == 0 || c.freed > c.meta.txn {
		return mismatch(where, fmt.Sprintf("a transaction up to %d", c.meta.txn), fmt.Sprintf("%d", c.freed))
	}
	first, err := c.overflow(where, n)
	if err != nil {
		return err
	}
	list := n.data
	if first != 0 {
		if n.dataSize > c.pages*uint64(c.psize) {
			return mismatch(where, "a list inside the file", fmt.Sprintf("%d bytes", n.dataSize))
		}
		list = make([]byte, n.dataSize)
		if err := c.readAt(list, int64(first)*int64(c.psize)+pageHeader, where); err != nil {
			return err
		}
	}
	if len(list)%8 != 0 || len(list) < 8 || native.Uint64(list) > uint64(len(list)/8-1) {
		return mismatch(where, "a list of pages", fmt.Sprintf("%d bytes", len(list)))
	}
	return c.claimFree(where, list[8:8+8*native.Uint64(list)])
}

func (c *checker) claimFree(where string, list []byte) error {
	last := uint64(noRoot)
	for ; len(list) > 0; list = list[8:] {
		no := native.Uint64(list)
		if no >= last {
			return mismatch(where, fmt.Sprintf("a page below %d", last), fmt.Sprintf("page %d", no))
		}
		last = no
		if no < c.pages || no > c.meta.lastPage {
			if err := c.claim(no, where); err != nil {
				return err
			}
			continue
		}
		if _, twice := c.tail[no]; twice {
			return mismatch(where, "each page once", fmt.Sprintf("page %d again", no))
		}
		c.tail[no] = struct{}{}
	}
	return nil
}

// compareIntegers orders the keys of the free list; their length was checked.
func compareIntegers(a, b []byte) int { return cmp.Compare(native.Uint64(a), native.Uint64(b)) }
