// SPDX-License-Identifier: MPL-2.0

// Package steward decides what the device that writes a topic's roster writes
// next: which asks of members it carries out, which it refuses and why, and the
// epochs and boxes that go with that (docs/roster.md, "Asks and authority").
//
// Rule: values in, values out. No files and no goroutines; the time, the random
// bytes and what the store holds of a log are given. What a record means is for
// package roster to say, and what is in a box for package seal: a record that the
// fold would make void is never written.
//
// Start with New, then Desk.Answer.
package steward
