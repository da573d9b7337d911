// SPDX-License-Identifier: MPL-2.0

// Package messages defines every message of XSP, the sync protocol, and the
// frames they travel in (docs/xsp.md).
//
// A frame is a length and a body:
//
//	offset  bytes  field
//	     0      4  length of the body (big-endian uint32)
//	     4      n  body: a msgpack array [type, field, field, ...]
//
// One file holds one message: its struct, its limits, its encoding and its
// decoding. Encoding is the msgpack library's; decoding is the strict reader of
// reader.go, because what a peer sends must never cost more than it is long.
//
// The encoder refuses whatever the decoder refuses, so that a mistake shows at
// the sender. The rules:
//
//   - A field has one msgpack family: unsigned integer, bool, bin, str or array.
//     An integer may be in any width that holds it, and signed forms are fine
//     while the value is not negative. nil is nothing's value.
//   - Arrays of fields may be longer than this version knows: the rest is
//     skipped. Shorter is an error, and so are bytes after the body's array.
//   - Hashes in a list are one bin of n times 32 bytes.
//   - A message type below 128 must be known (ErrUnknownType). One of 128 or
//     above may be ignored, and decodes to Unknown.
//
// Bulk bytes (DIFF bodies, records, leaf data) are borrowed from the frame that
// was decoded and live as long as its buffer; everything else is copied.
//
// Start with AppendFrame, ReadFrame and Decode.
package messages
