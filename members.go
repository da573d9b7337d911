// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/keeper"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A TopicKind says who takes part in a topic, and who can read it. It never changes.
type TopicKind uint8

// The kinds of topics.
const (
	// PrivateTopic is for its members. Events are sealed: only members read them, and
	// those who are removed read nothing that is appended after their removal is known.
	PrivateTopic TopicKind = iota
	// PlainTopic is for its members too, and nothing is sealed: whoever gets at the bytes
	// reads them.
	PlainTopic
	// OpenTopic is for whoever has the invite: that person reads and appends, and can
	// pass the invite on. Nothing is sealed.
	OpenTopic
)

// String names k.
func (k TopicKind) String() string {
	switch k {
	case OpenTopic:
		return "open"
	case PrivateTopic:
		return "private"
	case PlainTopic:
		return "plain"
	}
	return fmt.Sprintf("TopicKind(%d)", uint8(k))
}

func (k TopicKind) policy() (identity.Policy, error) {
	switch k {
	case OpenTopic:
		return identity.PolicyOpen, nil
	case PrivateTopic:
		return identity.PolicySealed | identity.PolicyHistory, nil
	case PlainTopic:
		return 0, nil
	}
	return 0, fmt.Errorf("%w: there is no %v", ErrOptions, k)
}

// Kind returns what kind of topic it is.
func (t *Topic) Kind() TopicKind {
	switch p := t.t.Genesis.Policy; {
	case p.Has(identity.PolicyOpen):
		return OpenTopic
	case p.Has(identity.PolicySealed):
		return PrivateTopic
	}
	return PlainTopic
}

// A Role is what a member may do. A smaller number may do more.
type Role uint8

// The roles. Whoever founded a topic is its owner, for ever.
const (
	RoleOwner   Role = Role(identity.RoleOwner)
	RoleAdmin   Role = Role(identity.RoleAdmin)   // invites and removes, and gives roles up to its own
	RoleWriter  Role = Role(identity.RoleWriter)  // appends and reads
	RoleReader  Role = Role(identity.RoleReader)  // reads
	RoleReplica Role = Role(identity.RoleReplica) // stores and forwards what it cannot read
)

// String names r.
func (r Role) String() string { return identity.Role(r).String() }

// A Member is a person of a topic.
type Member struct {
	Account AccountKey `json:"account"`
	// Name is what to call the person: the petname, or what the person claims to be, in
	// quotes. If it could be taken for another's, the beginning of the account's key follows.
	Name    string    `json:"name,omitempty"`
	Petname string    `json:"petname,omitempty"` // what this store's person calls that one; see Topic.SetPetname
	Claim   string    `json:"claim,omitempty"`   // what that one wants to be called; see Topic.Claim
	Role    Role      `json:"role"`
	Since   time.Time `json:"since,omitzero"` // when the steward admitted the person, by its clock; zero if the roster of an open topic did not begin yet
	Devices []Device  `json:"devices"`
	Self    bool      `json:"self,omitempty"` // of this store
}

// A Device is one of a member's stores.
type Device struct {
	Key   AuthorKey `json:"device"`         // that signs its logs in the topic
	Log   LogID     `json:"log"`            // that it appends to
	Since time.Time `json:"since,omitzero"` // when the steward admitted it, by its clock; zero if that of the Member is
	Self  bool      `json:"self,omitempty"` // this store
	// Steward is that it writes the roster; of DB.Devices, that it keeps the list of them.
	Steward bool `json:"steward,omitempty"`
}

// Members returns who belongs to the topic by the roster that is here, ordered by key. A
// topic that is open has one: whoever founded it.
func (t *Topic) Members() (_ []Member, err error) {
	defer t.db.out(&err)
	st, err := t.roster()
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	people, err := t.people()
	if err != nil {
		return nil, wrap("members", err)
	}
	self := t.db.st.DeviceKey(t.t)
	if t.unbegun(st) {
		m := t.founder(self)
		people.name(&m)
		return []Member{m}, nil
	}
	var all []Member
	for _, a := range st.Accounts() {
		m := Member{Account: AccountKey(a.Key), Role: Role(a.Role), Since: told(time.UnixMilli(a.Time))}
		people.name(&m)
		for _, d := range st.Devices(a.Key) {
			m.Devices = append(m.Devices, Device{Key: AuthorKey(d.Key), Log: LogID(d.Log), Since: told(time.UnixMilli(d.Time)), Self: d.Key == self, Steward: writes(st, d.Key)})
			m.Self = m.Self || d.Key == self
		}
		all = append(all, m)
	}
	return all, nil
}

