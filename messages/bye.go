// SPDX-License-Identifier: MPL-2.0

package messages

// Bye ends a session in good order.
//
//	[12, code, text]
type Bye struct {
	Code Code
	Text string // for people, at most MaxTextBytes
}

// Type returns TypeBye.
func (*Bye) Type() Type { return TypeBye }

func (m *Bye) encode(w *writer) { encodeEnd(w, TypeBye, m.Code, m.Text) }

func decodeBye(r *reader) Message {
	return &Bye{Code: Code(r.uint16("code")), Text: r.str("text", MaxTextBytes)}
}
