// SPDX-License-Identifier: MPL-2.0

package main

import (
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// unknownFrame is a message of a type that nobody knows, with fields.
func unknownFrame(typ uint64, fields uint32) []byte {
	body := [][]byte{evilpeer.Array(fields + 1), evilpeer.Uint(typ)}
	for range fields {
		body = append(body, evilpeer.Bin(3, []byte("new")))
	}
	return evilpeer.Frame(body...)
}

const longNonce = 99

// longPing is a PING with two fields more than are known, one of them of arrays.
func longPing() []byte {
	return evilpeer.Frame(evilpeer.Array(5), evilpeer.Uint(uint64(messages.TypePing)), evilpeer.Uint(longNonce), evilpeer.Bin(0, nil), evilpeer.Nested(10), evilpeer.Bool(true))
}
