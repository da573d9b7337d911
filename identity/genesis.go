// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// ErrGenesis is what every error of a genesis is.
var ErrGenesis = errors.New("not a valid genesis")

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

// The page sizes that a log can have, and a genesis may set for the logs of an
// open topic.
const (
	minPageLog = 12 // 4 KiB
	maxPageLog = 16 // 64 KiB
)

// ValidPageBytes reports whether a log can have pages of n bytes.
func ValidPageBytes(n int) bool {
	return n >= 1<<minPageLog && n <= 1<<maxPageLog && n&(n-1) == 0
}

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
	Owner         [KeyBytes]byte
	Steward       [KeyBytes]byte
	Salt          [SaltBytes]byte
	LobbyHash     digest.Hash
	JoinHash      digest.Hash // of an open topic; else zero
	RetentionDays uint32
	EraseDays     uint16
	Need          int // of Successors
	Successors    [][KeyBytes]byte
}

// ID returns the topic id. The genesis must pass Check.
func (g *Genesis) ID() TopicID { return TopicIDOf(g.Append(nil)) }

// TopicIDOf returns the topic id of an encoded genesis.
func TopicIDOf(body []byte) TopicID { return digest.Tagged(tagTopicID, body) }

// Founding returns what stands for the topic id while the steward's key is not
// known yet: a hash of the genesis with no steward. Seed.FoundingKey takes it.
func (g *Genesis) Founding() digest.Hash {
	f := *g
	f.Steward = [KeyBytes]byte{}
	return digest.Tagged(tagFounding, f.Append(nil))
}

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
	case p.Has(PolicyOpen) && !ValidPageBytes(int(g.PageBytes)):
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
	case SmallOrder(g.Owner):
		return fmt.Errorf("owner's key %x is of small order or not canonical", g.Owner[:])
	case g.Policy.Has(PolicyHome) && g.Steward != [KeyBytes]byte{}:
		return errors.New("a home topic names no steward")
	case !g.Policy.Has(PolicyHome) && SmallOrder(g.Steward):
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
		case SmallOrder(s):
			return fmt.Errorf("successor's key %x is of small order or not canonical", s[:])
		case s == g.Owner || s == g.Steward:
			return fmt.Errorf("successor's key %x is the owner's or the steward's", s[:])
		case i > 0 && bytes.Compare(g.Successors[i-1][:], s[:]) >= 0:
			return fmt.Errorf("successor's key %x is not above the one before it", s[:])
		}
	}
	return nil
}
