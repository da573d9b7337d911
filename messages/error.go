// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"
	"math"
)

// Error says that the sender gives up on what it was doing and why. On the
// control stream it ends the session, on another stream only that transfer.
// It is also a Go error, with the peer's words in it.
//
//	[11, code, text]
type Error struct {
	Code Code
	Text string // for people, at most MaxTextBytes; from a peer, so quote it
}

const endFields = 2 // of ERROR and BYE

// Type returns TypeError.
func (*Error) Type() Type { return TypeError }

// Error returns the code and the peer's text, quoted.
func (m *Error) Error() string {
	if m.Text == "" {
		return fmt.Sprintf("peer says: %v", m.Code)
	}
	return fmt.Sprintf("peer says: %v: %q", m.Code, m.Text)
}

func (m *Error) encode(w *writer) { encodeEnd(w, TypeError, m.Code, m.Text) }

func encodeEnd(w *writer, t Type, code Code, text string) {
	w.begin(t, endFields)
	w.uint("code", uint64(code), math.MaxUint16)
	w.str("text", text, MaxTextBytes)
}

func decodeError(r *reader) Message {
	return &Error{Code: Code(r.uint16("code")), Text: r.str("text", MaxTextBytes)}
}
