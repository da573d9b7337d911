// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Signers of a term record. Of two for one term, a smaller number comes first.
const (
	BySuccessors = 1 // k of genesis' n successors
	ByOwner      = 2 // the owner's account key
)

// A Term is a term record: it says how much of the roster counts and who goes
// on as the steward. Only it raises the term.
//
//	offset  bytes  field
//	     0     72  the last of the roster that counts (Prefix); log 0, size 0 for none
//	    72      4  term, above that of the leg named, so at least 1
//	    76     32  device key of the new steward
//	   108      1  1 by successors, 2 by the owner's account key
//	   109      1  s, number of signatures, at most 16; 1 by the owner, k by successors
//	   110   65*s  signatures: index of the successor u8 (0 for the owner),
//	                 signature 64; indices rise
//
// The signature is over the topic id and the first 109 bytes.
type Term struct {
	Last    Prefix
	Term    uint32
	Steward Key
	By      uint8
	Signed  []TermSignature
}

// A TermSignature is one signature of a term record.
type TermSignature struct {
	Index uint8 // in genesis' list of successors; 0 for the owner
	Sig   Signature
}

func codeTerm(c *coder, t *Term) {
	t.codeSigned(c)
	n := codeTermSignatures(c, t, 1)
	c.check(t.By == BySuccessors || n == 1 && (c.err != nil || t.Signed[0].Index == 0), "%d signatures of one owner", n)
}

// codeTermSignatures is the signatures, of which there are so many at least.
func codeTermSignatures(c *coder, t *Term, least uint8) uint8 {
	n := uint8(len(t.Signed))
	c.check(len(t.Signed) <= identity.MaxSuccessors, "%d signatures", len(t.Signed))
	c.u8(&n)
	c.check(n >= least && n <= identity.MaxSuccessors, "%d signatures, want %d to %d", n, least, identity.MaxSuccessors)
	if c.err == nil && !c.writing {
		t.Signed = make([]TermSignature, n)
	}
	for i := range t.Signed {
		s := &t.Signed[i]
		c.u8(&s.Index)
		c.sig(&s.Sig)
		c.check(i == 0 || t.Signed[i-1].Index < s.Index, "signature %d does not rise", i)
	}
	return n
}

// codeSigned is the part that is signed.
func (t *Term) codeSigned(c *coder) {
	codePrefix(c, &t.Last)
	c.check(t.Last.Log.IsZero() == (t.Last.Size == 0), "size %d of log %s", t.Last.Size, t.Last.Log.Short())
	c.u32(&t.Term)
	c.check(t.Term > 0, "term 0, which genesis begins")
	c.key(&t.Steward)
	c.u8(&t.By)
	c.check(t.By == BySuccessors || t.By == ByOwner, "by %d, want 1 or 2", t.By)
}

// signed returns the bytes that are signed.
func (t *Term) signed() []byte {
	c := coder{writing: true}
	t.codeSigned(&c)
	return c.b
}

func (t *Term) tag() string {
	if t.By == ByOwner {
		return tagTerm
	}
	return tagSuccession
}

// Hash returns what decides between two term records of one term and kind: the
// message that their signers sign.
func (t *Term) Hash(topic digest.Hash) digest.Hash {
	return digest.Tagged(t.tag(), topic[:], t.signed())
}

// Sign adds the signature of the successor with this index, or of the owner
// with index 0, and keeps the order.
func (t *Term) Sign(topic digest.Hash, index uint8, key ed25519.PrivateKey) {
	s := TermSignature{index, sign(key, t.tag(), topic[:], t.signed())}
	at := 0
	for at < len(t.Signed) && t.Signed[at].Index < index {
		at++
	}
	t.Signed = append(t.Signed[:at], append([]TermSignature{s}, t.Signed[at:]...)...)
}

// Verify reports whether those signed t who can raise a term: the owner, or
// exactly k successors, all with the right signatures.
func (t *Term) Verify(topic digest.Hash, g *Genesis) bool {
	if t.By == ByOwner {
		return len(t.Signed) == 1 && verify(g.Owner, &t.Signed[0].Sig, tagTerm, topic[:], t.signed())
	}
	if g.Need == 0 || len(t.Signed) != g.Need {
		return false
	}
	for _, s := range t.Signed {
		if int(s.Index) >= len(g.Successors) || !verify(g.Successors[s.Index], &s.Sig, tagSuccession, topic[:], t.signed()) {
			return false
		}
	}
	return true
}

// Before reports whether t decides against u: a higher term, or successors
// before the owner, or the smaller hash.
func (t *Term) Before(topic digest.Hash, u *Term) bool {
	switch {
	case t.Term != u.Term:
		return t.Term > u.Term
	case t.By != u.By:
		return t.By < u.By
	}
	a, b := t.Hash(topic), u.Hash(topic)
	return bytes.Compare(a[:], b[:]) < 0
}

// Begin is record 0 of every leg but genesis'.
//
//	offset  bytes  field
//	     0      1  0 the leg before handed over; 1 a term begins
//	     1     72  if 0: the leg before, all of it (Prefix), of size 1 or more
//	     1      t  if 1: the term record
type Begin struct {
	Before Prefix // if Term is nil
	Term   *Term
}

// Type returns "xf/begin".
func (*Begin) Type() string { return "xf/begin" }

func (b *Begin) code(c *coder) {
	optional(c, &b.Term, codeTerm)
	if b.Term != nil || c.err != nil {
		return
	}
	codePrefix(c, &b.Before)
	c.check(b.Before.Size > 0, "nothing before")
}

// Last returns the part of the roster that b continues.
func (b *Begin) Last() Prefix {
	if b.Term != nil {
		return b.Term.Last
	}
	return b.Before
}
