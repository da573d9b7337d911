// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// recipients returns whose boxes this store has the keys of, in a topic.
func (s *Store) recipients(t *Topic) (map[roster.Key]bool, error) {
	all := map[roster.Key]bool{}
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	if err != nil {
		return nil, err
	}
	for _, key := range k.keys {
		all[roster.Key(key.Recipient)] = true
	}
	return all, nil
}

// findBoxes finds boxes for this store that are missing though it belongs, or hold something
// else than their epoch's record says, and epochs that do not lead back to the one before
// though policy has it. One false box is none if the same record names another that is right.
func (f *faults) findBoxes() error {
	epochs := f.st.Epochs()
	if len(epochs) == 0 || f.t.Genesis.Policy.Has(identity.PolicyOpen) {
		return nil
	}
	f.s.inspections.mu.Lock()
	defer f.s.inspections.mu.Unlock()
	n, err := f.inspect()
	if err != nil {
		return err
	}
	opened, err := f.opened()
	if err != nil {
		return err
	}
	for i := range epochs {
		e := &epochs[i]
		groups := f.groups(n, epochs, i)
		for _, g := range groups {
			if err := f.findFalse(n, e, g); err != nil {
				return err
			}
		}
		if len(groups) == 0 && !opened[e.ID] && i+1 < len(epochs) && opened[epochs[i+1].ID] && len(epochs[i+1].Step) > 0 && f.s.reads(f.t) {
			next := &epochs[i+1]
			f.add(FaultNoStep, f.legAt(next.At), next.At.Size-1, "epoch %d does not lead to epoch %d: what was sealed before cannot be read here", next.Number, e.Number)
		}
	}
	return nil
}

// groups returns the boxes of an epoch that are to be there for this store: with the epoch's
// own record if it belonged by then, and with what gave it another key, or let it in, later.
func (f *faults) groups(n *inspection, epochs []roster.EpochState, i int) (all []boxGroup) {
	e := &epochs[i]
	own := boxGroup{at: e.At, log: f.legAt(e.At), boxes: e.Boxes}
	for key := range n.mine {
		if f.belonged(key, e.At) {
			own.to = append(own.to, key)
		}
	}
	if len(own.to) > 0 {
		all = append(all, own)
	}
	for _, g := range n.boxes {
		g.to = slices.DeleteFunc(slices.Clone(g.to), func(key roster.Key) bool { return !f.belonged(key, g.at) })
		if len(g.to) > 0 && g.at.Compare(e.At) > 0 && (i+1 == len(epochs) || g.at.Compare(epochs[i+1].At) < 0) {
			all = append(all, g)
		}
	}
	return all
}

// findFalse finds that none of the boxes of a group is right.
func (f *faults) findFalse(n *inspection, e *roster.EpochState, g boxGroup) error {
	state, known := n.judged[g.at]
	if !known {
		var err error
		if state, err = f.judge(n, &e.Epoch, &g); err != nil {
			return err
		}
		if state != boxAwaited {
			n.judged[g.at] = state
		}
	}
	seq := g.at.Size - 1
	switch state {
	case boxMissing:
		f.add(FaultNoBox, g.log, seq, "record %d of log %s names no box of epoch %d for this store, though it belongs", seq, g.log.Short(), e.Number)
	case boxWrong:
		f.add(FaultWrongBox, g.log, seq, "the box of epoch %d for this store that record %d of log %s names does not hold the keys of that epoch", e.Number, seq, g.log.Short())
	}
	return nil
}

// reads reports whether this store has the secret of an epoch, and not a join key alone.
func (s *Store) reads(t *Topic) bool {
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	return err == nil && k.ring.Len() > 0
}

// opened returns the epochs of which this store has what it is to have.
func (f *faults) opened() (map[digest.Hash]bool, error) {
	all := map[digest.Hash]bool{}
	err := f.s.aof.View(func(v *aof.View) error {
		return aof.EachRowOf(v, layout.EpochSecrets, f.t.ID[:], func(at layout.EpochKey, _ layout.EpochSecret) error {
			all[at.Epoch] = true
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	f.s.keyrings.mu.Lock()
	defer f.s.keyrings.mu.Unlock()
	k, err := f.s.keyringOf(f.t)
	if err != nil {
		return nil, err
	}
	for _, e := range f.st.Epochs() {
		if _, ok := k.ring.Secret(e.ID); ok {
			all[e.ID] = true
		}
	}
	return all, nil
}

// A boxState is what the boxes of a record are to this store.
type boxState uint8

const (
	boxAwaited boxState = iota // they are not here yet
	boxUnknown                 // they were sealed to a key that is not kept here any more
	boxMissing                 // all are here, and none is for this store
	boxWrong                   // one is, and does not open, or holds something else
	boxRight
)

// belonged reports whether a recipient of ours belonged at a position, and does to this day.
func (f *faults) belonged(key roster.Key, at roster.Position) bool {
	if d, ok := f.st.Device(key); ok {
		return d.Belongs && d.Since.Compare(at) <= 0
	}
	if a, ok := f.st.Account(key); ok {
		return a.Belongs() && a.Since.Compare(at) <= 0
	}
	v, ok := f.st.Invite(key)
	return ok && v.Open && v.Since.Compare(at) <= 0
}

// judge returns the best state of the boxes of a group: what one of them gives this store, no
// other has to. It is not known if any of them may be that one.
func (f *faults) judge(n *inspection, e *roster.Epoch, g *boxGroup) (boxState, error) {
	best := boxMissing
	for _, to := range g.to {
		state, err := f.lookAt(&g.boxes, e, to, n.kemAt(to, g.at))
		if err != nil || state == boxAwaited {
			return boxAwaited, err
		}
		if state == boxUnknown && best != boxRight || state > best && best != boxUnknown || state == boxRight {
			best = state
		}
	}
	return best, nil
}

// lookAt looks at the box of a recipient of ours that had a KEM key.
func (f *faults) lookAt(b *roster.Boxes, e *roster.Epoch, to roster.Key, kem []byte) (boxState, error) {
	l, err := f.s.knownLog(b.Log)
	if err != nil || l == nil || b.First+uint64(b.Count) > l.State().Size {
		return boxAwaited, err
	}
	box, err := f.s.findBox(b, to)
	if err != nil || box == nil {
		return boxMissing, err
	}
	f.s.keyrings.mu.Lock()
	k, err := f.s.keyringOf(f.t)
	f.s.keyrings.mu.Unlock()
	if err != nil {
		return boxAwaited, err
	}
	for _, key := range k.keys {
		if roster.Key(key.Recipient) == to && bytes.Equal(seal.NewPrivateKey(seal.Secret(key.Seed)).Public()[:], kem) {
			if f.opens(e, key, box) {
				return boxRight, nil
			}
			return boxWrong, nil
		}
	}
	return boxUnknown, nil
}

// opens reports whether a box holds what the epoch's record says.
func (f *faults) opens(e *roster.Epoch, key layout.KEMKey, box *roster.Box) bool {
	n := Keys{learnt: map[digest.Hash]layout.EpochSecret{}}
	return n.open(f.t, &keyring{ring: seal.NewRing()}, e, key, box)
}
