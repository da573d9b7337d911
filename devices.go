// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// RemoveDevice ends that one device of a member belongs to the topic, as for one that was
// lost or stolen; the member's other devices go on. A device that is a copy takes with it
// what it was copied from, and copies of it. See Remove for what that means, and for when
// it is done. The error is ErrOptions if the device is none of the members' or is this
// store, and ErrRole if it writes the roster, which another device has to do first, or if
// the roster does not allow it: members remove their own devices, and admins those of whom
// they may remove.
func (t *Topic) RemoveDevice(ctx context.Context, device AuthorKey) (err error) {
	defer t.db.out(&err)
	return wrap("remove device", t.removeDevice(ctx, roster.Key(device)))
}

func (t *Topic) removeDevice(ctx context.Context, device roster.Key) error {
	st, err := t.roster()
	if err != nil {
		return err
	}
	d, err := t.removable(st, device)
	if err != nil {
		return err
	}
	gone := func(st *roster.State) bool { d, _ := st.Device(device); return !d.Belongs }
	return t.act(ctx, &roster.Target{Account: d.Account, Device: device}, gone)
}

// removable returns a device that belongs and is neither the steward's nor this store.
func (t *Topic) removable(st *roster.State, device roster.Key) (roster.DeviceState, error) {
	d, _ := st.Device(device)
	short := AuthorKey(device).Short()
	switch {
	case !d.Belongs:
		return d, fmt.Errorf("%w: %s is no device of the topic's members", ErrOptions, short)
	case device == t.db.st.DeviceKey(t.t):
		return d, fmt.Errorf("%w: %s is this store: remove it at another device, or leave the topic here", ErrOptions, short)
	case writes(st, device) && t.db.isHome(t.ID()):
		return d, fmt.Errorf("%w: device %s keeps the list of your devices: have another device of yours keep it first, by the words if that one is lost or stolen", ErrRole, short)
	case writes(st, device):
		return d, fmt.Errorf("%w: device %s writes the roster: have another one write it first, by a handover or, if it is lost or stolen, a take-over", ErrRole, short)
	}
	return d, nil
}

// writes reports whether a device writes the roster, or is about to.
func writes(st *roster.State, device roster.Key) bool {
	if heir := st.Heir(); !heir.IsZero() {
		return heir == device
	}
	return st.Steward().Author == device
}

// RemoveDevice takes a device off the list of this person's devices, which Devices
// returns: it learns of no further topic, and reads nothing that the person's devices tell
// each other later. It has other keys in the topics that it is in, and belongs to those
// until Topic.RemoveDevice; RemoveDeviceEverywhere does both. For when it is done, and errors, see there; ErrNoWords.
func (db *DB) RemoveDevice(ctx context.Context, device AuthorKey) (err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return wrap("remove device", err)
	}
	t, err := db.devicesTopic()
	if err != nil {
		return wrap("remove device", err)
	}
	return wrap("remove device", t.removeDevice(ctx, roster.Key(device)))
}
