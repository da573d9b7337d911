// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"math"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// A NewLog is what a log is created from; its id follows from it.
//
//	[topic, author, page bytes, kind, number, own]
type NewLog struct {
	identity.LogName
	Own bool // this store holds the author's key
}

const (
	newLogFields = 6
	minNewLog    = 1 + 2*(2+digest.Size) + 1 + 1 + 1 + 1
)

func (n *NewLog) encode(w *writer) {
	w.array(newLogFields)
	w.fixed(n.Topic[:])
	w.fixed(n.Author[:])
	w.uint("page bytes", uint64(n.PageBytes), MaxPageBytes)
	w.uint("kind", uint64(n.Kind), math.MaxUint8)
	w.uint("number", n.Number, math.MaxUint64)
	w.bool(n.Own)
}

func (n *NewLog) decode(r *reader) {
	rest := r.fields("new log", newLogFields)
	n.Topic = r.hash("topic")
	r.fixed("author", n.Author[:])
	n.PageBytes = r.pageBytes()
	n.Kind = identity.LogKind(r.uint("kind", math.MaxUint8))
	n.Number = r.uint("number", math.MaxUint64)
	n.Own = r.bool("own")
	r.skip("new log", rest)
}

// newLog writes a list of n, or of nothing.
func (w *writer) newLog(n *NewLog) {
	if n == nil {
		w.array(0)
		return
	}
	w.array(1)
	n.encode(w)
}

func (r *reader) newLog() *NewLog {
	if r.list("create", 1, minNewLog) == 0 {
		return nil
	}
	n := new(NewLog)
	n.decode(r)
	return n
}
