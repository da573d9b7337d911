// SPDX-License-Identifier: MPL-2.0

package messages

import "math"

// Ping asks whether the peer is there. It is answered by PONG at once. Padding
// makes its datagram so long that who lost the connection answers it too.
//
//	[5, nonce, padding]
type Ping struct {
	Nonce   uint64
	Padding []byte // zeros, at most MaxPadding; borrowed when decoded
}

// Pong answers a Ping with its nonce.
//
//	[6, nonce, padding]
type Pong struct {
	Nonce   uint64
	Padding []byte // as in Ping, and as long as the sender likes
}

const pingFields = 2

// Type returns TypePing.
func (*Ping) Type() Type { return TypePing }

// Type returns TypePong.
func (*Pong) Type() Type { return TypePong }

func (m *Ping) encode(w *writer) { encodePing(w, TypePing, m.Nonce, m.Padding) }
func (m *Pong) encode(w *writer) { encodePing(w, TypePong, m.Nonce, m.Padding) }

func encodePing(w *writer, t Type, nonce uint64, padding []byte) {
	w.begin(t, pingFields)
	w.uint("nonce", nonce, math.MaxUint64)
	if !zeros(padding) {
		w.fail(ErrMalformed, "padding", "not zeros")
	}
	w.bin("padding", padding, MaxPadding)
}

func decodePing(r *reader) Message {
	return &Ping{Nonce: r.uint("nonce", math.MaxUint64), Padding: r.padding()}
}

func decodePong(r *reader) Message {
	return &Pong{Nonce: r.uint("nonce", math.MaxUint64), Padding: r.padding()}
}

func (r *reader) padding() []byte {
	b := r.bin("padding", MaxPadding)
	if !zeros(b) {
		r.fail(ErrMalformed, "padding", "not zeros")
	}
	return b
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
