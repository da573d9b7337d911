// SPDX-License-Identifier: MPL-2.0

package messages

// Unknown stands for a message of a type this version does not know and may
// ignore. Its fields were checked to be well-formed and are gone.
type Unknown struct {
	Number Type // FirstOptional or above
}

// Type returns the number the message came with.
func (m *Unknown) Type() Type { return m.Number }

func (m *Unknown) encode(w *writer) {
	w.begin(m.Number, 0)
	if m.Number < FirstOptional {
		w.fail(ErrMalformed, "type", "%d is not optional", uint16(m.Number))
	}
}
