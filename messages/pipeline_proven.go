// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"math"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Proven is the proof that came with a peer's events: a head its author
// signed, and the compact range from their end to the head's size. Left and
// Root tell the history that was verified from another one, which its author
// may have signed too: the peaks before the first event, and the root behind
// the last.
//
// Time and Closed are what follows from the last event: the time that no later
// one may be before, and why none may follow.
//
//	[log, size, root, signature, right, left, root behind, time, closed]
type Proven struct {
	Head  proof.Head
	Right []digest.Hash
	Left  []digest.Hash
	Root  digest.Hash

	Time   int64        // of the last event, milliseconds since 1970; 0 if there is none
	Closed event.Reason // the log ends behind it, if it is not 0
}

const (
	provenFields = 9
	minProven    = 1 + 2*(2+digest.Size) + 1 + (2 + 64) + 2 + 2 + (2 + digest.Size) + 1 + 1
)

func (p *Proven) encode(w *writer) {
	w.array(provenFields)
	w.fixed(p.Head.Log[:])
	w.uint("head size", p.Head.Size, MaxCount)
	w.fixed(p.Head.Root[:])
	w.fixed(p.Head.Sig[:])
	w.hashes("right", p.Right, MaxRight)
	w.hashes("left", p.Left, MaxRight)
	w.fixed(p.Root[:])
	w.uint("time", uint64(p.Time), event.MaxTime)
	w.uint("closed", uint64(p.Closed), math.MaxUint8)
}

func (p *Proven) decode(r *reader) {
	rest := r.fields("proven", provenFields)
	p.Head.Log = r.hash("head log")
	p.Head.Size = r.count("head size")
	p.Head.Root = r.hash("head root")
	r.fixed("head signature", p.Head.Sig[:])
	p.Right = r.hashes("right", MaxRight)
	p.Left = r.hashes("left", MaxRight)
	p.Root = r.hash("root behind")
	p.Time = int64(r.uint("time", event.MaxTime))
	p.Closed = event.Reason(r.uint("closed", math.MaxUint8))
	r.skip("proven", rest)
}

// remote writes a list of p, or of nothing.
func (w *writer) remote(p *Proven) {
	if p == nil {
		w.array(0)
		return
	}
	w.array(1)
	p.encode(w)
}

func (r *reader) remote() *Proven {
	if r.list("remote", 1, minProven) == 0 {
		return nil
	}
	p := new(Proven)
	p.decode(r)
	return p
}

// covers reports whether events up to end can be under p; no proof is needed
// for one's own.
func (p *Proven) covers(end uint64) bool { return p == nil || end <= p.Head.Size }