// unbegun reports whether nothing is here of an open topic's roster: as a rule nobody wrote
// to it yet, and the topic's genesis alone says who founded it.
func (t *Topic) unbegun(st *roster.State) bool { return t.Kind() == OpenTopic && !st.Founded() }

// founder returns whoever founded an open topic, by its genesis.
func (t *Topic) founder(self roster.Key) Member {
	g := t.t.Genesis
	log := roster.DataLog(t.t.ID, g.Steward, g.PageBytes, 0)
	d := Device{Key: g.Steward, Log: LogID(log), Self: roster.Key(g.Steward) == self, Steward: true}
	return Member{Account: g.Owner, Role: RoleOwner, Devices: []Device{d}, Self: d.Self}
}

// mayChange returns why nothing of the roster is changed here.
func (t *Topic) mayChange(ctx context.Context) error {
	return t.db.mayChange(ctx)
}

func (t *Topic) roster() (*roster.State, error) {
	if err := t.db.usable(); err != nil {
		return nil, err
	}
	return t.db.st.Roster(t.t.ID)
}

// Remove ends that an account belongs to the topic: nothing counts that its devices
// append after what is here of it, and what others append from then on is sealed from
// it. If this store is the steward it is done when Remove returns; else the steward is
// asked, and Remove returns once it has answered or ctx ends: the ask stands then. The
// error is ErrRole if the roster does not allow it.
func (t *Topic) Remove(ctx context.Context, account AccountKey) (err error) {
	defer t.db.out(&err)
	st, err := t.roster()
	if err != nil {
		return wrap("remove", err)
	}
	if _, known := st.Account(roster.Key(account)); !known && !(t.unbegun(st) && account == AccountKey(t.t.Genesis.Owner)) {
		return fmt.Errorf("remove: %w: %s is no member of the topic", ErrOptions, account.Short())
	}
	gone := func(st *roster.State) bool { a, _ := st.Account(roster.Key(account)); return !a.Belongs() }
	return wrap("remove", t.act(ctx, &roster.Target{Account: roster.Key(account)}, gone))
}

// SetRole gives an account another role; see Remove for when it is done. A change between
// a role that writes and one that does not ends the logs of the account's devices; each
// goes on in another one once it hears of that.
func (t *Topic) SetRole(ctx context.Context, account AccountKey, r Role) (err error) {
	defer t.db.out(&err)
	has := func(st *roster.State) bool { a, _ := st.Account(roster.Key(account)); return a.Role == roster.Role(r) }
	return wrap("set role", t.act(ctx, &roster.RoleChange{Account: roster.Key(account), Role: roster.Role(r)}, has))
}

// act has something done to the roster, and waits until the roster that is here says so.
func (t *Topic) act(ctx context.Context, content any, done func(*roster.State) bool) error {
	if err := t.mayChange(ctx); err != nil {
		return err
	}
	st, err := t.db.st.RosterToChange(t.t)
	if err != nil {
		return err
	}
	if t.unbegun(st) {
		return fmt.Errorf("%w: the topic is open, and who belongs to it was not written down yet", ErrRole)
	}
	body, err := roster.NewRequest(st, content)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	at, err := t.db.node.Keeper().Act(ctx, t.t.ID, steward.Act{Body: body})
	if err != nil || at.Done {
		return err
	}
	return t.await(ctx, at.Ask, done)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// await waits until the steward has answered an ask.
func (t *Topic) await(ctx context.Context, ask roster.AskRef, done func(*roster.State) bool) error {
	news, self := t.db.node.Keeper().Watch(t.t.ID), t.db.st.DeviceKey(t.t)
	defer news.Close()
	for {
		st, err := t.roster()
		switch {
		case err != nil:
			return err
		case done(st):
			return nil
		case st.Settled(ask.Log) > ask.Seq && st.Heir() != self: // an heir's leg is about to begin
			return ErrRole
		}
		select {
		case <-news.C:
		case <-t.db.node.Context().Done():
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrAsked, ctx.Err())
		}
	}
}

