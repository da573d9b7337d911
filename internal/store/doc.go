// SPDX-License-Identifier: MPL-2.0

// Package store is what lies on disk, as one thing: the AOF, the segment files
// with their trees, the mountains, and the catalog of logs over them. It has
// no actors. The actors package moves messages between the stage cores that
// are here; the root package and the sessions read through it.
//
// The stage cores, in pipeline order, with what each owns and where each takes
// up after a restart:
//
//	Committer  commit.go     LMDB: sequences, durability    its log rows
//	Segmenter  segmenter.go  the pages of .seg files         the sealed cursor, then replay
//	Trees      trees.go      the tier-1 nodes, .tree files   the sealed cursor, then replay
//	MMRIndexer mmrindexer.go the tier-2 nodes, mmr files     the sealed cursor, then replay
//
// The sealed cursor of a log is a page boundary in its LMDB row: everything
// below it is synced in files, everything above it is in the AOF. A stage core
// that has no state for a log starts at that cursor and replays the AOF up to
// the batch in hand, so that losing its memory costs a little repeated work
// and never an event (docs/architecture.md).
package store
