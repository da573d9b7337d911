// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Errors of a recovery.
var (
	// ErrNotFound is returned by Recover if no peer was reached that could show anything.
	ErrNotFound = errors.New("nobody was reached who holds something of this person: name the address of a device of that person, or an invite to one of the topics with an address in it, and recover again")
	// ErrNotRecovered is returned for appends to a topic by whose invite this store was to be
	// recovered, until that is done.
	ErrNotRecovered = errors.New("this store is not recovered in the topic yet: recover again with the same words, while a member is reached")
	// ErrByWords is returned by Join for a topic that this store was removed from, if only
	// the words lead to the secret of its account there; see JoinByWords.
	ErrByWords = store.ErrByWords
)

// RecoverOptions are for Recover. The zero value, like nil, means the defaults.
type RecoverOptions struct {
	// Options are those of Open. Invite, MustExist and ReadOnly are not for a recovery.
	Options *Options
	// Peers are asked, once each: devices of the person, or members and replicas of the
	// person's topics. Each is an address, or an invite with addresses in it.
	Peers []string
	// Invites are of topics that the person is in, and any kind of invite will do, a used one
	// too, as long as nobody was removed since it was made. They serve if no device is left
	// that holds the list of topics: the account is found by its words among the members. The
	// peers named in them are asked as well.
	Invites []string
	// RemoveOthers has all other devices of the person be removed, in each topic: what is
	// appended once that is known is sealed from them. If none of the person's devices was
	// reached, the list of topics begins anew. A device that is left and was removed has to
	// be linked again. Default: nobody is removed.
	RemoveOthers bool
	// Wait is how long a device of the person that writes a roster may take to admit this
	// one, before this one goes on in its place. Default: 5 s; with RemoveOthers it is not
	// waited for.
	Wait time.Duration
}

// A RecoveredState says how much of a topic is back.
type RecoveredState string

// The states of a RecoveredTopic.
const (
	// RecoveredWhole is the state of a topic in which this store is a device of the person.
	RecoveredWhole RecoveredState = "whole"
	// RecoveredAsked is that of one that is here, and in which the steward has not admitted
	// this store yet. It reads and appends already; the rest comes by itself.
	RecoveredAsked RecoveredState = "asked"
	// RecoveredUnreached is that of one of which no member was reached. It comes with the next
	// sync with one.
	RecoveredUnreached RecoveredState = "unreached"
	// RecoveredLocked is that of one for whose account the words lead to no secret: another
	// device of the person lets this one in, or an admin does by an invite.
	RecoveredLocked RecoveredState = "locked"
	// RecoveredRemoved is that of one that the person was removed from. What was sealed until
	// then can be read if this store is let in again: DB.JoinByWords, with a new invite.
	RecoveredRemoved RecoveredState = "removed"
)

// A RecoveredTopic is what came back of a topic.
type RecoveredTopic struct {
	Topic    TopicID        `json:"topic"`
	Name     string         `json:"name,omitempty"`
	State    RecoveredState `json:"state"`
	Role     Role           `json:"role,omitempty"`      // of the person, if it is known
	TookOver bool           `json:"took_over,omitempty"` // this store writes the roster now
	Removed  []AuthorKey    `json:"removed,omitempty"`   // devices of the person that do not belong any more
	Asked    []AuthorKey    `json:"asked,omitempty"`     // devices that the steward was asked to remove
}

// Recovered says what came back.
type Recovered struct {
	// Home says that the list of the person's topics is here, and that this store is one of
	// the person's devices by it. Else only the topics of invites are back.
	Home bool `json:"home"`
	// NewHome says that the list began anew, as none of the person's devices was reached.
	NewHome bool             `json:"new_home,omitempty"`
	Topics  []RecoveredTopic `json:"topics"`
}

// Recover makes the store in dir, which is created if there is none, a device of the
// person with these words, and brings back that person's topics: each is joined as a
// further device of the account that the person has there, and all that was sealed for it
// can be read. It tells what came back, and what could not be reached yet. Where the
// device that wrote a roster is lost with the person's others, this one goes on.
//
// Nothing of the words is stored, and nothing of the secrets that they lead to. A recovery
// that was cut off is gone on with by another one, with the same words, in the same dir;
// one that is done can be repeated, for what could not be reached. Dir must not be a
// device of another person, ErrOtherWords. The error is also ErrWords; ErrNotFound if
// nobody was reached; or ErrOtherWords if those who were reached know nothing of the
// person.
func Recover(ctx context.Context, dir, phrase string, o *RecoverOptions) (_ *DB, _ *Recovered, err error) {
	defer out(&err)
	w, err := identity.ParseWords(phrase)
	if err != nil {
		return nil, nil, wrap("recover", err)
	}
	r, err := newRecovery(w, o)
	if err != nil {
		return nil, nil, wrap("recover", err)
	}
	db, err := open(dir, r.opts.Options, &w)
	if err != nil {
		return nil, nil, wrap("recover", err)
	}
	r.db = db
	if err := r.run(ctx); err != nil {
		return nil, nil, wrap("recover", errors.Join(outward(err), db.Close()))
	}
	return db, &r.got, nil
}

// returnHome joins the home topic of words, before this store meets anybody.
func (db *DB) returnHome(w identity.Words) error {
	now := db.opts.Now()
	j, err := db.st.NewReturning(w, now)
	if err != nil || j == nil {
		return err
	}
	old, err := db.st.Abandoned(j.Topic.ID)
	if err != nil {
		return err
	}
	if old != nil && !old.Left {
		l, err := db.st.NewLeaving(old.ID, false)
		if err == nil {
			err = db.st.Do(l)
		}
		if err != nil {
			return err
		}
	}
	if err = db.st.Do(j); errors.Is(err, store.ErrHome) {
		return fmt.Errorf("%w; name another directory", ErrOtherWords)
	}
	return err
}

// JoinByWords is Join for a topic that this store was removed from, with the words of its
// person, which lead to the secret of the account: the person comes back as who that was.
// The error is ErrWords, ErrOtherWords, ErrNoWords, or as of Join.
func (db *DB) JoinByWords(ctx context.Context, invite, phrase string) (_ *Topic, err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return nil, wrap("join", err)
	}
	inv, err := identity.ParseInvite(invite)
	if err != nil {
		return nil, err
	}
	w, err := identity.ParseWords(phrase)
	if err != nil {
		return nil, wrap("join", err)
	}
	var account identity.AccountSecret
	if t, err := db.st.Topic(inv.Topic()); err == nil {
		key, err := db.st.Account(t)
		if err != nil {
			return nil, wrap("join", err)
		}
		if account, err = (&Topic{db: db, t: t}).accountByWords(w, key); err != nil {
			return nil, wrap("join", err)
		}
	}
	return db.joinWith(ctx, inv, account)
}
