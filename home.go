// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A person's devices share a home topic, which follows from 24 words. It tells each of
// them which topics the others are in and lets it take part there. It is none of
// DB.Topics, and nothing of it is shown to an application.

// Errors of words, and of a person's devices.
var (
	// ErrWordsKept is returned by Words if there are words already, and by Join for an
	// invite that links this store to a person, if it is one of somebody's devices.
	ErrWordsKept = store.ErrHome
	// ErrNoWords is returned for what takes words in a store of whose person there are none.
	ErrNoWords = errors.New("there are no words yet that this store could be recovered by: make them first, with `words`")
	// ErrWords is returned for a phrase that is no 24 words of the list, or of which one is
	// wrong.
	ErrWords = identity.ErrWords
	// ErrOtherWords is returned for words that are right, and another person's.
	ErrOtherWords = errors.New("these words are another person's, or older ones: they do not lead to what this store belongs to")
)

// Words draws 24 words, from which all can be had again that this person has in topics,
// and hands them to confirm: a person writes them down and says so. If that returns nil,
// what derives from them is kept, so that further devices can be linked, and the secrets
// of the person's accounts are kept by the words alone from then on. The words themselves
// are kept nowhere, and confirm must not keep them either. If it returns an error, that is
// what Words returns, and nothing was done. The error is ErrWordsKept if there are words
// already.
func (db *DB) Words(ctx context.Context, confirm func(phrase string) error) (err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return wrap("words", err)
	}
	if refused, err := db.st.Unlinked(); err != nil || refused == nil && db.st.Home() != nil {
		return wrap("words", cmp.Or(err, ErrWordsKept))
	}
	w, err := identity.NewWords(nil)
	if err != nil {
		return wrap("words", err)
	}
	if err := confirm(w.Phrase()); err != nil {
		return err
	}
	j, err := db.st.NewHome(w, db.opts.Now())
	if err == nil {
		err = db.leaveUnlinked(ctx)
	}
	if err == nil {
		err = db.change(ctx, j)
	}
	if err != nil {
		return wrap("words", err)
	}
	db.node.Mesh().TopicsChanged()
	db.node.Home().Settle(ctx)
	return nil
}

// mayChange returns why nothing is changed here.
func (db *DB) mayChange(ctx context.Context) error {
	if err := errors.Join(ctx.Err(), db.usable()); err != nil {
		return err
	}
	return db.ReadOnly()
}

// home returns the home topic. The error is ErrNoWords.
func (db *DB) home() (*Topic, error) {
	h := db.st.Home()
	if h == nil {
		return nil, ErrNoWords
	}
	t, err := db.st.Topic(h.Topic)
	return &Topic{db: db, t: t}, err
}

// devicesTopic is home for what takes a device of the person: the error is also why this
// store is none, as its link was used or is over.
func (db *DB) devicesTopic() (*Topic, error) {
	if refused, err := db.st.Unlinked(); refused != nil || err != nil {
		return nil, errors.Join(refused, err)
	}
	return db.home()
}

// leaveUnlinked leaves the home topic of a person whose device this store never was, and
// cannot be any more.
func (db *DB) leaveUnlinked(ctx context.Context) error {
	if refused, err := db.st.Unlinked(); err != nil || refused == nil {
		return err
	}
	l, err := db.st.NewLeaving(db.st.Home().Topic, false)
	if err != nil {
		return err
	}
	return db.change(ctx, l)
}

// LinkOptions are for LinkDevice. The zero value, like nil, means the defaults.
type LinkOptions struct {
	// Places are where the new device finds a peer, at most 8. Default: where this store
	// listens.
	Places []Address
	// WithoutPlaces names none.
	WithoutPlaces bool
	// Expires is when nobody can be linked by it any more. Default: never.
	Expires time.Time
}

// LinkDevice returns an invite that makes another store a further device of this person:
// by DB.Join or Options.Invite, of a store that is nobody's yet. It brings all topics of
// the person, and those that come. Whoever has the invite gets all that: it is for one
// use, and to be handed over as a password is. The error is ErrNoWords if there are no
// words yet, ErrAsked if another device keeps the list of devices and does not answer
// before ctx ends, or ErrUnmet; or, if this store is to be one of the person's by a link that
// admits it no more, why that is, as of Standing.
func (db *DB) LinkDevice(ctx context.Context, o *LinkOptions) (_ string, err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return "", wrap("link a device", err)
	}
	t, err := db.devicesTopic()
	if err != nil {
		return "", wrap("link a device", err)
	}
	if o == nil {
		o = &LinkOptions{}
	}
	inv := identity.Invite{Genesis: *t.t.Genesis, Role: identity.RoleDevice, Uses: 1}
	if !o.Expires.IsZero() {
		inv.Expires = uint64(max(o.Expires.Unix(), 1))
	}
	if err := t.openInvite(ctx, &inv, func(v *roster.Invite) error { return db.st.SignLink(t.t, v) }); err != nil {
		return "", wrap("link a device", err)
	}
	text, err := db.placed(inv, &InviteOptions{Places: o.Places, WithoutPlaces: o.WithoutPlaces})
	return text, wrap("link a device", err)
}

