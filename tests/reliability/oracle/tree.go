// SPDX-License-Identifier: MPL-2.0

package oracle

import (
	"crypto/sha256"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A tree is the slow and obvious RFC 6962 tree: a stack of complete subtrees,
// and the root at every size.
type tree struct {
	stack []node
	roots []digest.Hash // roots[i] is of i leaves
}

type node struct {
	hash  digest.Hash
	level int
}

func newTree() *tree { return &tree{roots: []digest.Hash{sha256.Sum256(nil)}} }

func (t *tree) append(leaf digest.Hash) {
	t.stack = append(t.stack, node{hash: leaf})
	for n := len(t.stack); n >= 2 && t.stack[n-1].level == t.stack[n-2].level; n = len(t.stack) {
		top := node{join(t.stack[n-2].hash, t.stack[n-1].hash), t.stack[n-1].level + 1}
		t.stack = append(t.stack[:n-2], top)
	}
	root := t.stack[len(t.stack)-1].hash
	for i := len(t.stack) - 2; i >= 0; i-- {
		root = join(t.stack[i].hash, root)
	}
	t.roots = append(t.roots, root)
}

func join(left, right digest.Hash) digest.Hash {
	b := append([]byte{1}, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}
