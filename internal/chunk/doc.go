// SPDX-License-Identifier: MPL-2.0

// Package chunk is what follows from events of a log that are held without the
// ones before them (docs/architecture.md, "Ranges"): which are missing, what one
// range proves by itself, and whether it contradicts a head. A range is
// syncer.Range, with all it takes to see that it is under its head.
//
// Rule: it knows ranges that somebody read, and nothing of where they were read;
// it opens nothing and keeps nothing.
package chunk
