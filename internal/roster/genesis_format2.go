// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// ErrGenesis is what every error of a genesis is.
var ErrGenesis = errors.New("roster: not a valid genesis")

// A Policy is what genesis fixes of a topic for ever, as bits.
type Policy uint8

// The bits of a policy.
const (
	PolicySealed   Policy = 1 << iota // payloads are sealed
	PolicyOpen                        // whoever has the keys takes part
	PolicyHistory                     // newcomers read what was sealed before; only if sealed
	PolicyErasable                    // payloads can be erased
	PolicyHome                        // a person's own topic, without a steward

	policyAll  = PolicySealed | PolicyOpen | PolicyHistory | PolicyErasable | PolicyHome
	policyHome = PolicySealed | PolicyHistory | PolicyErasable | PolicyHome
)

// Has reports whether all bits of p are set.
func (p Policy) Has(bits Policy) bool { return p&bits == bits }

// MaxSuccessors is how many successors a genesis may name.
const MaxSuccessors = 16

// The page sizes that a genesis may set for the logs of an open topic.
const (
	minPageLog = 12 // 4 KiB
	maxPageLog = 16 // 64 KiB
)

// SaltBytes is the length of a genesis' salt.
const SaltBytes = 16

// A Genesis is the founding record of a topic. The topic id is a hash of its
// body, so that nothing in it ever changes.
//
//	bytes  field
//	    1  record format, 1
//	    1  policy: bit 0 sealed, 1 open, 2 newcomers read history, 3 erasable, 4 home
//	    1  log2 of the page bytes of logs (12 to 16) if open, else 0
//	   32  owner's account key
//	   32  steward's device key (its author key in this topic); zero in a home topic only
//	   16  salt
//	   32  H(lobby key)
//	   32  H(join key), only if open
//	    4  retention in days (little-endian uint32), 0 for ever
//	    2  days before an admin's erase takes effect (little-endian uint16)
//	    1  k, how many successors it takes
//	    1  n, number of successors, at most 16
//	 n*32  successors' keys, made for this topic, rising
//
// A topic is not both sealed and open: its join key would be constant, and with
// it nobody could be removed. Bit 2 is set only with bit 0, since in a plain
// topic everybody reads everything. Retention and erase delay are 0 unless bit 3
// is set. k = n = 0, or n/2 < k ≤ n. No key is of small order, and owner,
// steward and successors are all different. A home topic has exactly the bits 0,
// 2, 3 and 4, no retention, no delay and no successors, as it has to come from
// the words alone.
type Genesis struct {
	Policy        Policy
	PageBytes     uint32 // of the logs of an open topic; else 0
	Owner         [identity.KeyBytes]byte
	Steward       [identity.KeyBytes]byte
	Salt          [SaltBytes]byte
	LobbyHash     digest.Hash
	JoinHash      digest.Hash // of an open topic; else zero
	RetentionDays uint32
	EraseDays     uint16
	Need          int // of Successors
	Successors    [][identity.KeyBytes]byte
}

// ID returns the topic id. The genesis must pass Check.
func (g *Genesis) ID() digest.Hash { return TopicIDOf(g.Append(nil)) }

// TopicIDOf returns the topic id of an encoded genesis.
func TopicIDOf(body []byte) digest.Hash { return digest.Tagged("xaeroflux topic v2", body) }

// Check checks that g follows the rules drawn above it.
func (g *Genesis) Check() error {
	for _, check := range []func() error{g.checkPolicy, g.checkHome, g.checkKeys, g.checkSuccessors} {
		if err := check(); err != nil {
			return fmt.Errorf("%w: %w", ErrGenesis, err)
		}
	}
	return nil
}

func (g *Genesis) checkPolicy() error {
	p := g.Policy
	switch {
	case p&^policyAll != 0:
		return fmt.Errorf("policy %#02x has unknown bits", uint8(p))
	case p.Has(PolicySealed | PolicyOpen):
		return errors.New("a topic is sealed or open, not both")
	case p.Has(PolicyHistory) && !p.Has(PolicySealed):
		return errors.New("history for newcomers in a topic that is not sealed")
	case !p.Has(PolicyErasable) && (g.RetentionDays != 0 || g.EraseDays != 0):
		return fmt.Errorf("retention of %d and erase delay of %d days in a topic that is not erasable", g.RetentionDays, g.EraseDays)
	case !p.Has(PolicyOpen) && (g.PageBytes != 0 || g.JoinHash != digest.Hash{}):
		return errors.New("page bytes or a join key in a topic that is not open")
	case p.Has(PolicyOpen) && (bits.OnesCount32(g.PageBytes) != 1 || g.PageBytes < 1<<minPageLog || g.PageBytes > 1<<maxPageLog):
		return fmt.Errorf("pages of %d bytes, want a power of two from %d to %d", g.PageBytes, 1<<minPageLog, 1<<maxPageLog)
	}
	return nil
}

func (g *Genesis) checkHome() error {
	switch {
	case !g.Policy.Has(PolicyHome):
		return nil
	case g.Policy != policyHome:
		return fmt.Errorf("policy %#02x of a home topic, want %#02x", uint8(g.Policy), uint8(policyHome))
	case g.RetentionDays != 0 || g.EraseDays != 0 || g.Need != 0 || len(g.Successors) != 0:
		return errors.New("retention, erase delay or successors in a home topic")
	}
	return nil
}

