// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"math"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// Rule: a store that is recovered is a new device, whose cards the secrets sign that the
// words lead to. Each topic is joined in one step with what asks for its admission. The
// secrets are the caller's and are kept nowhere.

// NewReturning returns the change by which this store joins the home topic of words, as
// one more device of the person; nil if it is in it. The error of the change is ErrHome if
// it is another person's device. A home topic of other words of which nothing ever came, or
// that never took this store in, is
// no person's: Abandoned says whether there is one, which the change leaves behind.
func (s *Store) NewReturning(w identity.Words, now time.Time) (*Join, error) {
	h, root := w.Home(), seal.NewPrivateKey(seal.Secret(w.RootKEMSeed())).Public()
	id := h.Genesis.ID()
	if t, err := s.Topic(id); err == nil && !t.Left && s.IsHome(id) {
		return nil, nil
	}
	join, err := identity.NewSecret(nil) // of no epoch: the newest one's is in a box for the account
	if err != nil {
		return nil, err
	}
	c, err := s.NewClaiming(&h.Genesis, h.Genesis.Owner)
	if err != nil {
		return nil, err
	}
	j := s.NewJoin(&h.Genesis, identity.TopicKeys{Lobby: h.Lobby, Join: join}, "")
	j.home, j.unused, j.Topic.Kept, j.kems = &layout.Home{Topic: id, Root: root}, digest.Hash{}, true, c.kems
	old, err := s.Abandoned(id)
	switch {
	case err != nil:
		return nil, err
	case old != nil:
		j.instead = old.ID
	case s.IsHome(id): // it was left for another one
		j.instead = id
	}
	return j, j.beginWith(&roster.DeviceAsk{Device: roster.SignClaim(id, c.Claim, h.Account.Key())}, now)
}

// Abandoned returns the home topic of this store, if it is another one than that with this
// id, and nothing of it ever came or it never took this store in; else nil.
func (s *Store) Abandoned(id digest.Hash) (*Topic, error) {
	h := s.Home()
	if h == nil || h.Topic == id {
		return nil, nil
	}
	t, err := s.Topic(h.Topic)
	if err != nil {
		return nil, err
	}
	founded := false
	err = s.askRoster(t, func(st *roster.State) { founded = st.Founded() })
	if err != nil || !founded {
		return t, err
	}
	if refused, err := s.Unlinked(); err != nil || refused == nil {
		return nil, err
	}
	return t, nil
}

// NewOwned returns the change by which this device takes part in a topic as a device of an
// account, whose secret that is.
func (s *Store) NewOwned(genesis *identity.Genesis, keys identity.TopicKeys, name string, account identity.AccountSecret, now time.Time) (*Join, error) {
	c, err := s.NewClaiming(genesis, identity.PublicKey(account.Key()))
	if err != nil {
		return nil, err
	}
	j := s.NewJoin(genesis, keys, name)
	j.kems = c.kems
	return j, j.beginWith(&roster.DeviceAsk{Device: roster.SignClaim(j.Topic.ID, c.Claim, account.Key())}, now)
}

// NewVisit returns the change that joins the topic of an invite without an account: it is
// found in the roster.
func (s *Store) NewVisit(inv *identity.Invite) *Join {
	j := s.NewJoin(&inv.Genesis, inv.Keys, inv.Name)
	j.place = inv.Roster
	return j
}

// A HomeFounding is how the roster of a home topic begins.
type HomeFounding struct {
	Leg     identity.LogName
	Records [2]roster.Raw
}

// NewHomeFounding returns how the roster of this store's home topic begins anew, if no
// device is left that holds it. Its term is above that of any that began earlier, as far
// as clocks are right: should one of those turn up after all, the newest counts.
func (s *Store) NewHomeFounding(account identity.AccountSecret, now time.Time) (*HomeFounding, error) {
	h := s.Home()
	if h == nil {
		return nil, errors.New("no home topic")
	}
	t, err := s.Topic(h.Topic)
	if err != nil {
		return nil, err
	}
	key := s.device.AuthorKey(t.Genesis)
	c, err := s.NewClaiming(t.Genesis, t.Genesis.Owner)
	if err != nil {
		return nil, err
	}
	k := &c.Claim.Card
	card := roster.Card{
		Account: k.Account, Device: k.Device, PageBytes: k.PageBytes, Number: k.Number, KEM: k.KEM,
		AccountKEM: seal.NewPrivateKey(seal.Secret(account.KEMSeed())).Public()[:],
	}
	term := uint32(min(max(now.Unix(), roster.HomeTerm+1), math.MaxUint32/2))
	f := &HomeFounding{Leg: identity.RosterLog(t.ID, k.Device, term, 0)}
	f.Records, err = roster.HomeRecords(t.ID, term, card, account.Key(), key)
	for i := range f.Records {
		f.Records[i].Time = now.UnixMilli()
	}
	return f, err
}

// AccountKEM returns the key that opens the boxes of an account.
func AccountKEM(account identity.AccountSecret) layout.KEMKey {
	return layout.KEMKey{Recipient: identity.PublicKey(account.Key()), Seed: account.KEMSeed()}
}
