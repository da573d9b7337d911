// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/rand"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// A Healing is a change by which this device has another KEM key in a topic, since no box
// that is here for it opens the newest epoch. The key is kept before it is asked for.
type Healing struct {
	topic digest.Hash
	kem   layout.KEMKey
	Ask   *roster.DeviceAsk // for the steward, to be appended once the key is kept
}

// NewHealing returns the change that heals a topic; nil if nothing is to be healed, or
// boxes are still to come.
func (s *Store) NewHealing(t *Topic) (*Healing, error) {
	if t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return nil, nil
	}
	l, err := s.Log(t.Log)
	if err != nil {
		return nil, err
	}
	var d roster.DeviceState
	var wants bool
	var newest roster.EpochState
	if err := s.askRoster(t, func(st *roster.State) {
		d, _ = st.Device(l.Author)
		newest, wants = st.Epoch()
		wants = wants && d.Belongs && d.Log == t.Log && st.Steward().Author != l.Author // the steward makes another epoch
	}); err != nil || !wants {
		return nil, err
	}
	if lost, err := s.lost(t, d, &newest); err != nil || !lost {
		return nil, err
	}
	return s.newHealing(t, l, d)
}

// lost reports whether all boxes of the newest epoch that are for a device of ours are
// here, and none opened.
func (s *Store) lost(t *Topic, d roster.DeviceState, e *roster.EpochState) (bool, error) {
	if has, err := s.hasEpoch(t, e, d.Account); err != nil || has {
		return false, err
	}
	boxes, err := s.boxesFor(t, d, e)
	if err != nil {
		return false, err
	}
	for _, b := range boxes {
		l, err := s.knownLog(b.Log)
		if l == nil || err != nil || b.First+uint64(b.Count) > l.State().Size {
			return false, err
		}
	}
	return len(boxes) > 0, nil
}

// hasEpoch reports whether this store has of an epoch what an account is given of it.
func (s *Store) hasEpoch(t *Topic, e *roster.EpochState, account roster.Key) (has bool, err error) {
	var a roster.Account
	if err := s.askRoster(t, func(st *roster.State) { a, _ = st.Account(account) }); err != nil {
		return false, err
	}
	if !a.Role.Reads() {
		return seal.JoinKeyHash(seal.Secret(t.Keys.Join)) == e.Join, nil
	}
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	if err != nil {
		return false, err
	}
	_, has = k.ring.Secret(e.ID)
	return has, nil
}

// boxesFor returns where the boxes of an epoch are that are to be for a device: with the
// epoch, and with what the device was admitted or got another KEM key by since.
func (s *Store) boxesFor(t *Topic, d roster.DeviceState, e *roster.EpochState) (all []*roster.Boxes, err error) {
	if d.Since.Compare(e.At) < 0 {
		all = append(all, &e.Boxes)
	}
	st, err := s.Roster(t.ID)
	if err != nil {
		return nil, err
	}
	err = st.Replay(s.HeldLeg, func(_ *roster.State, at roster.Position, r roster.Record, _ int64) error {
		if at.Compare(e.At) <= 0 {
			return nil
		}
		if boxes, to := boxesOf(r); boxes != nil && slices.Contains(to, d.Key) {
			all = append(all, boxes)
		}
		return nil
	})
	return all, err
}

// HeldLeg returns the records of a leg as they are held.
func (s *Store) HeldLeg(leg roster.LegID) ([]roster.Raw, error) {
	l, err := s.Log(leg.Log)
	if err != nil {
		return nil, err
	}
	return s.rawRecords(l)
}

func (s *Store) newHealing(t *Topic, l *Log, d roster.DeviceState) (*Healing, error) {
	key, ok := s.device.AuthorKeyOf(t.Genesis, l.Author)
	if !ok {
		return nil, nil // the log is of another generation of this store
	}
	seed, err := seal.ReadSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	card := roster.DeviceCard{Account: d.Account, Device: d.Key, PageBytes: uint32(l.PageBytes), Number: l.Number, KEM: seal.NewPrivateKey(seed).Public()[:]}
	return &Healing{
		topic: t.ID, kem: layout.KEMKey{Recipient: d.Key, Seed: identity.Secret(seed)},
		Ask: &roster.DeviceAsk{Device: roster.SignDevice(t.ID, card, key, key)},
	}, nil
}

// SetRenewing says by which ask this device shows itself in a topic from now on: nil once
// it can open the newest epoch again. If it is another one, the topic is offered anew, and
// anew is true.
func (s *Store) SetRenewing(topic digest.Hash, ask *roster.DeviceAsk) (anew bool) {
	s.keyrings.mu.Lock()
	was := s.keyrings.renewing[topic]
	if s.keyrings.renewing[topic] = ask; ask == nil {
		delete(s.keyrings.renewing, topic)
	}
	s.keyrings.mu.Unlock()
	if anew = ask != nil && (was == nil || was.Device.DeviceSig != ask.Device.DeviceSig); anew {
		s.offerAnew(topic)
	}
	return anew
}

// renewal returns the ask for another KEM key of a device of ours that stands, or nil.
func (s *Store) renewal(t *Topic, d roster.DeviceState) *roster.DeviceAsk {
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	ask := s.keyrings.renewing[t.ID]
	if ask == nil || ask.Device.Card.Device != d.Key || ask.Device.Card.Log(t.ID) != d.Log {
		return nil
	}
	return ask
}

// maxRenewed is how many KEM keys are kept of a device: an answer to an older ask may
// still come.
const maxRenewed = 4

func (h *Healing) write(_ *Committer, txn *aof.Txn) error {
	kept, _, err := aof.Row(txn, layout.KEMKeys, h.topic)
	if err != nil {
		return err
	}
	keys, own := []layout.KEMKey{h.kem}, 1
	for _, k := range kept {
		if k.Recipient == h.kem.Recipient {
			if own++; own > maxRenewed {
				continue
			}
		}
		keys = append(keys, k)
	}
	return aof.PutRow(txn, layout.KEMKeys, h.topic, keys[:min(len(keys), layout.MaxKEMKeys)])
}

func (h *Healing) made(s *Store) error {
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	delete(s.keyrings.all, h.topic) // it is read from the rows again
	return nil
}
