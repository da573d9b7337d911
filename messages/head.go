// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/digest"

// A Head is a tree head signed by the author of the log it is sent for. The
// signature is over its text form, a C2SP checkpoint.
//
//	[size, root, signature]
type Head struct {
	Size uint64
	Root digest.Hash
	Sig  [64]byte // Ed25519
}

const (
	headFields = 3
	minHead    = 1 + 1 + 2 + digest.Size + 2 + 64
)

func (h *Head) encode(w *writer) {
	w.array(headFields)
	w.uint("head size", h.Size, MaxCount)
	w.fixed(h.Root[:])
	w.fixed(h.Sig[:])
}

func (h *Head) decode(r *reader) {
	rest := r.fields("head", headFields)
	h.Size = r.count("head size")
	h.Root = r.hash("head root")
	r.fixed("head signature", h.Sig[:])
	r.skip("head", rest)
}

// A LogState is what a peer holds of one log.
//
//	[log, author, page bytes, size, pages, head, forked]
type LogState struct {
	Log       digest.Hash
	Author    [32]byte
	PageBytes uint32
	Size      uint64 // events held, at most Head.Size
	Pages     uint64 // sealed pages held
	Head      Head   // the newest head known
	Forked    bool   // a fork proof is held; what else is said of the log is zero
}

const (
	logStateFields = 7
	minLogState    = 1 + 2*(2+32) + 3 + minHead + 1
)

func (s *LogState) encode(w *writer) {
	w.array(logStateFields)
	w.fixed(s.Log[:])
	w.fixed(s.Author[:])
	w.uint("page bytes", uint64(s.PageBytes), MaxPageBytes)
	w.uint("size", s.Size, MaxCount)
	w.uint("pages", s.Pages, MaxCount)
	s.Head.encode(w)
	w.bool(s.Forked)
}

func (s *LogState) decode(r *reader) {
	rest := r.fields("log state", logStateFields)
	s.Log = r.hash("log")
	r.fixed("author", s.Author[:])
	s.PageBytes = r.pageBytes()
	s.Size = r.count("size")
	s.Pages = r.count("pages")
	s.Head.decode(r)
	s.Forked = r.bool("forked")
	r.skip("log state", rest)
}
