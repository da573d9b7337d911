// SPDX-License-Identifier: MPL-2.0

// Package layout is what lies in a store's directory: one file for each text or
// row, with its bytes drawn above what encodes and decodes it
// (docs/format.md). Begin with table.go and tables.go. Events, log rows and
// pages belong to packages aof and segwriter.
//
// Rule: it knows bytes and what they mean; it opens no file, reads no clock and
// knows no LMDB.
package layout
