// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// remove returns the record that removes a target: its logs are cut at what is held
// of them, and the invites that it may know are closed.
func (d *Desk) remove(ref roster.AskRef, t roster.Target, by roster.Key, keep []roster.Key) (roster.Record, Reason, error) {
	cuts, err := d.cuts(d.state.Leaving(t))
	return &roster.Remove{Ask: ref, Target: t, Cuts: cuts, Keep: d.keep(t.Account, by, keep)}, checkCuts(cuts), err
}

// setRole returns the record that gives a role. If the account writes by one of its
// two roles only, its logs are cut and its devices go on in others.
func (d *Desk) setRole(ref roster.AskRef, change roster.RoleChange) (roster.Record, Reason, error) {
	r := &roster.SetRole{Ask: ref, Change: change}
	a, _ := d.state.Account(change.Account)
	if a.Role.Writes() == change.Role.Writes() {
		return r, "", nil
	}
	cuts, err := d.cuts(d.state.Devices(change.Account))
	r.Cuts = cuts
	return r, checkCuts(cuts), err
}

// cuts returns up to where the logs of devices count, as far as they are held and not
// cut yet, by rising id. A log that is not in it is cut at 0.
func (d *Desk) cuts(devices []roster.DeviceState) ([]roster.Prefix, error) {
	var all []roster.Prefix
	for _, x := range devices {
		for _, log := range d.logsOf(x) {
			if l, _ := d.state.Log(log); len(l.Cuts) > 0 {
				continue
			}
			size, root, err := d.logs.Held(log)
			if err != nil {
				return nil, err
			}
			if size > 0 {
				all = append(all, roster.Prefix{Log: log, Size: size, Root: root})
			}
		}
	}
	slices.SortFunc(all, func(a, b roster.Prefix) int { return bytes.Compare(a.Log[:], b.Log[:]) })
	return all, nil
}

// logsOf returns the logs of a device: those that were admitted, and in an open topic
// the one that counts without.
func (d *Desk) logsOf(x roster.DeviceState) []digest.Hash {
	g := d.state.Genesis()
	open := roster.DataLog(d.state.Topic(), x.Key, g.PageBytes, 0)
	if !g.Policy.Has(identity.PolicyOpen) || slices.Contains(x.Logs, open) {
		return x.Logs
	}
	return append(slices.Clone(x.Logs), open)
}

// keep returns the invites that stay open when something of an account is removed on
// the authority of by: those that a person named, and those that link devices to other
// accounts. If an account removes something of its own, all stay but those that it made
// or came by, so that nobody closes the invites of others by leaving. An account that is
// put out may have seen any of them, and the one that puts it out cannot know which.
func (d *Desk) keep(account, by roster.Key, named []roster.Key) []roster.Key {
	a, _ := d.state.Account(account)
	var all []roster.Key
	for _, v := range d.state.Invites() { // by rising key
		foreign := v.By != account && v.Key != a.Invite
		if slices.Contains(named, v.Key) || foreign && (by == account || v.Link != nil) {
			all = append(all, v.Key)
		}
	}
	return all
}

// maxList is the most cuts, and invites to keep, that a record lists.
const maxList = 1<<16 - 1

func checkCuts(cuts []roster.Prefix) Reason {
	if len(cuts) > maxList {
		return ReasonForm
	}
	return ""
}
