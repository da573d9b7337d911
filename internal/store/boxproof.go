// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// A BoxProof shows members of a topic that the steward's box for somebody does not hold
// what the epoch's record says. Record and box are signed and everybody's; the recipient
// gives away the seed of the private key, which opens it, and every other box for that key.
type BoxProof struct {
	Topic     digest.Hash
	Epoch     uint64
	Recipient roster.Key
	Seed      identity.Secret
}

// ErrBoxProof is returned for a text that is no proof of a box, and for one that proves
// nothing.
var ErrBoxProof = errors.New("no proof of a false box")

const boxProofForm = "xaeroflux box v1\ntopic %x\nepoch %d\nrecipient %x\nseed %x\n"

// Encode returns the text of p.
func (p *BoxProof) Encode() []byte {
	return fmt.Appendf(nil, boxProofForm, p.Topic[:], p.Epoch, p.Recipient[:], p.Seed[:])
}

// ParseBoxProof reads what Encode wrote. The error is ErrBoxProof.
func ParseBoxProof(text []byte) (*BoxProof, error) {
	var topic, recipient, seed []byte
	p := new(BoxProof)
	n, err := fmt.Fscanf(strings.NewReader(string(text[:min(len(text), 1024)])), boxProofForm, &topic, &p.Epoch, &recipient, &seed)
	if err != nil || n != 4 || len(topic) != len(p.Topic) || len(recipient) != len(p.Recipient) || len(seed) != len(p.Seed) {
		return nil, fmt.Errorf("%w: not of the form of one", ErrBoxProof)
	}
	p.Topic, p.Recipient, p.Seed = digest.Hash(topic), roster.Key(recipient), identity.Secret(seed)
	if !bytes.Equal(p.Encode(), text) {
		return nil, fmt.Errorf("%w: not as one is written", ErrBoxProof)
	}
	return p, nil
}

// ProveBox returns the proof that the box for this store, which came with the record of an
// epoch, is false. The error is ErrBoxProof if it is not, or none came.
func (s *Store) ProveBox(topic, log digest.Hash, seq uint64) (*BoxProof, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	st, err := s.Roster(t.ID)
	if err != nil {
		return nil, err
	}
	f := &faults{s: s, t: t, st: st}
	for _, e := range st.Epochs() {
		if f.legAt(e.At) == log && e.At.Size == seq+1 {
			return f.proveBox(&e)
		}
	}
	return nil, fmt.Errorf("%w: record %d of log %s is no epoch's", ErrBoxProof, seq, log.Short())
}

func (f *faults) proveBox(e *roster.EpochState) (*BoxProof, error) {
	f.s.keyrings.mu.Lock()
	k, err := f.s.keyringOf(f.t)
	f.s.keyrings.mu.Unlock()
	if err != nil {
		return nil, err
	}
	why := fmt.Errorf("%w: epoch %d has no box for this store", ErrBoxProof, e.Number)
	for _, key := range k.keys {
		p := &BoxProof{f.t.ID, e.Number, roster.Key(key.Recipient), key.Seed}
		if why = f.verifyBox(p, e); why == nil {
			return p, nil
		}
	}
	return nil, why
}

// VerifyBox checks a proof against the roster and the boxes that are held. It returns the
// device that wrote the box; the error is ErrBoxProof if nothing is wrong with it, and
// another one if that cannot be said here.
func (s *Store) VerifyBox(p *BoxProof) (steward roster.Key, err error) {
	t, err := s.Topic(p.Topic)
	if err != nil {
		return steward, err
	}
	st, err := s.Roster(t.ID)
	if err != nil {
		return steward, err
	}
	f := &faults{s: s, t: t, st: st}
	epochs := st.Epochs()
	if p.Epoch >= uint64(len(epochs)) {
		return steward, fmt.Errorf("epoch %d of topic %s is not here: sync with a member", p.Epoch, t.ID.Short())
	}
	e := &epochs[p.Epoch]
	for _, l := range st.Legs() {
		if l.Term == e.At.Term && l.Leg == e.At.Leg {
			steward = l.Author
		}
	}
	return steward, f.verifyBox(p, e)
}

func (f *faults) verifyBox(p *BoxProof, e *roster.EpochState) error {
	kem := seal.NewPrivateKey(seal.Secret(p.Seed)).Public()
	switch had, err := f.kemAt(p.Recipient, e.At); {
	case err != nil:
		return err
	case !bytes.Equal(kem[:], had):
		return fmt.Errorf("%w: the seed is not that of the key which %s had then", ErrBoxProof, p.Recipient.Short())
	}
	l, err := f.s.knownLog(e.Boxes.Log)
	if err != nil {
		return err
	}
	if l == nil || e.Boxes.First+uint64(e.Boxes.Count) > l.State().Size {
		return fmt.Errorf("the boxes of epoch %d of topic %s are not here: sync with a member", e.Number, f.t.ID.Short())
	}
	box, err := f.s.findBox(&e.Boxes, p.Recipient)
	if err != nil {
		return err
	}
	if box == nil {
		return fmt.Errorf("%w: epoch %d has no box for %s, which needs no proof", ErrBoxProof, e.Number, p.Recipient.Short())
	}
	if f.opens(&e.Epoch, layout.KEMKey{Recipient: p.Recipient, Seed: p.Seed}, box) {
		return fmt.Errorf("%w: the box holds what the record says", ErrBoxProof)
	}
	return nil
}

// kemAt returns the KEM key that a recipient had at a position, or nil: whoever showed the
// seed of a later one could say of any box that it does not open.
func (f *faults) kemAt(to roster.Key, p roster.Position) (kem []byte, err error) {
	err = f.eachCounted(roster.Position{}, func(rec roster.Record, at roster.Position, _ digest.Hash) bool {
		if at.Compare(p) > 0 {
			return false
		}
		for _, g := range kemsOf(rec) {
			if g.to == to {
				kem = g.kem
			}
		}
		return true
	})
	return kem, err
}
