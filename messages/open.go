// SPDX-License-Identifier: MPL-2.0

package messages

// Open is the first message of a stream that is for a capability. All that follows
// is the capability's own. If nobody registered it the answer is ERROR with
// CodeNoCapability.
//
//	[80, capability, parameter]
type Open struct {
	Capability string // 1 to MaxCapBytes bytes
	Param      []byte // at most MaxOpenParam; borrowed when decoded
}

// Presence is a small message of a capability to the peers of a topic, which
// nobody stores.
//
//	[208, topic, capability, data]
type Presence struct {
	Topic      uint32
	Capability string // 1 to MaxCapBytes bytes
	Data       []byte // at most MaxPresence; borrowed when decoded
}

const (
	openFields     = 2
	presenceFields = 3
)

// Type returns TypeOpen.
func (*Open) Type() Type { return TypeOpen }

func (m *Open) encode(w *writer) {
	w.begin(TypeOpen, openFields)
	w.capability(m.Capability)
	w.bin("parameter", m.Param, MaxOpenParam)
}

func decodeOpen(r *reader) Message {
	return &Open{Capability: r.capability(), Param: r.bin("parameter", MaxOpenParam)}
}

// Type returns TypePresence.
func (*Presence) Type() Type { return TypePresence }

func (m *Presence) encode(w *writer) {
	w.begin(TypePresence, presenceFields)
	w.topic(m.Topic)
	w.capability(m.Capability)
	w.bin("data", m.Data, MaxPresence)
}

func decodePresence(r *reader) Message {
	return &Presence{Topic: r.topic(), Capability: r.capability(), Data: r.bin("data", MaxPresence)}
}

func (w *writer) capability(name string) {
	if name == "" {
		w.fail(ErrMalformed, "capability", "empty")
	}
	w.str("capability", name, MaxCapBytes)
}

func (r *reader) capability() string {
	name := r.str("capability", MaxCapBytes)
	if r.err == nil && name == "" {
		r.fail(ErrMalformed, "capability", "empty")
	}
	return name
}
