// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Link is what an epoch's record, with the record of the epoch before, says
// of how to get from one to the other.
type Link struct {
	Info
	Parent Info // of the epoch before
	Step   Step
}

// A Ring holds the secrets of a topic's epochs that a reader has, and the links
// along which more of them are found. A secret enters by Learn, out of a box,
// and leads to all older ones; links and secrets may come in any order.
//
// Any roster, also one that is void, may claim any epoch id in its records. So
// a claim counts for nothing by itself: only ids that a secret was shown to
// make can be looked up, or be ambiguous.
//
// A ring is as large as what it was given. A link is followed at most once. A
// ring belongs to one goroutine at a time.
type Ring struct {
	links   map[digest.Hash][]Link // by claimed id
	known   map[Link]bool          // all of links
	secrets map[digest.Hash]Secret // by id; each makes its id
	byShort map[[shortID]byte][]digest.Hash
}

// NewRing returns an empty ring.
func NewRing() *Ring {
	return &Ring{
		links:   map[digest.Hash][]Link{},
		known:   map[Link]bool{},
		secrets: map[digest.Hash]Secret{},
		byShort: map[[shortID]byte][]digest.Hash{},
	}
}

// Add tells r of a link, and follows it if r has the secret it begins at.
func (r *Ring) Add(l Link) {
	if r.known[l] {
		return
	}
	r.known[l] = true
	r.links[l.ID] = append(r.links[l.ID], l)
	if s, ok := r.secrets[l.ID]; ok && r.open(l, s) {
		r.walk(l.Parent.ID)
	}
}

// Learn gives r the secret of the epoch i. The error is ErrSecret if it is not
// that. Links that lie, or lead to what r has already, are passed over.
func (r *Ring) Learn(i Info, secret Secret) error {
	if err := i.Check(secret); err != nil {
		return err
	}
	if _, ok := r.secrets[i.ID]; !ok {
		r.keep(i.ID, secret)
		r.walk(i.ID)
	}
	return nil
}

// walk takes in all that the links of the epoch id, which is new, lead to.
func (r *Ring) walk(id digest.Hash) {
	for todo := []digest.Hash{id}; len(todo) > 0; todo = todo[1:] {
		for _, l := range r.links[todo[0]] {
			if r.open(l, r.secrets[todo[0]]) {
				todo = append(todo, l.Parent.ID)
			}
		}
	}
}

// open takes in the secret that l's step leads to, and reports whether it is
// the parent's and new.
func (r *Ring) open(l Link, secret Secret) bool {
	if _, ok := r.secrets[l.Parent.ID]; ok || l.Check(secret) != nil {
		return false
	}
	s, err := OpenStep(&l.Step, secret, l.ID, &l.Parent)
	if err != nil {
		return false
	}
	r.keep(l.Parent.ID, s)
	return true
}

// keep takes in a secret that is new and makes the id.
func (r *Ring) keep(id digest.Hash, secret Secret) {
	r.secrets[id] = secret
	short := [shortID]byte(id[:])
	r.byShort[short] = append(r.byShort[short], id)
}

// Size returns the number of secrets in r, which never falls.
func (r *Ring) Size() int { return len(r.secrets) }

// Secret returns the secret of the epoch with this id, and whether r has it.
func (r *Ring) Secret(id digest.Hash) (Secret, bool) {
	s, ok := r.secrets[id]
	return s, ok
}

// Key returns the key that the sealed payload b of a log was sealed with. The
// error is ErrUnreadable, ErrNoEpoch, or ErrAmbiguous: of two epochs that share
// a prefix neither opens anything, since one ciphertext could open under both.
func (r *Ring) Key(b []byte, log digest.Hash) (*Key, error) {
	short, err := Epoch8(b)
	if err != nil {
		return nil, err
	}
	switch ids := r.byShort[short]; len(ids) {
	case 0:
		return nil, fmt.Errorf("%w: %x", ErrNoEpoch, short)
	case 1:
		return NewKey(r.secrets[ids[0]], ids[0], log), nil
	default:
		return nil, fmt.Errorf("%w: %d have %x", ErrAmbiguous, len(ids), short)
	}
}

// Len returns how many epochs r has the secret of.
func (r *Ring) Len() int { return len(r.secrets) }
