// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Proven is the proof that came with a peer's events: a head its author
// signed, and the compact range from their end to the head's size. Left and
// Root tell the history that was verified from another one, which its author
// may have signed too: the peaks before the first event, and the root behind
// the last.
//
//	[log, size, root, signature, right, left, root behind]
type Proven struct {
	Head  proof.Head
	Right []digest.Hash
	Left  []digest.Hash
	Root  digest.Hash
}

const (
	provenFields = 7
	minProven    = 1 + 2*(2+digest.Size) + 1 + (2 + 64) + 2 + 2 + (2 + digest.Size)
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
