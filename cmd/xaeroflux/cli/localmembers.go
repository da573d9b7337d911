// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Invite implements nodeapi.Backend.
func (b *local) Invite(ctx context.Context, topic string, o nodeapi.Inviting) (string, error) {
	t, err := b.topic(topic)
	if err != nil {
		return "", err
	}
	if t.Kind() != xaeroflux.OpenTopic {
		if _, err := members(t); err != nil {
			return "", err
		}
	}
	ctx, cancel := waiting(ctx, o.Wait)
	defer cancel()
	invite, err := t.Invite(ctx, &xaeroflux.InviteOptions{Role: o.Role, Uses: o.Uses, Expires: o.Expires})
	return dialableInvite(invite), err
}

// waiting bounds how long the steward of a topic is waited for.
func waiting(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if wait <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, wait)
}

// Members implements nodeapi.Backend.
func (b *local) Members(ctx context.Context, topic string, c nodeapi.MemberChange) ([]xaeroflux.Member, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	if c != (nodeapi.MemberChange{}) {
		if err := changeMember(ctx, t, c); err != nil {
			return nil, err
		}
	}
	return t.Members()
}

func changeMember(ctx context.Context, t *xaeroflux.Topic, c nodeapi.MemberChange) error {
	if c.Claim != nil {
		return t.Claim(ctx, *c.Claim)
	}
	if t.Kind() == xaeroflux.OpenTopic {
		return usage("topic %s is open: whoever has its invite takes part, and nobody can take that away", t.ID().Short())
	}
	all, err := members(t)
	if err != nil {
		return err
	}
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	if c.Device != "" {
		return removeDevice(ctx, t, all, c.Device)
	}
	m, err := member(all, c.Account)
	if err != nil {
		return err
	}
	switch {
	case c.Petname != nil:
		return t.SetPetname(ctx, m.Account, *c.Petname)
	case c.Remove:
		return t.Remove(ctx, m.Account)
	}
	return t.SetRole(ctx, m.Account, c.Role)
}

func removeDevice(ctx context.Context, t *xaeroflux.Topic, all []xaeroflux.Member, name string) error {
	d, err := memberDevice(all, name)
	if err != nil {
		return err
	}
	return t.RemoveDevice(ctx, d.Key)
}

// Invites implements nodeapi.Backend.
func (b *local) Invites(ctx context.Context, topic string, c nodeapi.InviteChange) ([]xaeroflux.OpenInvite, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	all, err := t.Invites()
	if err != nil || c.Close == "" {
		return all, err
	}
	id, err := openInvite(all, c.Close)
	if err != nil {
		return nil, err
	}
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	if err := t.Revoke(ctx, id); err != nil {
		return nil, err
	}
	return t.Invites()
}

// Asks implements nodeapi.Backend.
func (b *local) Asks(_ context.Context, topic string) ([]xaeroflux.Ask, error) {
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	return t.Asks()
}

// openInvite finds an invite by the beginning of its id.
func openInvite(all []xaeroflux.OpenInvite, name string) (found xaeroflux.InviteKey, err error) {
	fit := 0
	for _, v := range all {
		if hasPrefix(v.ID, name) {
			found = v.ID
			fit++
		}
	}
	switch {
	case len(name) < minPrefix:
		return found, usage("invite %q: give at least %d digits of its id", name, minPrefix)
	case fit == 0:
		return found, kinded(nodeapi.Unknown, "no open invite of this topic has an id that begins with %q", name)
	case fit > 1:
		return found, usage("invite %q: %d invites fit; give more of the id", name, fit)
	}
	return found, nil
}

// members returns those of a topic whose roster is here.
func members(t *xaeroflux.Topic) ([]xaeroflux.Member, error) {
	all, err := t.Members()
	if err == nil && len(all) == 0 {
		err = kinded(nodeapi.Alone, "the roster of topic %s is not here yet: it comes from a member", t.ID().Short())
	}
	return all, err
}

// member finds a member by the beginning of the account's key, or by the name that was given
// to it here. What somebody claims to be finds nobody.
func member(all []xaeroflux.Member, name string) (found xaeroflux.Member, err error) {
	fit := 0
	for _, m := range all {
		if hasPrefix(m.Account, name) || m.Petname == name && name != "" {
			found = m
			fit++
		}
	}
	switch {
	case fit == 0 && len(name) < minPrefix:
		return found, usage("account %q: give at least %d digits of its key", name, minPrefix)
	case fit == 0:
		return found, kinded(nodeapi.Unknown, "no member of this topic has an account that begins with %q, or is called so here", name)
	case fit > 1:
		return found, usage("account %q: %d members fit; give more of the key", name, fit)
	}
	return found, nil
}
