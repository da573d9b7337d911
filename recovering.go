// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Rule: a recovery goes in rounds: it syncs with all peers that are known, joins what they
// brought news of, and ends once a round brings nothing. Each step is one change of the
// store, and is not done twice; so a recovery that is cut off is gone on with from the
// beginning.

// A recovering is one call of Recover.
type recovering struct {
	db   *DB
	opts RecoverOptions
	got  Recovered

	words identity.Words
	root  *seal.PrivateKey
	home  identity.Home

	accounts map[digest.Hash]identity.AccountSecret // by topic, as far as they were found
	invites  []*identity.Invite
	peers    []*recoveryPeer
	strange  bool // a topic of an invite is here, and none of its accounts is of these words
}

// A recoveryPeer is somebody who is asked.
type recoveryPeer struct {
	identity.Address
	met bool  // there was a session with it
	err error // of the last sync
}

// Bounds of a recovery.
const (
	recoveryRounds = 64
	recoveryQuiet  = 8 // rounds that bring nothing
	recoveryPause  = 100 * time.Millisecond
	recoveryWait   = 5 * time.Second
)

func newRecovery(w identity.Words, o *RecoverOptions) (*recovering, error) {
	r := &recovering{
		words: w, root: seal.NewPrivateKey(seal.Secret(w.RootKEMSeed())), home: w.Home(),
		accounts: map[digest.Hash]identity.AccountSecret{},
	}
	if o != nil {
		r.opts = *o
	}
	if r.opts.Wait == 0 {
		r.opts.Wait = recoveryWait
	}
	if x := r.opts.Options; x != nil && (x.Invite != "" || x.MustExist || x.ReadOnly) {
		return nil, fmt.Errorf("%w: a recovery takes no Invite, MustExist or ReadOnly of Options", ErrOptions)
	}
	for _, text := range r.opts.Invites {
		inv, err := identity.ParseInvite(text)
		if err != nil {
			return nil, err
		}
		if inv.Genesis.Policy.Has(identity.PolicyHome) {
			return nil, fmt.Errorf("%w: an invite that links a device needs no words: join by it", ErrOptions)
		}
		r.invites = append(r.invites, inv)
		r.ask(inv.Peers)
	}
	for _, text := range r.opts.Peers {
		addrs, err := addresses(text)
		if err != nil {
			return nil, err
		}
		r.ask(addrs)
	}
	return r, nil
}

// ask adds peers to those that are asked.
func (r *recovering) ask(all []identity.Address) {
	for _, a := range all {
		known := func(p *recoveryPeer) bool { return p.Address == a }
		if !slices.ContainsFunc(r.peers, known) && (r.db == nil || PeerID(a.Peer) != r.db.PeerID()) {
			r.peers = append(r.peers, &recoveryPeer{Address: a})
		}
	}
}

func (r *recovering) run(ctx context.Context) error {
	keeper := r.db.node.Keeper()
	defer func() {
		keeper.Return(r.home.Genesis.ID())
		for id := range r.accounts {
			keeper.Return(id)
		}
	}()
	keeper.Lend(r.home.Genesis.ID(), store.AccountKEM(r.home.Account))
	for _, inv := range r.invites {
		if err := r.joinInvited(ctx, inv); err != nil {
			return err
		}
	}
	if err := r.rounds(ctx); err != nil {
		return err
	}
	if err := r.found(); err != nil {
		return err
	}
	if err := r.admission(ctx); err != nil {
		return err
	}
	if r.opts.RemoveOthers {
		if err := r.removeOthers(ctx); err != nil {
			return err
		}
	}
	return r.tell()
}

