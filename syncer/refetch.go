// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A Refetch is a transfer of what was lost or damaged after it was stored, and who
// takes what it verified, in order. A caller without a use for something leaves its
// function out.
type Refetch struct {
	Transfer *Transfer
	Pages    func(*VerifiedPages) error
	Events   func(*Verified) error
	Head     func(proof.Head) // the newest that a peer holds, by its own word
}

// NewRefetch returns a Refetch of what follows a part of a log that is known
// to be sound: the pages before page, whose events have these peaks, and the last
// of them this time.
func NewRefetch(info LogInfo, page uint64, before mmrindex.Peaks, last int64) *Refetch {
	size := before.Size()
	own := LogOf(info.Log, info.Name(), info.Genesis)
	own.Pages, own.Size, own.SealedSize = page, size, size
	return &Refetch{Transfer: &Transfer{info: info, own: own, page: page, next: size, m: before, time: last, tree: merkleindex.NewBuilder(0)}}
}

// Last returns the page that was held back as a page, for a caller who knows
// from elsewhere that it ends there, or nil.
func (t *Transfer) Last() *VerifiedPages {
	s := t.held
	if s == nil || t.closed != 0 {
		return nil
	}
	t.held = nil
	v := &VerifiedPages{
		Info: t.info, Head: t.head, Right: t.right, Bytes: s.bytes, Leaves: s.leaves,
		Seals: []messages.Seal{s.seal}, Trees: [][]digest.Hash{s.tree},
	}
	if s.image {
		v.Images = []messages.RunImage{s.runImage(0)}
	}
	return v
}