// Errors of topics that have members.
var (
	// ErrRole is returned for what the roster of the topic does not allow.
	ErrRole = keeper.ErrRefused
	// ErrRemoved is returned for appends to a topic that this store was removed from. What
	// it holds can be read, and by a new invite it joins again.
	ErrRemoved = store.ErrRemoved
	// ErrUnmet is returned for changes of a roster that this store writes, until it has
	// met another member since it was opened, or Topic.TrustRoster was called. A store that
	// was restored from a backup and adopted has to meet one that holds more of the roster.
	ErrUnmet = keeper.ErrUnmet
	// ErrNotOwner is returned for a take-over by a store that does not keep the owner's key.
	ErrNotOwner = keeper.ErrNotOwner
	// ErrNoRoster is returned for a take-over by a store that holds nothing of the roster
	// of a topic that has members.
	ErrNoRoster = keeper.ErrNoRoster
	// ErrNotAsked is returned for a handover to a device that did not ask for it.
	ErrNotAsked = keeper.ErrNotAsked
	// ErrNotShared is returned by a sync with a peer that shares no topic: one of both left
	// it, was removed, or has another key of it and nothing that the other one takes. It
	// comes with ErrRemoved if this store knows that it was removed from all its topics.
	ErrNotShared = session.ErrNotShared
	// ErrAsked is returned if ctx ends before the steward of the topic has answered: what
	// was asked for stands, and is done once the steward hears of it.
	ErrAsked = errors.New("the steward of the topic has not answered yet")
	// ErrSealed is why an event cannot be read, or appended, for want of a key: it comes
	// with the roster, from a member that has it.
	ErrSealed = store.ErrSealed
	// ErrWithheld is why an event cannot be read in a topic WithoutHistory: it is from
	// before this store was invited, or this device was added, and its key never comes.
	ErrWithheld = store.ErrWithheld
)

// A RosterStatus says how far a topic's roster is here, and who writes it.
type RosterStatus struct {
	Term    uint32    `json:"term"`           // of the newest part that is here: a take-over begins one
	Leg     uint32    `json:"leg"`            // of the term: a handover begins one
	Size    uint64    `json:"size"`           // records of the leg that are here
	Root    Hash      `json:"root"`           // over those
	Steward AuthorKey `json:"steward"`        // the device that writes it
	Self    bool      `json:"self,omitempty"` // that is this store

	Faults []RosterFault `json:"faults,omitempty"` // what is wrong with it, as far as can be seen here
}

// Roster returns how far the topic's roster is here.
func (t *Topic) Roster() (s RosterStatus, err error) {
	defer t.db.out(&err)
	st, err := t.roster()
	if err != nil {
		return s, fmt.Errorf("status of the roster: %w", err)
	}
	faults, err := t.db.st.RosterFaults(t.t.ID, true)
	if err != nil {
		return s, err
	}
	p, steward := st.Point(), st.Steward()
	for i := range faults {
		s.Faults = append(s.Faults, *faultOf(&faults[i]))
	}
	if heir := st.Heir(); !heir.IsZero() {
		steward.Author = heir
	} else if t.unbegun(st) {
		steward.Author = t.t.Genesis.Steward
	}
	return RosterStatus{
		Term: p.Term, Leg: p.Leg, Size: p.Size, Root: Hash(p.Root), Steward: AuthorKey(steward.Author), Faults: s.Faults,
		Self: st.Heir().IsZero() && steward.Author == t.db.st.DeviceKey(t.t), // an heir has to begin a leg first
	}, nil
}

// AskHandover asks that this store writes the roster from now on, which is best one that
// is always on. It returns once that is so, or with ErrAsked when ctx ends: the ask stands
// then. The steward does it at once for another device of its own person or of the
// owner; for others its person calls Handover.
func (t *Topic) AskHandover(ctx context.Context) (err error) {
	defer t.db.out(&err)
	self := t.db.st.DeviceKey(t.t)
	mine := func(st *roster.State) bool { return st.Steward().Author == self && st.Heir().IsZero() }
	return wrap("ask for the roster", t.act(ctx, nil, mine))
}

