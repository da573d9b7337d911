// SPDX-License-Identifier: MPL-2.0

// Package quicnet is the QUIC carrier: raw QUIC streams between two nodes that
// prove their peer keys to each other (docs/xsp.md, "Carriers").
//
// Both sides present one self-signed Ed25519 certificate over TLS 1.3. The key
// in it is the peer id; nothing else in a certificate is looked at. A dialer
// names the peer it expects and breaks off if another answers, before it
// has said anything. The other way round, a listener learns who dialed but a
// dialer learns whether it was taken only from the first byte that comes back.
//
// Start with New; peertls holds the identity rules, socket.go who owns what.
package quicnet
