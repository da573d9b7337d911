// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// NewRefetch returns a Transfer of what follows a part of a log that is known
// to be sound: the pages before page, whose events have these peaks, and the last
// of them this time. It is for
// pages that were lost or damaged after they were stored.
func NewRefetch(info LogInfo, page uint64, before mmrindex.Mountains, last int64) *Transfer {
	size := before.Size()
	own := LogInfo{
		Log: info.Log, Topic: info.Topic, Author: info.Author, PageBytes: info.PageBytes, Kind: info.Kind, Number: info.Number,
		Pages: page, Size: size, SealedSize: size,
	}
	return &Transfer{info: info, own: own, page: page, next: size, m: before, time: last, tree: merkleindex.NewBuilder(0)}
}

// RequestPages asks for a number of pages only.
func (t *Transfer) RequestPages(count uint64) *messages.PageRequest {
	return &messages.PageRequest{Topic: t.topic, Log: t.info.Log, From: t.page, Count: count}
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
