// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"encoding/hex"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Key is an Ed25519 public key: an account's, a device's (its author key in
// the topic) or an invite's. It is what recipients of boxes are named by too.
type Key [32]byte

// String returns k in lower-case hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Short returns the first eight hexadecimal digits of k, for talk and logs.
func (k Key) Short() string { return hex.EncodeToString(k[:4]) }

// IsZero reports whether k names nobody.
func (k Key) IsZero() bool { return k == Key{} }

// MarshalText encodes k like String.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Signature is an Ed25519 signature.
type Signature [64]byte

func (c *coder) sig(s *Signature) { c.raw(s[:]) }

// A Role is what an account may do. A smaller number may do more.
type Role uint8

// The roles. Device is not one that an account has: it marks an invite that
// links one more device to an account.
const (
	None Role = iota
	Owner
	Admin
	Writer
	Reader
	Replica
	Device
)

var roleNames = [...]string{"none", "owner", "admin", "writer", "reader", "replica", "device"}

// String returns the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// Writes reports whether events of the application in a log that was admitted
// under r count.
func (r Role) Writes() bool { return r >= Owner && r <= Writer }

// Reads reports whether boxes hold the epoch's secret for r, and not the join
// key alone.
func (r Role) Reads() bool { return r >= Owner && r <= Reader }

// role is a u8 between from and to.
func (c *coder) role(r *Role, from, to Role) {
	c.u8((*uint8)(r))
	c.check(*r >= from && *r <= to, "%v, want %v to %v", *r, from, to)
}

// A Position is a place in a roster: after the first Size records of a leg, and
// after all legs before it. Positions of one chain of legs are ordered by term,
// then leg, then size.
type Position struct {
	Term, Leg uint32
	Size      uint64
}

// Compare orders positions of one chain.
func (p Position) Compare(q Position) int {
	switch {
	case p.Term != q.Term:
		return order(p.Term < q.Term)
	case p.Leg != q.Leg:
		return order(p.Leg < q.Leg)
	case p.Size != q.Size:
		return order(p.Size < q.Size)
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// String returns p as term.leg.size.
func (p Position) String() string { return fmt.Sprintf("%d.%d.%d", p.Term, p.Leg, p.Size) }

// A Point is a position and the root of its leg there; 46 bytes:
//
//	offset  bytes  field
//	     0      4  term
//	     4      4  leg
//	     8      6  size, at least 1
//	    14     32  root
type Point struct {
	Position
	Root digest.Hash
}

func codePoint(c *coder, p *Point) {
	c.u32(&p.Term)
	c.u32(&p.Leg)
	c.u48(&p.Size)
	c.check(p.Size > 0, "position of size 0")
	c.hash(&p.Root)
}

// checkRoot refuses roots that no tree of that size has.
func (c *coder) checkRoot(size uint64, root digest.Hash) {
	c.check((size == 0) == (root == digest.Empty), "root %s at size %d", root.Short(), size)
}

// A Prefix is a log up to a size; 72 bytes:
//
//	offset  bytes  field
//	     0     32  log id
//	    32      8  size
//	    40     32  root at that size; that of the empty tree if and only if size is 0
type Prefix struct {
	Log  digest.Hash
	Size uint64
	Root digest.Hash
}

const prefixBytes = 72

func codePrefix(c *coder, p *Prefix) {
	c.hash(&p.Log)
	c.size(&p.Size)
	c.hash(&p.Root)
	c.checkRoot(p.Size, p.Root)
}

// cuts is a list of prefixes, rising by log id.
func (c *coder) cuts(s *[]Prefix) {
	list(c, s, 0, 1<<16-1, prefixBytes, codePrefix)
	rising(c, *s, func(p *Prefix) []byte { return p.Log[:] })
}

// An AskRef names the event that asked for a record, or nothing if the steward
// acts by itself; 40 bytes:
//
//	offset  bytes  field
//	     0     32  log id of the data log; zeros for none
//	    32      8  sequence there; 0 for none
type AskRef struct {
	Log digest.Hash
	Seq uint64
}

// None reports whether nobody asked.
func (a AskRef) None() bool { return a.Log.IsZero() }

func (c *coder) ask(a *AskRef) {
	c.hash(&a.Log)
	c.size(&a.Seq)
	c.check(!a.None() || a.Seq == 0, "sequence %d of no log", a.Seq)
}

// Boxes names boxes in the steward's log of kind 2; 76 bytes:
//
//	offset  bytes  field
//	     0     32  log id
//	    32      8  sequence of the first
//	    40      4  count, 1 to 8,000
//	    44     32  RFC 6962 root over the leaf hashes of those records, in their order
type Boxes struct {
	Log   digest.Hash
	First uint64
	Count uint32
	Root  digest.Hash
}

func codeBoxes(c *coder, b *Boxes) {
	c.hash(&b.Log)
	c.size(&b.First)
	c.u32(&b.Count)
	c.hash(&b.Root)
	c.check(b.Count >= 1 && b.Count <= MaxReaders, "%d boxes, want 1 to %d", b.Count, MaxReaders)
}

// Lengths of keys and boxes (MLKEM768X25519), and the most recipients of an epoch.
const (
	KEMBytes      = 1216
	RecoveryBytes = 1168
	MaxReaders    = 8000
)

// kem is a KEM public key, which a topic that is plain and open has none of.
func (c *coder) kem(k *[]byte) { c.blob(k, 0, KEMBytes) }
