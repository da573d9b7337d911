// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/digest"

// A NewLog is what a log is created from; its id follows from it.
//
//	[topic, author, page bytes, own]
type NewLog struct {
	Topic     digest.Hash
	Author    [32]byte
	PageBytes uint32
	Own       bool // this store holds the author's key
}

const (
	newLogFields = 4
	minNewLog    = 1 + 2*(2+digest.Size) + 1 + 1
)

func (n *NewLog) encode(w *writer) {
	w.array(newLogFields)
	w.fixed(n.Topic[:])
	w.fixed(n.Author[:])
	w.uint("page bytes", uint64(n.PageBytes), MaxPageBytes)
	w.bool(n.Own)
}

func (n *NewLog) decode(r *reader) {
	rest := r.fields("new log", newLogFields)
	n.Topic = r.hash("topic")
	r.fixed("author", n.Author[:])
	n.PageBytes = r.pageBytes()
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