// rounds syncs and joins until nothing is new. A round that brings nothing is not the last
// one if something is missing that may be on its way.
func (r *recovering) rounds(ctx context.Context) error {
	for round, quiet := 0, 0; round < recoveryRounds && quiet < recoveryQuiet; round++ {
		events := r.sync(ctx)
		joined, err := r.join(ctx)
		if err != nil {
			return err
		}
		if events > 0 || joined {
			quiet = 0
			continue
		}
		if quiet++; r.whole() || !r.met() {
			return nil
		}
		if err := pause(ctx, recoveryPause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// whole reports whether the rosters of all topics are here with their newest keys, the
// home topic among them.
func (r *recovering) whole() bool {
	for _, t := range r.db.st.Topics() {
		st, err := r.db.st.Roster(t.ID)
		if err != nil || !r.here(t, st) {
			return false
		}
		if t.Genesis.Policy.Has(identity.PolicyOpen) {
			continue
		}
		if _, here, err := r.db.st.NewestEpoch(t); err != nil || !here {
			return false
		}
	}
	return true
}

// here reports whether somebody brought what is known of a topic: its roster, or of an open
// one, whose roster may not have begun, its logs, or that there are none.
func (r *recovering) here(t *store.Topic, st *roster.State) bool {
	ours := roster.Key(t.Genesis.Steward) == r.db.st.DeviceKey(t)
	return st.Founded() || t.Genesis.Policy.Has(identity.PolicyOpen) && (ours || r.db.st.Came(t))
}

// met reports whether anybody was reached.
func (r *recovering) met() bool {
	return slices.ContainsFunc(r.peers, func(p *recoveryPeer) bool { return p.met })
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// sync syncs with all peers that may be reached, and returns how many events came.
func (r *recovering) sync(ctx context.Context) (events uint64) {
	var wg sync.WaitGroup
	var mu sync.Mutex // guards events
	for _, p := range r.peers {
		if p.err != nil && !p.met {
			continue // nobody is there
		}
		wg.Go(func() {
			report, err := r.db.node.Mesh().Sync(ctx, p.Address)
			var said *syncer.PeerError
			p.met, p.err = p.met || err == nil || errors.As(err, &said) || errors.Is(err, session.ErrNotShared), err
			mu.Lock()
			defer mu.Unlock()
			events += report.EventsIn
		})
	}
	wg.Wait()
	r.db.settle(ctx)
	return events
}

// joinInvited takes up the topic of an invite, of which the account is found once its
// roster is here.
func (r *recovering) joinInvited(ctx context.Context, inv *identity.Invite) error {
	if _, err := r.db.st.Topic(inv.Topic()); err == nil {
		return nil
	}
	return r.joinTopic(ctx, r.db.st.NewVisit(inv))
}

func (r *recovering) joinTopic(ctx context.Context, j *store.Join) error {
	if err := r.db.joining(func() error { return r.db.change(ctx, j) }); err != nil {
		return err
	}
	r.db.node.Mesh().TopicsChanged()
	return nil
}

// join takes part in what became known, and reports whether there was anything.
func (r *recovering) join(ctx context.Context) (did bool, err error) {
	st, err := r.db.node.Home().State()
	if err != nil {
		return false, err
	}
	for _, t := range st.Topics() {
		joined, err := r.joinListed(ctx, st, t)
		if err != nil {
			return did, err
		}
		did = did || joined
	}
	for _, t := range r.db.st.Topics() {
		begun, err := r.claim(ctx, st, t)
		if err != nil {
			return did, err
		}
		did = did || begun
	}
	return did, nil
}

// joinListed takes part in a topic of the list, if the words lead to the account's secret.
func (r *recovering) joinListed(ctx context.Context, st *home.State, t *home.Topic) (bool, error) {
	if t.Left() {
		return false, nil
	}
	r.ask(t.Places())
	if _, err := r.db.st.Topic(t.ID); err == nil {
		return false, nil
	}
	keys, _ := t.Keys()
	name, _ := t.Name()
	var j *store.Join
	if t.Genesis.Policy.Has(identity.PolicyOpen) {
		j = r.db.st.NewJoin(t.Genesis, keys, name)
	} else {
		account, ok := r.accountOf(t)
		if !ok {
			return false, nil
		}
		r.lend(t.ID, account)
		var err error
		if j, err = r.db.st.NewOwned(t.Genesis, keys, name, account, r.db.opts.Now()); err != nil {
			return false, err
		}
	}
	if topics := st.Topics(); topics[0].Default() && !t.Default() {
		j.StaysDefault()
	}
	return true, r.joinTopic(ctx, j)
}

// accountOf opens what the devices say of the person's account in a topic; of several that
// of the owner comes first.
func (r *recovering) accountOf(t *home.Topic) (found identity.AccountSecret, ok bool) {
	for _, key := range t.Accounts() {
		secret, opened := openRecovery(r.root, t.ID, key, t.Boxes(key))
		if opened && (!ok || key == roster.Key(t.Genesis.Owner)) {
			found, ok = secret, true
		}
	}
	return found, ok
}

// lend has boxes for an account be opened while this recovery lasts.
func (r *recovering) lend(topic digest.Hash, account identity.AccountSecret) {
	r.accounts[topic] = account
	r.db.node.Keeper().Lend(topic, store.AccountKEM(account))
}

// claim finds the person's account in a topic that is here, and begins this store's log
// there if nothing does yet.
func (r *recovering) claim(ctx context.Context, st *home.State, t *store.Topic) (begun bool, err error) {
	if _, known := r.accounts[t.ID]; known || t.Genesis.Policy.Has(identity.PolicyOpen) || r.db.isHome(TopicID(t.ID)) || !t.Account.IsZero() {
		return false, nil
	}
	now, err := r.db.st.Roster(t.ID)
	if err != nil {
		return false, err
	}
	account, ok := r.accountIn(t, st.Topic(t.ID), now)
	if !ok {
		named := func(inv *identity.Invite) bool { return inv.Topic() == t.ID }
		r.strange = r.strange || now.Founded() && slices.ContainsFunc(r.invites, named)
		return false, nil
	}
	r.lend(t.ID, account)
	l, err := r.db.st.Log(t.Log)
	if err != nil || l.Whole().Size > 0 {
		return false, err
	}
	if _, known := now.Device(r.db.st.DeviceKey(t)); known {
		return false, nil
	}
	c, err := r.db.st.NewClaiming(t.Genesis, identity.PublicKey(account.Key()))
	if err == nil {
		err = r.db.change(ctx, c)
	}
	if err != nil {
		return false, err
	}
	ask := &roster.DeviceAsk{Device: roster.SignClaim(t.ID, c.Claim, account.Key())}
	return true, r.db.node.Keeper().Begin(ctx, t, ask)
}

// accountIn finds the person's account in a topic, by the list and by what the roster says
// of its accounts.
func (r *recovering) accountIn(t *store.Topic, listed *home.Topic, now *roster.State) (found identity.AccountSecret, ok bool) {
	if listed != nil {
		if found, ok = r.accountOf(listed); ok {
			return found, true
		}
	}
	for _, a := range now.EveryAccount() {
		if len(a.Recovery) == 0 {
			continue
		}
		if found, ok = openRecovery(r.root, t.ID, a.Key, [][]byte{a.Recovery}); ok {
			return found, true
		}
	}
	return found, false
}

// found returns why nothing was found.
func (r *recovering) found() error {
	st, err := r.db.st.Roster(r.home.Genesis.ID())
	if err != nil {
		return err
	}
	r.got.Home = st.Founded()
	if r.got.Home || len(r.accounts) > 0 {
		return nil
	}
	met, why := false, error(nil)
	for _, p := range r.peers {
		if p.met {
			met = true
		} else if p.err != nil {
			why = errors.Join(why, p.err)
		}
	}
	switch {
	case r.strange:
		return fmt.Errorf("%w: no member of the topic of the invite is of these words", ErrOtherWords)
	case met:
		return fmt.Errorf("%w: nobody who was reached knows the person with these words; if they are right, name one of that person's devices, or an invite to a topic", ErrOtherWords)
	case why != nil:
		return fmt.Errorf("%w: %w", ErrNotFound, why)
	}
	return ErrNotFound
}

// places are the topics in which this store is to be a device of an account, the home
// topic first.
func (r *recovering) places() (all []recoveryPlace) {
	id := r.home.Genesis.ID()
	if t, err := r.db.st.Topic(id); err == nil {
		all = append(all, recoveryPlace{t, r.home.Account})
	}
	for _, t := range r.db.st.Topics() {
		if account, ok := r.accounts[t.ID]; ok {
			all = append(all, recoveryPlace{t, account})
		}
	}
	return all
}
