// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// InviteOptions are for Invite. The zero value, like nil, means the defaults.
type InviteOptions struct {
	// Places are where whoever joins finds a peer, at most 8, of any machine.
	// Default: where this store listens.
	Places []Address
	// WithoutPlaces names none.
	WithoutPlaces bool
	// Tentative is for an invite that is shown and may be given to nobody: an empty
	// default topic still gives way to one that is joined (DB.Join).
	Tentative bool
	// Of a topic that has members: what whoever joins by the invite may do, how many
	// may, and until when, by the clock of the steward. Default: one writer, at any time.
	Role    Role
	Uses    uint16
	Expires time.Time
}

// Invite returns the invite to the topic. It contains the topic's secret keys and
// places of peers: whoever has it can read the topic and append to it. The error is
// ErrOptions for places that an invite cannot hold.
func (t *Topic) Invite(ctx context.Context, o *InviteOptions) (_ string, err error) {
	defer t.db.out(&err)
	if err := errors.Join(ctx.Err(), t.db.usable()); err != nil {
		return "", err
	}
	if o == nil || !o.Tentative {
		if err := t.keep(ctx); err != nil {
			return "", fmt.Errorf("invite: %w", err)
		}
	}
	inv := identity.Invite{Genesis: *t.t.Genesis, Keys: t.t.Keys, Name: t.Name()}
	if t.Kind() != OpenTopic {
		if err := t.invited(ctx, &inv, o); err != nil {
			return "", fmt.Errorf("invite: %w", err)
		}
	}
	text, err := t.db.placed(inv, o)
	return text, wrap("invite", err)
}

// placed returns the text of an invite, with places of peers.
func (db *DB) placed(inv identity.Invite, o *InviteOptions) (string, error) {
	switch {
	case o != nil && o.WithoutPlaces:
	case o != nil && o.Places != nil:
		for _, a := range o.Places {
			inv.Peers = append(inv.Peers, identity.Address{Peer: identity.PeerID(a.Peer), Host: a.Host})
		}
	default: // those that an invite can hold
		inv.Peers = db.node.Mesh().Places()
		return inv.String(), nil
	}
	text, err := inv.Encode()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return text, nil
}

// keep has a default topic that nobody used yet stay the default: whoever is invited to
// it is to find what is appended here.
func (t *Topic) keep(ctx context.Context) error {
	k, err := t.db.st.NewKeeping(t.t.ID)
	if k == nil || err != nil || t.db.opts.ReadOnly {
		return err
	}
	return t.db.change(ctx, k)
}

// Invite returns the invite to the default topic; see Topic.Invite.
func (db *DB) Invite(ctx context.Context, o *InviteOptions) (_ string, err error) {
	defer db.out(&err)
	db.defaults.RLock()
	defer db.defaults.RUnlock()
	return db.def().Invite(ctx, o)
}
