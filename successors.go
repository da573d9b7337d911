// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/actors/keeper"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Successors are people who together may make another device the steward of a topic,
// without its owner: if the owner is gone, or the owner's words are. Each gives a key to
// whoever founds the topic, by DB.NewSuccessorKey; they cannot be changed later.

// Errors of successions.
var (
	// ErrSuccession is returned for a text that is no succession of the topic.
	ErrSuccession = roster.ErrSuccession
	// ErrNotSuccessor is returned to a store that keeps no key of one of the topic's
	// successors.
	ErrNotSuccessor = roster.ErrNotSuccessor
	// ErrUnsigned is returned for a succession that too few have signed.
	ErrUnsigned = roster.ErrUnsigned
	// ErrSuperseded is returned for a succession that goes on from a part of the roster
	// that is not here, or counts no more.
	ErrSuperseded = keeper.ErrSuperseded
	// ErrNotNamed is returned for a take-over by a device that the successors did not
	// name.
	ErrNotNamed = keeper.ErrNotNamed
)

// MaxSuccessors is how many successors a topic may have.
const MaxSuccessors = 16

// NewSuccessorKey makes a key by which this store's person is a successor in a topic that
// is yet to be founded, and returns its public half, for TopicOptions.Successors. It is
// for one topic. The store keeps the other half, and with its backups it is lost.
func (db *DB) NewSuccessorKey(ctx context.Context) (k AccountKey, err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return k, wrap("successor's key", err)
	}
	c, err := store.NewSuccessorKey()
	if err == nil {
		err = db.change(ctx, c)
	}
	if err != nil {
		return k, wrap("successor's key", err)
	}
	return AccountKey(c.Key), nil
}

// A Succession is what successors sign.
type Succession struct {
	Text    string    `json:"text"`    // to be handed to the next successor, or to the device that takes over; no secret
	Term    uint32    `json:"term"`    // that it begins
	Steward AuthorKey `json:"steward"` // the device that takes over
	Void    uint64    `json:"void"`    // records of the newest part of the roster that are here, and are void then
	Signed  int       `json:"signed"`  // how many have signed
	Needed  int       `json:"needed"`  // how many have to
}

// ProposeSuccession begins a succession, by which a device becomes the steward: this one
// if device is zero. What is here of the roster counts, and nothing else of it: sync
// first with all members that can be reached. The error is ErrOptions for a topic without
// successors, or a device that does not belong.
func (t *Topic) ProposeSuccession(ctx context.Context, device AuthorKey) (s Succession, err error) {
	defer t.db.out(&err)
	if err := ctx.Err(); err != nil {
		return s, wrap("propose a succession", err)
	}
	st, err := t.roster()
	if err != nil {
		return s, wrap("propose a succession", err)
	}
	if device.IsZero() {
		device = AuthorKey(t.db.st.DeviceKey(t.t))
	}
	d, _ := st.Device(roster.Key(device))
	switch {
	case t.t.Genesis.Need == 0:
		return s, fmt.Errorf("propose a succession: %w: the topic was founded without successors", ErrOptions)
	case !d.Belongs:
		return s, fmt.Errorf("propose a succession: %w: device %s does not belong to the topic", ErrOptions, device.Short())
	}
	next := &roster.Succession{Topic: t.t.ID, Term: roster.Term{
		Last: st.Prefix(), Term: st.Position().Term + 1, Steward: roster.Key(device), By: roster.BySuccessors,
	}}
	return t.succession(next)
}

// ReadSuccession returns what a succession says that another store proposed. The error is
// ErrSuccession, or ErrSuperseded if it goes on from what this store does not hold.
func (t *Topic) ReadSuccession(text string) (_ Succession, err error) {
	defer t.db.out(&err)
	s, err := roster.ParseSuccession(text)
	if err != nil {
		return Succession{}, wrap("read a succession", err)
	}
	out, err := t.succession(s)
	return out, wrap("read a succession", err)
}

// SignSuccession adds this store's signature to a succession, on the word of its person,
// who has looked at what ReadSuccession says. A succession that it signed before, or that
// enough others did, stays as it is. The error is ErrSuccession, ErrSuperseded or
// ErrNotSuccessor.
func (t *Topic) SignSuccession(ctx context.Context, text string) (_ Succession, err error) {
	defer t.db.out(&err)
	if err := ctx.Err(); err != nil {
		return Succession{}, wrap("sign a succession", err)
	}
	s, err := roster.ParseSuccession(text)
	if err == nil {
		_, err = t.succession(s) // it is of this topic
	}
	if err != nil {
		return Succession{}, wrap("sign a succession", err)
	}
	key, err := t.db.st.SuccessorKeyOf(t.t.Genesis)
	switch {
	case err != nil:
	case key == nil:
		err = ErrNotSuccessor
	default:
		err = s.Sign(t.t.Genesis, key)
	}
	if err != nil {
		return Succession{}, wrap("sign a succession", err)
	}
	return t.succession(s)
}

// TakeOverBySuccessors makes this store the steward, on the word of the successors who
// signed. The error is ErrSuccession, ErrUnsigned, ErrNotNamed or ErrSuperseded.
func (t *Topic) TakeOverBySuccessors(ctx context.Context, text string) (err error) {
	defer t.db.out(&err)
	if err := t.mayChange(ctx); err != nil {
		return wrap("take over", err)
	}
	s, err := roster.ParseSuccession(text)
	if err != nil {
		return wrap("take over", err)
	}
	return wrap("take over", t.db.node.Keeper().Succeed(ctx, t.t.ID, s))
}

// succession says what a succession of this topic means here.
func (t *Topic) succession(s *roster.Succession) (out Succession, err error) {
	if s.Topic != t.t.ID {
		return out, fmt.Errorf("%w (it is of topic %s)", ErrSuccession, s.Topic.Short())
	}
	if _, err := t.db.st.RosterAt(t.t.ID, s.Term.Last); err != nil {
		return out, ErrSuperseded
	}
	st, err := t.roster()
	if err != nil {
		return out, err
	}
	if st.Position().Term >= s.Term.Term {
		return out, ErrSuperseded
	}
	out = Succession{Text: s.String(), Term: s.Term.Term, Steward: AuthorKey(s.Term.Steward), Signed: len(s.Term.Signed), Needed: t.t.Genesis.Need}
	if now := st.Prefix(); now.Log == s.Term.Last.Log {
		out.Void = now.Size - s.Term.Last.Size
	} else {
		out.Void = now.Size // and what stands between
	}
	return out, nil
}

// successors returns the keys as genesis has them, and how many of them it takes.
func (o *TopicOptions) successors() (keys [][32]byte, need int, err error) {
	if need = o.SuccessorsNeeded; need == 0 && len(o.Successors) > 0 {
		need = len(o.Successors)/2 + 1
	}
	if need > 0 && o.Kind == OpenTopic {
		return nil, 0, fmt.Errorf("%w: an open topic has no successors", ErrOptions)
	}
	for _, k := range o.Successors {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	return keys, need, nil
}
