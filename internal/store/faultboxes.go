// SPDX-License-Identifier: MPL-2.0

package store

import (
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

// findBoxes finds epochs that leave this store out though it belongs, those whose box for
// it holds something else than their record says, and those that do not lead back to the
// one before though policy has it. What one of its boxes gives it, no other has to.
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
		if err := f.findBoxesOf(n, epochs, i, opened); err != nil {
			return err
		}
	}
	return nil
}

func (f *faults) findBoxesOf(n *inspection, epochs []roster.EpochState, i int, opened map[digest.Hash]bool) error {
	e := &epochs[i]
	log, seq := f.legAt(e.At), e.At.Size-1
	if opened[e.ID] {
		return nil
	}
	switch got, err := f.due(n, epochs, i); {
	case err != nil:
		return err
	case got == boxMissing:
		f.add(FaultNoBox, log, seq, "epoch %d, record %d of log %s, has no box for this store, though it belongs", e.Number, seq, log.Short())
	case got == boxWrong:
		f.add(FaultWrongBox, log, seq, "epoch %d, record %d of log %s: the box for this store does not hold the keys that the record says", e.Number, seq, log.Short())
	case got == boxNotDue && i+1 < len(epochs) && opened[epochs[i+1].ID] && len(epochs[i+1].Step) > 0 && f.s.reads(f.t):
		f.add(FaultNoStep, f.legAt(epochs[i+1].At), epochs[i+1].At.Size-1, "epoch %d does not lead to epoch %d: what was sealed before cannot be read here", epochs[i+1].Number, e.Number)
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

// A boxState is what became of the boxes of an epoch that are for this store.
type boxState uint8

const (
	boxNotDue  boxState = iota // there is to be none
	boxAwaited                 // they are not here yet
	boxMissing                 // all are here, and none is for this store
	boxWrong                   // one is, and does not open, or holds something else
)

// due looks for the boxes of an epoch that are to be there for this store: in the epoch's
// own record if it belonged by then, else with what let it in during the epoch.
func (f *faults) due(n *inspection, epochs []roster.EpochState, i int) (state boxState, err error) {
	e := &epochs[i]
	look := func(b *roster.Boxes, to roster.Key) error {
		got, err := f.lookAt(b, &e.Epoch, to)
		if got == boxAwaited || state == boxNotDue || got == boxWrong && state != boxAwaited {
			state = got
		}
		return err
	}
	for key := range n.mine {
		if since, belongs := f.since(key); belongs && since.Compare(e.At) <= 0 {
			if err := look(&e.Boxes, key); err != nil {
				return state, err
			}
		}
	}
	for _, a := range n.boxes {
		if _, belongs := f.since(a.to); !belongs || a.at.Compare(e.At) < 0 || i+1 < len(epochs) && a.at.Compare(epochs[i+1].At) > 0 {
			continue
		}
		if err := look(&a.boxes, a.to); err != nil {
			return state, err
		}
	}
	return state, nil
}

// since returns from when on a recipient of ours belongs.
func (f *faults) since(key roster.Key) (p roster.Position, belongs bool) {
	if d, ok := f.st.Device(key); ok {
		return d.Since, d.Belongs
	}
	if a, ok := f.st.Account(key); ok {
		return a.Since, a.Belongs()
	}
	v, ok := f.st.Invite(key)
	return v.Since, ok && v.Open
}

// lookAt looks at the box of a recipient of ours. One that is right was opened when it came;
// it is taken for awaited until then.
func (f *faults) lookAt(b *roster.Boxes, e *roster.Epoch, to roster.Key) (boxState, error) {
	l, err := f.s.knownLog(b.Log)
	if err != nil || l == nil || b.First+uint64(b.Count) > l.State().Size {
		return boxAwaited, err
	}
	box, err := f.s.findBox(b, to)
	if err != nil || box == nil {
		return boxMissing, err
	}
	f.s.keyrings.mu.Lock()
	defer f.s.keyrings.mu.Unlock()
	k, err := f.s.keyringOf(f.t)
	if err != nil {
		return boxAwaited, err
	}
	n := Keys{learnt: map[digest.Hash]layout.EpochSecret{}}
	scratch := &keyring{ring: seal.NewRing()}
	for _, key := range k.keys {
		if roster.Key(key.Recipient) == to && n.open(f.t, scratch, e, key, box) {
			return boxAwaited, nil
		}
	}
	return boxWrong, nil
}
