// SPDX-License-Identifier: MPL-2.0

// Package merkleindex is tier 1 of a log's tree: the page tree (docs/architecture.md,
// "One tree in two tiers"), and the compact ranges that both tiers are made of.
//
// There is one RFC 6962 tree over a log's events. A node is named by its level
// (leaves are level 0) and its index from the left on that level, so that node
// (k, i) stands for the leaves [i<<k, (i+1)<<k). Nodes whose leaves all lie in
// one page are stored beside that page; Builder makes them and NodeOffset says
// where each one is. Nodes that span pages belong to package mmrindex.
//
// A compact range is the shortest list of nodes that stands for the leaves
// [begin, end). Page roots, peaks, proofs of a run of pages and the merging of
// one tier into the other are all algebra on compact ranges: start with Range.
//
// The package is pure: no files, no clocks, nothing shared between values.
package merkleindex

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// MaxSize is the largest size of a log. It leaves every sum of two sizes, and
// the signed 64-bit sizes of other implementations, without overflow.
const MaxSize = 1 << 62

// ErrRange is returned for a range that cannot be, or whose hashes are not as
// many as its leaves need.
var ErrRange = errors.New("not a range of a tree")

// A NodeID names a complete subtree: Level is its height, Index counts the
// nodes of that level from the left of the whole log.
type NodeID struct {
	Level uint8
	Index uint64
}

// Begin returns the sequence of the first leaf below the node.
func (id NodeID) Begin() uint64 { return id.Index << id.Level }

// End returns the sequence after the last leaf below the node.
func (id NodeID) End() uint64 { return (id.Index + 1) << id.Level }

// A Visit is called with each node of level 1 or more as it is made, children
// before parents.
type Visit func(level uint, index uint64, h digest.Hash)