// Devices returns the devices of this person, this one among them, by the list that is
// here, ordered by key. Each has other keys in each topic: these are those of the list.
// The error is ErrNoWords, or as of LinkDevice why this store is none of them.
func (db *DB) Devices() (_ []Device, err error) {
	defer db.out(&err)
	if err := db.usable(); err != nil {
		return nil, err
	}
	t, err := db.devicesTopic()
	if err != nil {
		return nil, wrap("devices", err)
	}
	members, err := t.Members()
	if err != nil || len(members) == 0 {
		return nil, err
	}
	return members[0].Devices, nil
}

// TakeOverByWords is TakeOver by the words of the topic's owner, in any of the owner's
// stores. The error is ErrWords, ErrOtherWords, ErrNoWords if this store is none of a
// person's devices, or ErrNotOwner.
func (t *Topic) TakeOverByWords(ctx context.Context, phrase string) (err error) {
	defer t.db.out(&err)
	if err := t.mayChange(ctx); err != nil {
		return wrap("take over", err)
	}
	w, err := identity.ParseWords(phrase)
	if err != nil {
		return wrap("take over", err)
	}
	owner, err := t.accountByWords(w, roster.Key(t.t.Genesis.Owner))
	if err != nil {
		return wrap("take over", err)
	}
	return wrap("take over", t.db.node.Keeper().TakeOver(ctx, t.t.ID, owner))
}

// accountByWords opens what the secret of an account of this topic was boxed in. It is
// the caller's, who keeps it nowhere.
func (t *Topic) accountByWords(w identity.Words, account roster.Key) (secret identity.AccountSecret, err error) {
	h, err := t.db.home()
	if err != nil {
		return secret, err
	}
	if genesis := w.Home().Genesis; genesis.ID() != h.t.ID {
		return secret, ErrOtherWords
	}
	boxes, err := t.recoveryBoxes(account)
	if err != nil {
		return secret, err
	}
	root := seal.NewPrivateKey(seal.Secret(w.RootKEMSeed()))
	if secret, ok := openRecovery(root, t.t.ID, account, boxes); ok {
		return secret, nil
	}
	return secret, ErrNotOwner
}

// openRecovery opens the boxes that the secret of an account in a topic may be in.
func openRecovery(root *seal.PrivateKey, topic digest.Hash, account roster.Key, boxes [][]byte) (identity.AccountSecret, bool) {
	for _, b := range boxes {
		box := seal.Box{Kind: seal.BoxRecovery, Recipient: seal.Recipient(account), Sealed: b}
		opened, err := box.OpenRecovery(root, topic)
		secret := identity.AccountSecret{Secret: identity.Secret(opened)}
		if err == nil && roster.Key(identity.PublicKey(secret.Key())) == account {
			return secret, true
		}
	}
	return identity.AccountSecret{}, false
}

// recoveryBoxes returns what an account's secret may be boxed in: in the home topic, or in
// the record that admitted the account.
func (t *Topic) recoveryBoxes(account roster.Key) (boxes [][]byte, err error) {
	st, err := t.db.node.Home().State()
	if err != nil {
		return nil, err
	}
	if listed := st.Topic(t.t.ID); listed != nil {
		boxes = listed.Boxes(account)
	}
	now, err := t.roster()
	if err != nil {
		return nil, err
	}
	if a, _ := now.Account(account); len(a.Recovery) > 0 {
		boxes = append(boxes, a.Recovery)
	}
	return boxes, nil
}

// joining runs what may make another topic the default, while no append means that.
func (db *DB) joining(join func() error) error {
	db.defaults.Lock()
	defer db.defaults.Unlock()
	return join()
}

// isHome reports whether a topic is the home topic, which no application sees.
func (db *DB) isHome(topic TopicID) bool { return db.st.IsHome(digest.Hash(topic)) }

// links reports whether an invite makes a store a device of a person.
func links(inv *identity.Invite) bool {
	return inv != nil && inv.Role == identity.RoleDevice && inv.Genesis.Policy.Has(identity.PolicyHome)
}

// unknownTopic is the error of a topic that this store is not in, as an application sees it.
func unknownTopic(topic TopicID) error { return fmt.Errorf("%w: %s", ErrUnknownTopic, topic) }
