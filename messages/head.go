// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

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
//	[log, log name, size, pages, head, end]
type LogState struct {
	Log       digest.Hash
	Author    [32]byte
	PageBytes uint32
	Kind      identity.LogKind
	Number    uint64
	Size      uint64 // events held, at most Head.Size
	Pages     uint64 // sealed pages held
	Head      Head   // the newest head known
	End       LogEnd // of the log, as far as the sender knows
}

// A LogEnd says whether a log goes on, in one number: 0 if it does, 1 if it is
// forked, and else its size, and 2 more, where it ends: it closed itself by
// breaking a rule, or the roster cut it.
type LogEnd uint64

const (
	// Ongoing is the end of a log that goes on.
	Ongoing LogEnd = 0
	// Forked says that a fork proof is held. All else that is said of the log, but
	// for its name, is zero.
	Forked LogEnd = 1
)

// EndsAt is the end of a log that counts up to a size and no further.
func EndsAt(size uint64) LogEnd { return LogEnd(size + 2) }

// At returns the size where a log ends; false says that it is not known to.
func (e LogEnd) At() (size uint64, ends bool) {
	if e <= Forked {
		return 0, false
	}
	return uint64(e - 2), true
}

const (
	logStateFields = 5 + logNameFields
	minLogState    = 1 + 2*(2+32) + 3 + 2 + minHead + 1
)

func (s *LogState) encode(w *writer) {
	w.array(logStateFields)
	w.fixed(s.Log[:])
	w.logName(&s.Author, s.PageBytes, s.Kind, s.Number)
	w.uint("size", s.Size, MaxCount)
	w.uint("pages", s.Pages, MaxCount)
	s.Head.encode(w)
	w.uint("end", uint64(s.End), MaxCount+2)
}

func (s *LogState) decode(r *reader) {
	rest := r.fields("log state", logStateFields)
	s.Log = r.hash("log")
	r.logName(&s.Author, &s.PageBytes, &s.Kind, &s.Number)
	s.Size = r.count("size")
	s.Pages = r.count("pages")
	s.Head.decode(r)
	s.End = LogEnd(r.uint("end", MaxCount+2))
	r.skip("log state", rest)
}
