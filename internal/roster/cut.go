// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// CutLog says how much of a log counts.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40     72  cut (Prefix)
//	   112      1  1 if a fork is shown, else 0
//	   113      f  if so: fork
type CutLog struct {
	Ask  AskRef
	Cut  Prefix
	Fork *Fork
}

// Type returns "xf/cut".
func (*CutLog) Type() string { return "xf/cut" }

func (r *CutLog) code(c *coder) {
	c.ask(&r.Ask)
	codePrefix(c, &r.Cut)
	optional(c, &r.Fork, codeFork)
}

// A Fork is two heads of one data log that cannot both be true, and which only
// its author can have signed.
//
//	offset  bytes  field
//	     0     32  author
//	    32      4  page bytes
//	    36      8  number
//	    44    104  older head: size 8, root 32, signature 64 of its checkpoint
//	   148    104  newer head, of the same size or a larger one
//	   252     32  root that the newer tree has at the older size
//	   284      1  h, number of hashes, at most 64
//	   285   32*h  consistency proof from that root to the newer head
type Fork struct {
	Author    Key
	PageBytes uint32
	Number    uint64
	Old, New  Head
	Root      digest.Hash
	Hashes    []digest.Hash
}

// A Head is a log's size and root, signed by its author.
type Head struct {
	Size uint64
	Root digest.Hash
	Sig  Signature
}

func codeFork(c *coder, f *Fork) {
	c.key(&f.Author)
	c.u32(&f.PageBytes)
	c.u64(&f.Number)
	f.Old.code(c)
	f.New.code(c)
	c.hash(&f.Root)
	c.hashes(&f.Hashes)
}

func (h *Head) code(c *coder) {
	c.size(&h.Size)
	c.hash(&h.Root)
	c.sig(&h.Sig)
}

// Log returns the id of the log that f shows to be forked.
func (f *Fork) Log(topic digest.Hash) digest.Hash {
	return DataLog(topic, f.Author, f.PageBytes, f.Number)
}

// Verify reports whether the author signed both heads and they contradict each
// other.
func (f *Fork) Verify(topic digest.Hash) bool {
	log := f.Log(topic)
	for _, h := range []*Head{&f.Old, &f.New} {
		head := proof.Head{Log: log, Size: h.Size, Root: h.Root, Sig: h.Sig}
		if head.Verify(f.Author[:]) != nil {
			return false
		}
	}
	return f.Old.Size > 0 && f.Old.Root != f.Root &&
		proof.VerifyConsistency(f.Old.Size, f.Root, f.New.Size, f.New.Root, f.Hashes) == nil
}
