// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Every message has a header, numbers in it big-endian as in all of XSP:
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1      1  type
//	     2      4  length of the body
//	     6      …  body; nothing follows
//
// Five types, each with one length, but for that of PAYLOAD:
//
//	type         from       body                             bytes
//	1 SHARE      initiator  Ya 32                            32
//	2 REPLY      responder  Yb 32 ‖ tag Tb 64                96
//	3 CONFIRM    initiator  tag Ta 64                        64
//	4 PAYLOAD    both       ciphertext of 0 to 65536 ‖ tag   16 to 65552
//	5 REFUSE     both       nothing                          0
const (
	// Version is the version of these messages.
	Version = 1
	// FirstBytes is the length of the message that an initiator begins with.
	FirstBytes = HeaderBytes + shareBytes
	// HeaderBytes is the length of a header.
	HeaderBytes = 1 + 1 + 4
	// MaxPayload is the length of the longest payload.
	MaxPayload = 64 << 10

	aeadTagBytes = 16
)

// A messageType says what a message is for.
type messageType uint8

const (
	typeShare messageType = 1 + iota
	typeReply
	typeConfirm
	typePayload
	typeRefuse
)

func (t messageType) String() string {
	if f, ok := formats[t]; ok {
		return f.name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// formats has every type there is, and the lengths that its body may have.
var formats = map[messageType]struct {
	name     string
	min, max uint32
}{
	typeShare:   {"SHARE", shareBytes, shareBytes},
	typeReply:   {"REPLY", shareBytes + tagBytes, shareBytes + tagBytes},
	typeConfirm: {"CONFIRM", tagBytes, tagBytes},
	typePayload: {"PAYLOAD", aeadTagBytes, MaxPayload + aeadTagBytes},
	typeRefuse:  {"REFUSE", 0, 0},
}

// header returns the header of a message of type t with a body of n bytes.
func header(t messageType, n int) []byte {
	return binary.BigEndian.AppendUint32([]byte{Version, byte(t)}, uint32(n))
}

// encode returns a message, whose body is the parts in a row.
func encode(t messageType, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(header(t, len(body)), body...)
}

// decodeHeader returns the type of the message that h is the header of, and the
// length of its body. The error is ErrMessage.
func decodeHeader(h []byte) (messageType, int, error) {
	if len(h) != HeaderBytes {
		return 0, 0, fmt.Errorf("%w (header of %d bytes, want %d)", ErrMessage, len(h), HeaderBytes)
	}
	if h[0] != Version {
		return 0, 0, fmt.Errorf("%w (version %d, want %d)", ErrMessage, h[0], Version)
	}
	t, n := messageType(h[1]), binary.BigEndian.Uint32(h[2:])
	f, ok := formats[t]
	if !ok {
		return 0, 0, fmt.Errorf("%w (%v)", ErrMessage, t)
	}
	if n < f.min || n > f.max {
		return 0, 0, fmt.Errorf("%w (%v of %d bytes, want %d to %d)", ErrMessage, t, n, f.min, f.max)
	}
	return t, int(n), nil
}

// decode returns the type and the body of a whole message; the body is part of b.
// The error is ErrMessage.
func decode(b []byte) (messageType, []byte, error) {
	t, n, err := decodeHeader(b[:min(len(b), HeaderBytes)])
	if err != nil {
		return 0, nil, err
	}
	if body := b[HeaderBytes:]; len(body) == n {
		return t, body, nil
	}
	return 0, nil, fmt.Errorf("%w (%v with %d bytes, its header says %d)", ErrMessage, t, len(b)-HeaderBytes, n)
}

// Refusal returns the message of a device that has no code for an attempt, or
// whose person said no. To the other end it is as if the codes differed.
func Refusal() []byte { return encode(typeRefuse) }
