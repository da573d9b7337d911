// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"os"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// maxFlaws bounds the list in a SegmentReport.
const maxFlaws = 100

// A SegmentReport is what CheckSegment found.
type SegmentReport struct {
	Params
	Segment uint64          // index
	Rewrite uint32          // how often the file was rewritten by erasure
	First   uint64          // sequence of the first event that begins in it
	Pages   int             // pages written
	Events  uint64          // events that begin in them
	Erased  int             // pages of which something is erased
	Trees   int             // pages with a tree; fewer than Pages is no flaw, they are derived
	Nodes   uint64          // in those trees
	Flaws   []*CorruptError // at most 100
}

// CheckSegment verifies a .seg file and, unless treePath is empty, its .tree
// file on their own: the form of every page and record, the order of pages and
// events, and every stored node against the events below it. The error is the
// first flaw, a *CorruptError, or what the file system says; the report is
// filled in as far as it was possible. Nobody may write to the files meanwhile,
// and what a crash left in them must have been cut back by Recover.
func CheckSegment(segPath, treePath string) (SegmentReport, error) {
	return CheckSegmentIn(durable.OS, segPath, treePath)
}

// CheckSegmentIn is CheckSegment of files in another file system.
func CheckSegmentIn(fsys durable.FS, segPath, treePath string) (SegmentReport, error) {
	c := &checker{fs: fsys, path: segPath}
	err := c.open(segPath, treePath)
	if err == nil {
		err = c.run()
	}
	c.close()
	if err == nil && len(c.report.Flaws) > 0 {
		err = c.report.Flaws[0]
	}
	return c.report, err
}

type checker struct {
	fs     durable.FS
	path   string
	file   durable.File
	tree   *treeChecker // nil for none
	pack   *packing
	report SegmentReport

	order   pageOrder
	begun   bool // some page was read
	builder *merkleindex.Builder
}

func (c *checker) open(segPath, treePath string) (err error) {
	if c.file, err = c.fs.Open(segPath, os.O_RDONLY, 0); err != nil || treePath == "" {
		return err
	}
	c.tree = &treeChecker{c: c, path: treePath}
	c.tree.file, err = c.fs.Open(treePath, os.O_RDONLY, 0)
	return err
}

func (c *checker) close() {
	if c.file != nil {
		c.file.Close()
	}
	if c.tree != nil && c.tree.file != nil {
		c.tree.file.Close()
	}
}

func (c *checker) flaw(file string, page, offset int64, format string, args ...any) {
	if len(c.report.Flaws) < maxFlaws {
		c.report.Flaws = append(c.report.Flaws, flaw(file, page, offset, format, args...))
	}
}

func (c *checker) run() error {
	head, err := readUpTo(c.file, fileHeaderBytes, 0)
	if err != nil {
		return err
	}
	if err := otherFormat(c.path, head); err != nil {
		return err
	}
	p, h, what := parseSegHeader(head)
	c.report.Params, c.report.Segment, c.report.Rewrite = p, h.index, h.rewrite
	if what != "" {
		c.flaw(c.path, -1, 0, "%s", what)
		return nil
	}
	if id := p.Name().ID(); id != p.Log {
		c.flaw(c.path, -1, 32, "its log id is %s, and topic, author, page bytes, kind and number give %s", p.Log, id)
		return nil
	}
	if c.pack, what, err = readPacking(c.file, &p, h); err != nil || what != "" {
		if err == nil {
			c.flaw(c.path, -1, fileHeaderBytes, "%s", what)
		}
		return err
	}
	if err := c.padding(); err != nil {
		return err
	}
	if c.tree != nil {
		if err := c.tree.begin(); err != nil {
			return err
		}
	}
	n, err := c.room()
	if err != nil {
		return err
	}
	if err := c.pages(n); err != nil || c.tree == nil {
		return err
	}
	return c.tree.finish()
}

// padding looks at what lies between the packed pages and the slots.
func (c *checker) padding() error {
	if c.pack == nil {
		return nil
	}
	_, end := c.report.span(c.pack, c.pack.packed()-1)
	b, err := readUpTo(c.file, int(c.pack.base-end), end)
	if err == nil && !allZero(b) {
		c.flaw(c.path, -1, end, "bytes after the packed pages")
	}
	return err
}

// room returns how many pages the file is long.
func (c *checker) room() (int, error) {
	size, err := c.file.Size()
	if err != nil {
		return 0, err
	}
	packed := c.pack.packed()
	slots := int64(fileHeaderBytes)
	if c.pack != nil {
		slots = c.pack.base
	}
	n, over := (size-slots)/int64(c.report.PageBytes), (size-slots)%int64(c.report.PageBytes)
	if size < slots || over != 0 || n > int64(c.report.SegmentPages-packed) {
		c.flaw(c.path, -1, size, "a file of that length has no whole pages of %d bytes, or more than %d", c.report.PageBytes, c.report.SegmentPages)
	}
	if size < slots {
		return 0, nil
	}
	return packed + int(max(0, min(n, int64(c.report.SegmentPages-packed)))), nil
}

func (c *checker) pages(n int) error {
	first := c.report.Segment * uint64(c.report.SegmentPages)
	c.order = pageOrder{index: first, room: c.report.PageBytes - PageHeaderBytes, lost: true}
	c.builder = merkleindex.NewBuilder(0)
	buf := make([]byte, maxImageBytes(c.report.PageBytes))
	for i := range n {
		start, end := c.report.span(c.pack, i)
		page := buf[:end-start]
		if _, err := c.file.ReadAt(page, start); err != nil {
			return err
		}
		if i >= c.pack.packed() && allZero(page) {
			continue
		}
		if i > c.report.Pages {
			c.flaw(c.path, int64(first)+int64(i), start, "bytes after the last page")
			return nil
		}
		if err := c.page(i, page); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) page(i int, page []byte) error {
	number := int64(c.order.index)
	start, _ := c.report.span(c.pack, i)
	if len(page) == 0 {
		c.report.Pages++
		if err := c.order.freed(); err != nil {
			c.flaw(c.path, number, start, "%s", pageFlaw(err))
		}
		return c.tree.page(i, number, nil)
	}
	h, err := parseStored(page, c.report.PageBytes)
	if err == nil {
		err = c.order.next(h, page)
	} else {
		c.order.skip()
	}
	c.report.Pages++
	if err != nil {
		c.flaw(c.path, number, start, "%s", pageFlaw(err))
		return c.tree.page(i, number, nil)
	}
	first := h.First
	if h.Kind == KindContinuation {
		first = h.End()
	}
	if !c.begun {
		c.report.First, c.begun = first, true
	}
	c.report.Events += uint64(h.Count)
	if h.Kind == KindErased {
		c.report.Erased++
	}
	nodes, err := c.nodes(h, page)
	if err != nil {
		return err
	}
	return c.tree.page(i, number, &Tree{First: first, Count: h.Count, Nodes: nodes})
}

// nodes computes the nodes of a page from its records. A page of a large event
// has none.
func (c *checker) nodes(h PageHeader, page []byte) ([]digest.Hash, error) {
	if h.Kind == KindErased {
		t, err := h.TreeOf(page)
		if err != nil {
			return nil, err // parseStored walked it
		}
		return t.Nodes(nil), nil
	}
	if h.Kind != KindRecords {
		return nil, nil
	}
	c.builder.Reset(h.First)
	for rest := h.Records(page); len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return nil, err // ParsePage walked them
		}
		c.builder.Append(rec.LeafHash())
		rest = rest[n:]
	}
	return c.builder.Nodes(nil), nil
}