func (g *Genesis) checkKeys() error {
	switch {
	case identity.SmallOrder(g.Owner):
		return fmt.Errorf("owner's key %x is of small order or not canonical", g.Owner[:])
	case g.Policy.Has(PolicyHome) && g.Steward != [identity.KeyBytes]byte{}:
		return errors.New("a home topic names no steward")
	case !g.Policy.Has(PolicyHome) && identity.SmallOrder(g.Steward):
		return fmt.Errorf("steward's key %x is of small order or not canonical", g.Steward[:])
	case g.Owner == g.Steward:
		return errors.New("owner's account and steward's device have one key")
	}
	return nil
}

func (g *Genesis) checkSuccessors() error {
	n := len(g.Successors)
	if n > MaxSuccessors {
		return fmt.Errorf("%d successors, limit %d", n, MaxSuccessors)
	}
	if g.Need < 0 || g.Need > n || (n > 0 && 2*g.Need <= n) {
		return fmt.Errorf("%d of %d successors, want more than half", g.Need, n)
	}
	for i, s := range g.Successors {
		switch {
		case identity.SmallOrder(s):
			return fmt.Errorf("successor's key %x is of small order or not canonical", s[:])
		case s == g.Owner || s == g.Steward:
			return fmt.Errorf("successor's key %x is the owner's or the steward's", s[:])
		case i > 0 && bytes.Compare(g.Successors[i-1][:], s[:]) >= 0:
			return fmt.Errorf("successor's key %x is not above the one before it", s[:])
		}
	}
	return nil
}

const (
	genesisFormat = 1

	// Genesis bodies are of so many bytes.
	minGenesisBytes = 3 + 2*identity.KeyBytes + SaltBytes + digest.Size + 8
	MaxGenesisBytes = minGenesisBytes + digest.Size + MaxSuccessors*identity.KeyBytes
)

// Encode returns the body of g, or the error of Check.
func (g *Genesis) Encode() ([]byte, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	return g.Append(nil), nil
}

// Append appends the body of g to b, unchecked.
func (g *Genesis) Append(b []byte) []byte {
	b = append(b, genesisFormat, byte(g.Policy))
	if g.Policy.Has(PolicyOpen) {
		b = append(b, byte(bits.TrailingZeros32(g.PageBytes)))
	} else {
		b = append(b, 0)
	}
	b = append(append(append(b, g.Owner[:]...), g.Steward[:]...), g.Salt[:]...)
	b = append(b, g.LobbyHash[:]...)
	if g.Policy.Has(PolicyOpen) {
		b = append(b, g.JoinHash[:]...)
	}
	b = binary.LittleEndian.AppendUint32(b, g.RetentionDays)
	b = binary.LittleEndian.AppendUint16(b, g.EraseDays)
	b = append(b, byte(g.Need), byte(len(g.Successors)))
	for _, s := range g.Successors {
		b = append(b, s[:]...)
	}
	return b
}

// ParseGenesis decodes what Encode wrote, and nothing else. The error is
// ErrGenesis.
func ParseGenesis(body []byte) (*Genesis, error) {
	if len(body) < 1 || body[0] != genesisFormat {
		return nil, fmt.Errorf("%w: it is empty or of a record format unknown here", ErrGenesis)
	}
	if len(body) < minGenesisBytes || len(body) > MaxGenesisBytes {
		return nil, fmt.Errorf("%w: %d bytes, want %d to %d", ErrGenesis, len(body), minGenesisBytes, MaxGenesisBytes)
	}
	g, r := &Genesis{}, reader{b: body[1:]}
	g.Policy = Policy(r.uint8())
	if err := g.parsePages(r.uint8()); err != nil {
		return nil, err
	}
	g.parseKeys(&r)
	g.RetentionDays, g.EraseDays = r.uint32(), uint16(r.uint16())
	g.Need = r.uint8()
	n := r.uint8()
	if r.short || n*identity.KeyBytes != len(r.b) {
		return nil, fmt.Errorf("%w: %d bytes for %d successors, want %d", ErrGenesis, len(r.b), n, n*identity.KeyBytes)
	}
	for range n {
		g.Successors = append(g.Successors, [identity.KeyBytes]byte(r.take(identity.KeyBytes)))
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return g, nil
}

// parsePages decodes log2 of the page bytes, which is zero unless open.
func (g *Genesis) parsePages(log int) error {
	switch {
	case g.Policy.Has(PolicyOpen) && (log < minPageLog || log > maxPageLog):
		return fmt.Errorf("%w: pages of 2^%d bytes, want 2^%d to 2^%d", ErrGenesis, log, minPageLog, maxPageLog)
	case g.Policy.Has(PolicyOpen):
		g.PageBytes = 1 << log
	case log != 0:
		return fmt.Errorf("%w: page bytes in a topic that is not open", ErrGenesis)
	}
	return nil
}

func (g *Genesis) parseKeys(r *reader) {
	copy(g.Owner[:], r.take(identity.KeyBytes))
	copy(g.Steward[:], r.take(identity.KeyBytes))
	copy(g.Salt[:], r.take(SaltBytes))
	copy(g.LobbyHash[:], r.take(digest.Size))
	if g.Policy.Has(PolicyOpen) {
		copy(g.JoinHash[:], r.take(digest.Size))
	}
}

// A reader takes fields from the front of b; past its end it is short, and
// every field is zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// uint returns a little-endian number of n bytes, at most eight.
func (r *reader) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], r.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (r *reader) uint8() int     { return int(r.uint(1)) }
func (r *reader) uint16() int    { return int(r.uint(2)) }
func (r *reader) uint32() uint32 { return uint32(r.uint(4)) }
