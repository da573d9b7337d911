// SPDX-License-Identifier: MPL-2.0

// Package home is what the devices of one person tell each other in their home topic:
// which topics there are and with which keys, who wants to take part in one, and who may.
// It implements docs/home.md.
//
// Rule: pure. It knows bytes and what they add up to, and no store, no clock and no peer.
//
// Start with Entry and State.
package home
