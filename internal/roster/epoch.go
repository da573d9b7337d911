// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// StepBytes is the length of the parent's secret, sealed under a new one.
const StepBytes = 60

// Epoch begins an epoch; 242 bytes with a step, 182 without:
//
//	offset  bytes  field
//	     0      8  number, one up from the epoch before; the first is 0
//	     8     32  epoch id
//	    40     32  H(join key)
//	    72     32  digest of its recipients
//	   104     76  boxes, one for each recipient
//	   180      2  s, length of the step: 60 if newcomers read history, else 0
//	   182      s  step: the secret of the epoch before under this one's
type Epoch struct {
	Number  uint64
	ID      digest.Hash
	Join    digest.Hash
	Readers digest.Hash
	Boxes   Boxes
	Step    []byte
}

// Type returns "xf/epoch".
func (*Epoch) Type() string { return "xf/epoch" }

func (e *Epoch) code(c *coder) {
	c.u64(&e.Number)
	c.hash(&e.ID)
	c.hash(&e.Join)
	c.hash(&e.Readers)
	codeBoxes(c, &e.Boxes)
	c.blob(&e.Step, 0, StepBytes)
}

// The kinds of boxes, which are the kinds of recipients.
const (
	BoxAll  = 1 // secret and join key
	BoxJoin = 2 // join key alone: a replica's
)

// A Recipient is who gets a box of an epoch:
//
//	offset  bytes  field
//	     0     32  key: a device's, an account's or an invite's
//	    32      1  1 all, 2 join key alone
//	    33   1216  KEM key
type Recipient struct {
	ID   Key
	Kind uint8
	KEM  []byte
}

// RecipientsDigest returns tagged("xaeroflux epoch readers v1", recipients) over
// the recipients in the order of their keys, run together as one part.
func RecipientsDigest(all []Recipient) digest.Hash {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Recipient) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	b := make([]byte, 0, len(sorted)*(33+KEMBytes))
	for _, r := range sorted {
		b = append(append(append(b, r.ID[:]...), r.Kind), r.KEM...)
	}
	return digest.Tagged("xaeroflux epoch readers v1", b)
}

// A Box is the body of an "xf/box" in a steward's log of boxes. The content sealed
// in it is for package seal to open.
//
//	offset  bytes  field
//	     0      1  kind: 1 secret and join key, 2 join key alone
//	     1      8  number of the epoch
//	     9     32  recipient
//	    41   1200  if kind 1: encapsulated key 1120, ciphertext 64, tag 16
//	    41   1168  if kind 2: encapsulated key 1120, ciphertext 32, tag 16
type Box struct {
	Kind      uint8
	Epoch     uint64
	Recipient Key
	Sealed    []byte
}

// BoxType is the type of every event in a log of boxes.
const BoxType = "xf/box"

func (b *Box) code(c *coder) {
	c.u8(&b.Kind)
	c.u64(&b.Epoch)
	c.key(&b.Recipient)
	want := 0
	switch b.Kind {
	case BoxAll:
		want = 1200
	case BoxJoin:
		want = 1168
	default:
		c.fail("box of kind %d", b.Kind)
	}
	c.check(!c.writing || len(b.Sealed) == want, "%d sealed bytes, want %d", len(b.Sealed), want)
	c.take(&b.Sealed, want)
}

// DecodeBox decodes the body of an "xf/box". The error is ErrMalformed.
func DecodeBox(body []byte) (*Box, error) {
	b := new(Box)
	return b, decode(body, b)
}

// AppendBox appends the body of b to dst. The error is ErrMalformed.
func AppendBox(dst []byte, b *Box) ([]byte, error) { return encode(dst, b) }