// Handover has another device write the roster, which asked for it. The error is
// ErrNotAsked, ErrUnmet, or ErrRole if this store is not the steward.
func (t *Topic) Handover(ctx context.Context, device AuthorKey) (err error) {
	defer t.db.out(&err)
	if err := t.mayChange(ctx); err != nil {
		return wrap("hand over", err)
	}
	err = t.db.node.Keeper().Handover(ctx, t.t.ID, roster.Key(device))
	if errors.Is(err, steward.ErrNotSteward) {
		err = fmt.Errorf("%w: another store writes the roster", ErrRole)
	}
	return wrap("hand over", err)
}

// TakeOver makes this store the one that writes the roster, on the word of the topic's
// owner, whose key this store has to keep: for a steward that is lost or stolen. First
// sync with the members that can be reached: what the old steward wrote and is not here
// is void from then on. The error is ErrNotOwner, or ErrNoRoster.
func (t *Topic) TakeOver(ctx context.Context) (err error) {
	defer t.db.out(&err)
	if err := t.mayChange(ctx); err != nil {
		return wrap("take over", err)
	}
	now, err := t.db.st.Topic(t.t.ID)
	if err != nil {
		return wrap("take over", err)
	}
	return wrap("take over", t.db.node.Keeper().TakeOver(ctx, t.t.ID, now.Account))
}

// TrustRoster says, on a person's word, that no member holds more of the topic's roster
// than this store, which writes it: it goes on from there though it met nobody since it
// was opened. If that is wrong, as after an older copy of the store was put back, the
// roster forks, and everybody sees it.
func (t *Topic) TrustRoster(ctx context.Context) (err error) {
	defer t.db.out(&err)
	if err := t.mayChange(ctx); err != nil {
		return wrap("trust the roster", err)
	}
	if err := t.db.change(ctx, t.db.st.NewTrusting(t.t.ID)); err != nil {
		return wrap("trust the roster", err)
	}
	t.db.node.Keeper().Trust(t.t.ID)
	return nil
}

// invited makes the invite of a topic that has members: a key that joins it, with the
// role and as often as the options say, which the roster names before Invite returns.
func (t *Topic) invited(ctx context.Context, inv *identity.Invite, o *InviteOptions) error {
	inv.Role, inv.Uses = identity.RoleWriter, 1
	if o != nil && o.Role != 0 {
		inv.Role = identity.Role(o.Role)
	}
	if o != nil && o.Uses != 0 {
		inv.Uses = o.Uses
	}
	if o != nil && !o.Expires.IsZero() {
		inv.Expires = uint64(max(o.Expires.Unix(), 1))
	}
	return t.openInvite(ctx, inv, func(*roster.Invite) error { return nil })
}

// openInvite has the roster name an invite, once it is signed if it has to be, and fills
// in the keys that it is by then.
func (t *Topic) openInvite(ctx context.Context, inv *identity.Invite, sign func(*roster.Invite) error) (err error) {
	inv.Keys = t.t.Keys
	if inv.Seed, err = identity.NewSecret(nil); err != nil {
		return err
	}
	if err := inv.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	key := roster.Key(identity.PublicKey(inv.Key()))
	v := &roster.Invite{Key: key, Role: roster.Role(inv.Role), Uses: inv.Uses, Expiry: inv.Expires, KEM: seal.NewPrivateKey(seal.Secret(inv.KEMSeed())).Public()[:]}
	if err := sign(v); err != nil {
		return err
	}
	opened := func(st *roster.State) bool { _, ok := st.Invite(key); return ok }
	if err := t.act(ctx, v, opened); err != nil {
		return err
	}
	now, err := t.db.st.Topic(t.t.ID)
	if err != nil {
		return err
	}
	inv.Keys = now.Keys
	p, err := t.db.st.Source().Position(t.t.ID)
	if err == nil && p.Size > 0 {
		inv.Roster = &p
	}
	return err
}
