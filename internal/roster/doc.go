// SPDX-License-Identifier: MPL-2.0

// Package roster is the log of who belongs to a topic: the codec of its
// records and of the asks that lead to them, and the fold that decides what
// they mean (docs/roster.md).
//
// Rule: bytes in, values out. No files, no clocks, no randomness; what a State
// answers depends on the records that were applied to it and on nothing else.
//
// Start with New and State.Apply for the fold of one chain of legs, with
// Choose for which of several chains counts, and with Decode for a record.
package roster
