// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// HAVE, PRUNE and GRAFT shape a live mesh. All of them may be ignored: events
// that are not pushed are found missing by the next digest.

// MaxHave is the most logs in a HAVE or GRAFT.
const MaxHave = 1024

// Have tells how many events of some logs the sender holds, to a peer that it
// does not push them to.
//
//	[144, topic, [[log, size] ...]]
type Have struct {
	Topic uint32
	Logs  []LogSize // at most MaxHave
}

// A LogSize is how many events of a log somebody holds.
type LogSize struct {
	Log  digest.Hash
	Size uint64
}

// Prune asks the peer not to push new events of a topic any more: they come
// from others sooner. It tells of them by HAVE instead.
//
//	[145, topic]
type Prune struct{ Topic uint32 }

// Graft asks the peer to push new events of a topic again, and now what follows
// the sizes stated.
//
//	[146, topic, [[log, size, pages] ...]]
type Graft struct {
	Topic uint32
	Logs  []LogHeld // at most MaxHave
}

// A LogHeld is how many events and full pages of a log the sender holds.
type LogHeld struct {
	Log         digest.Hash
	Size, Pages uint64
}

const (
	haveFields  = 2
	pruneFields = 1
	graftFields = 2

	logSizeFields = 2
	logHeldFields = 3
	minLogSize    = 1 + 34 + 1
	minLogHeld    = 1 + 34 + 1 + 1
)

// Type returns TypeHave.
func (*Have) Type() Type { return TypeHave }

func (m *Have) encode(w *writer) {
	w.begin(TypeHave, haveFields)
	w.topic(m.Topic)
	w.list("logs", len(m.Logs), MaxHave)
	for i := range m.Logs {
		w.array(logSizeFields)
		w.fixed(m.Logs[i].Log[:])
		w.uint("size", m.Logs[i].Size, MaxCount)
	}
}

func decodeHave(r *reader) Message {
	m := &Have{Topic: r.topic()}
	n := r.list("logs", MaxHave, minLogSize)
	if n == 0 {
		return m
	}
	m.Logs = make([]LogSize, n)
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("log", logSizeFields)
		m.Logs[i] = LogSize{Log: r.hash("log id"), Size: r.count("size")}
		r.skip("log", rest)
	}
	return m
}

// Type returns TypePrune.
func (*Prune) Type() Type { return TypePrune }

func (m *Prune) encode(w *writer) {
	w.begin(TypePrune, pruneFields)
	w.topic(m.Topic)
}

func decodePrune(r *reader) Message { return &Prune{Topic: r.topic()} }

// Type returns TypeGraft.
func (*Graft) Type() Type { return TypeGraft }

func (m *Graft) encode(w *writer) {
	w.begin(TypeGraft, graftFields)
	w.topic(m.Topic)
	w.list("logs", len(m.Logs), MaxHave)
	for i := range m.Logs {
		w.array(logHeldFields)
		w.fixed(m.Logs[i].Log[:])
		w.uint("size", m.Logs[i].Size, MaxCount)
		w.uint("pages", m.Logs[i].Pages, MaxCount)
	}
}

func decodeGraft(r *reader) Message {
	m := &Graft{Topic: r.topic()}
	n := r.list("logs", MaxHave, minLogHeld)
	if n == 0 {
		return m
	}
	m.Logs = make([]LogHeld, n)
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("log", logHeldFields)
		m.Logs[i] = LogHeld{Log: r.hash("log id"), Size: r.count("size"), Pages: r.count("pages")}
		r.skip("log", rest)
	}
	return m
}
