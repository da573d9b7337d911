// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import "fmt"

// A treeWalk is the walk of one database's B-tree.
type treeWalk struct {
	*checker
	name    string
	depth   int
	integer bool // keys are 8 byte integers
	compare func(a, b []byte) int
	visit   func(where string, n *lmdbNode) error
	entries uint64
}

// walkDB checks the tree of a database and visits its rows in order.
func (c *checker) walkDB(name string, db lmdbDB, compare func(a, b []byte) int, visit func(string, *lmdbNode) error) error {
	if db.root == noRoot {
		if db.depth != 0 || db.entries != 0 {
			return mismatch(name, "no root and no rows", fmt.Sprintf("depth %d, %d rows", db.depth, db.entries))
		}
		return nil
	}
	if db.depth < 1 || db.depth > maxDepth {
		return mismatch(name, fmt.Sprintf("a depth of 1 to %d", maxDepth), fmt.Sprintf("%d", db.depth))
	}
	w := treeWalk{checker: c, name: name, depth: db.depth, integer: db.flags == freeDBFlags, compare: compare, visit: visit}
	if err := w.page(db.root, 0, nil, nil); err != nil {
		return err
	}
	if w.entries != db.entries {
		return mismatch(name, fmt.Sprintf("%d rows", db.entries), fmt.Sprintf("%d", w.entries))
	}
	return nil
}

// page checks the page at a level below the root. Its keys lie in [low, high),
// and nil is no bound.
func (w *treeWalk) page(no uint64, level int, low, high []byte) error {
	where := fmt.Sprintf("%s, page %d", w.name, no)
	leaf := level == w.depth-1
	nodes, err := w.load(no, level, leaf, where)
	if err != nil {
		return err
	}
	if err := w.checkKeys(nodes, leaf, low, high, where); err != nil {
		return err
	}
	for i := range nodes {
		n := &nodes[i]
		if leaf {
			w.entries++
			if err := w.visit(where, n); err != nil {
				return err
			}
			continue
		}
		childLow, childHigh := low, high
		if i > 0 {
			childLow = n.key
		}
		if i+1 < len(nodes) {
			childHigh = nodes[i+1].key
		}
		if err := w.page(n.child, level+1, childLow, childHigh); err != nil {
			return err
		}
	}
	return nil
}

// load reads a page into its level's buffer and checks its form.
func (w *treeWalk) load(no uint64, level int, leaf bool, where string) ([]lmdbNode, error) {
	if err := w.claim(no, where); err != nil {
		return nil, err
	}
	buf := &w.level[level]
	if buf.page == nil {
		buf.page = make([]byte, w.psize)
	}
	if err := w.readAt(buf.page, int64(no)*int64(w.psize), where); err != nil {
		return nil, err
	}
	kind, fewest := uint16(pageBranch), 2
	if leaf {
		kind, fewest = pageLeaf, 1
	} else if w.integer {
		fewest = 1 // LMDB may leave the free list a branch with one child
	}
	if got := native.Uint64(buf.page); got != no {
		return nil, mismatch(where, fmt.Sprintf("page number %d", no), fmt.Sprintf("%d", got))
	}
	if got := native.Uint16(buf.page[10:]); got != kind {
		return nil, mismatch(where, fmt.Sprintf("flags %#x", kind), fmt.Sprintf("%#x", got))
	}
	nodes, flaw := parseNodes(buf.page, buf.nodes)
	if flaw != "" {
		return nil, mismatch(where, "sound nodes", flaw)
	}
	if len(nodes) < fewest {
		return nil, mismatch(where, fmt.Sprintf("at least %d nodes", fewest), fmt.Sprintf("%d", len(nodes)))
	}
	buf.nodes = nodes
	return nodes, nil
}

// checkKeys wants rising keys inside the bounds: a key out of order would hide
// rows that are there. The first key of a branch page has no meaning.
func (w *treeWalk) checkKeys(nodes []lmdbNode, leaf bool, low, high []byte, where string) error {
	for i := range nodes {
		if i == 0 && !leaf {
			continue
		}
		key := nodes[i].key
		if len(key) == 0 || len(key) > MaxKeyBytes || w.integer && len(key) != 8 {
			return mismatch(where, "a key of a legal length", fmt.Sprintf("%d bytes", len(key)))
		}
		if low != nil && (w.compare(key, low) < 0 || i > 0 && w.compare(key, low) == 0) {
			return mismatch(where, fmt.Sprintf("a key after %x", low), fmt.Sprintf("%x", key))
		}
		if high != nil && w.compare(key, high) >= 0 {
			return mismatch(where, fmt.Sprintf("a key before %x", high), fmt.Sprintf("%x", key))
		}
		low = key
	}
	return nil
}
