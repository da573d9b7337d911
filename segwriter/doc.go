// SPDX-License-Identifier: MPL-2.0

// Package segwriter packs a log's events into pages and keeps the pages and
// the stored nodes of its tree in files (docs/format.md, "Pages" and
// "Segments").
//
// The pure part turns records into pages: Packer is the deterministic packing
// rule and nothing else, Builder fills the open page and hands over the full
// ones, ParsePage checks a page, DecodeGroup joins the pages of an event that
// is larger than one.
//
// The other part owns files. A Store holds the files of all logs below one
// directory, and a Log writes and reads those of one log:
//
//	logs/<log id>/000000.seg   N pages, allocated as they fill
//	logs/<log id>/000000.tree  tier-1 nodes of those pages, with a table of them
//	logs/<log id>/head         the last checkpoint sealed with the pages
//	mmr/<log id>               tier-2 nodes in the order they were completed
//
// Only .seg files hold what cannot be made again; .tree and mmr files may be
// deleted while the store is closed. Writes are positioned and synced in
// groups, pages are read through read-only maps. CheckSegment verifies a .seg
// and its .tree without a store.
//
// Log.Erase takes events out of pages. An image stands for each of those, and a
// segment that holds one is written anew: image.go is the format of an image,
// layout.go and packing.go are that of the file, rewrite.go is the order of
// writes.
package segwriter
