// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Roster implements nodeapi.Backend.
func (b *local) Roster(ctx context.Context, topic string, c nodeapi.RosterChange) (xaeroflux.RosterStatus, error) {
	t, err := b.topic(topic)
	if err != nil {
		return xaeroflux.RosterStatus{}, err
	}
	if c != (nodeapi.RosterChange{}) {
		if err := changeRoster(ctx, t, c); err != nil {
			return xaeroflux.RosterStatus{}, err
		}
	}
	return t.Roster()
}

func changeRoster(ctx context.Context, t *xaeroflux.Topic, c nodeapi.RosterChange) error {
	if t.Kind() == xaeroflux.OpenTopic {
		return usage("topic %s is open: whoever has its invite takes part, and nobody writes that down", t.ID().Short())
	}
	all, err := members(t)
	if err != nil {
		return err
	}
	s, err := t.Roster()
	if err != nil {
		return err
	}
	switch {
	case c.TakeOver && c.Signed != "":
		return t.TakeOverBySuccessors(ctx, c.Signed)
	case c.TakeOver && c.Words != "":
		return t.TakeOverByWords(ctx, c.Words)
	case c.TakeOver:
		return t.TakeOver(ctx)
	case c.Ask && s.Self:
		return nil
	case c.Ask:
		return askHandover(ctx, t, c, s)
	case !s.Self:
		return kinded(nodeapi.Forbidden, "%v: device %s writes the roster of topic %s", xaeroflux.ErrRole, s.Steward.Short(), t.ID().Short())
	case c.Trust:
		return t.TrustRoster(ctx)
	}
	d, err := memberDevice(all, c.Handover)
	if err != nil {
		return err
	}
	return t.Handover(ctx, d.Key)
}

// askHandover asks for the roster, and says what its steward's person does if that is
// not enough.
func askHandover(ctx context.Context, t *xaeroflux.Topic, c nodeapi.RosterChange, s xaeroflux.RosterStatus) error {
	ctx, cancel := waiting(ctx, c.Wait)
	defer cancel()
	err := t.AskHandover(ctx)
	if errors.Is(err, xaeroflux.ErrAsked) {
		err = fmt.Errorf("%w; if device %s is another person's, that person says `xaeroflux handover %s` there", err, s.Steward.Short(), t.Log().Author().Short())
	}
	return err
}

// memberDevice finds a device of the members by the beginning of its key.
func memberDevice(members []xaeroflux.Member, name string) (xaeroflux.Device, error) {
	var all []xaeroflux.Device
	for _, m := range members {
		all = append(all, m.Devices...)
	}
	return device(all, "this topic's members", name)
}

// device finds one of somebody's devices by the beginning of its key.
func device(all []xaeroflux.Device, whose, name string) (found xaeroflux.Device, err error) {
	fit := 0
	for _, d := range all {
		if hasPrefix(d.Key, name) {
			found = d
			fit++
		}
	}
	switch {
	case fit == 0:
		return found, kinded(nodeapi.Unknown, "no device of %s has a key that begins with %q", whose, name)
	case fit > 1:
		return found, usage("device %q: %d devices fit; give more of the key", name, fit)
	}
	return found, nil
}
