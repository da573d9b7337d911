// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/rand"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/steward"
)

// NewDesk returns what decides what this device writes as the steward of a topic. The
// error is steward.ErrNotSteward if it is none.
func (s *Store) NewDesk(t *Topic) (*steward.Desk, error) {
	st, first, err := s.begun(t)
	if err != nil {
		return nil, err
	}
	c := steward.Config{State: st, Founding: first, Device: s.DeviceKey(t), Logs: shown{s}, Rand: rand.Reader}
	if len(first) > 0 {
		c.Last = first[0].Time
	}
	leg := st.Steward()
	for _, n := range []identity.LogName{
		identity.RosterLog(t.ID, leg.Author, leg.Term, leg.Leg), identity.BoxLog(t.ID, leg.Author, leg.Term, leg.Leg),
	} {
		l, err := s.knownLog(n.ID())
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		if c.Last = max(c.Last, l.Row().LastTime); n.Kind == identity.KindBoxes {
			c.Boxes = l.Whole().Size
		}
	}
	if c.Secrets, err = s.epochSecrets(t); err != nil {
		return nil, err
	}
	return steward.New(c)
}

// LastOf returns the time of the newest event of a log, in milliseconds since 1970.
func (s *Store) LastOf(log digest.Hash) (int64, error) {
	l, err := s.knownLog(log)
	if l == nil || err != nil {
		return 0, err
	}
	return l.Row().LastTime, nil
}

// DeviceKey returns the key that this device is known by in a topic.
func (s *Store) DeviceKey(t *Topic) roster.Key { return s.device.AuthorID(t.Genesis) }

// epochSecrets returns what this store has of a topic's epochs.
func (s *Store) epochSecrets(t *Topic) (all []steward.EpochSecret, err error) {
	err = s.aof.View(func(v *aof.View) error {
		return aof.EachRowOf(v, layout.EpochSecrets, t.ID[:], func(_ layout.EpochKey, e layout.EpochSecret) error {
			all = append(all, steward.EpochSecret{Number: e.Number, Secret: seal.Secret(e.Secret), Join: seal.Secret(e.Join)})
			return nil
		})
	})
	return all, err
}

// shown tells a steward what is here of data logs.
type shown struct{ s *Store }

// Held returns how much of a log is here and counts, if there is a head to show for it.
func (h shown) Held(log digest.Hash) (size uint64, root digest.Hash, err error) {
	l, err := h.s.knownLog(log)
	if l == nil || err != nil {
		return 0, digest.Empty, err
	}
	p := l.State()
	if p.Size == 0 {
		return 0, digest.Empty, nil
	}
	return p.Size, p.Root, nil
}

// NewEpochKept returns the change that keeps the secret of an epoch that this device
// makes, before it writes of it.
func (s *Store) NewEpochKept(t *Topic, e *roster.Epoch, secret steward.EpochSecret) *Keys {
	return &Keys{topic: t.ID, learnt: map[digest.Hash]layout.EpochSecret{e.ID: {
		Number: e.Number, Secret: identity.Secret(secret.Secret), Join: identity.Secret(secret.Join), Readers: e.Readers,
	}}}
}
