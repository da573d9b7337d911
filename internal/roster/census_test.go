// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"maps"
	"slices"
	"testing"
)

// A census counts the situations that the model got into: a rule that no world
// comes near is not tested, however many worlds there are.
type census map[string]int

// situations are those that the default worlds have to get into.
var situations = map[string][]string{
	"TestOneSteward": {
		"handover", "handover to a replica refused", "grant", "grant ended", "removal of an account with rights",
		"ask below a cut", "ask above a cut", "second cut of a forked log", "role that cuts", "device that changes its log",
		"copy of a device", "removal of an account with a kept link", "removal of a copy", "removal with copies of copies", "invite of a device used", "invite used up", "removal that keeps an invite",
	},
	"TestWorlds": {
		"take-over by the owner", "take-over by successors", "take-over of a closed leg", "voided tail", "voided removal", "voided cut",
		"steward restored", "forked leg", "cuts on both branches", "record behind a handover", "closed behind a handover",
		"handover", "ask below a cut", "ask above a cut", "grant", "stale branch", "stale subject", "stale behind the chain", "fresh ask",
		"matching ask", "another ask", "provisional join", "refused join", "provisional device", "refused device",
	},
}

func (c census) add(o census) {
	for k, n := range o {
		c[k] += n
	}
}

// check fails if a situation never came up in the default run.
func (c census) check(t *testing.T) {
	for _, k := range slices.Sorted(maps.Keys(c)) {
		t.Logf("%-32s %6d", k, c[k])
	}
	for _, k := range situations[t.Name()] {
		if c[k] == 0 && *seeds >= defaultSeeds {
			t.Errorf("never: %s", k)
		}
	}
}

func (r *realm) saw(what string, yes bool) {
	if yes {
		r.seen[what]++
	}
}

// look takes note of what a record met and did.
func (r *realm) look(rec Record, e Effect, before, after dump) {
	counts := e.Void == ""
	if a, ok := AskOf(rec); ok && !a.None() {
		if c, cut := before.Logs[a.Log.String()].Cut(); cut {
			r.saw("ask below a cut", counts && a.Seq < c.Size)
			r.saw("ask above a cut", !counts && a.Seq >= c.Size && a.Seq >= before.Settled[a.Log.String()])
		}
	}
	switch rec := rec.(type) {
	case *Handover:
		d := before.Devices[rec.Device]
		r.saw("handover", counts)
		r.saw("handover to a replica refused", !counts && rec.Ask.Log == d.Log && d.Belongs && before.Accounts[d.Account].Role == Replica)
	case *Grant:
		r.saw("grant", counts && rec.Right.Calls > 0)
		r.saw("grant ended", counts && rec.Right.Calls == 0)
	case *CutLog:
		r.saw("second cut of a forked log", counts && len(after.Logs[rec.Cut.Log.String()].Cuts) > 1)
	case *SetRole:
		r.saw("role that cuts", counts && len(rec.Cuts) > 0 && before.Accounts[rec.Change.Account].Role.Writes() != rec.Change.Role.Writes())
	case *AddDevice:
		k := &rec.Device.Card
		r.saw("device that changes its log", counts && before.Devices[k.Device].Belongs && before.Devices[k.Device].Log != after.Devices[k.Device].Log)
		r.saw("copy of a device", counts && !k.Parent.IsZero())
		r.saw("invite of a device used", counts && before.Invites[rec.Device.Signer].Open)
	case *Admit:
		r.saw("invite used up", counts && rec.By != nil && !after.Invites[rec.By.Invite].Open)
	case *Remove:
		r.lookRemove(rec, counts, before)
	}
}

func (r *realm) lookRemove(rec *Remove, counts bool, before dump) {
	t := rec.Target
	r.saw("removal of an account with rights", counts && t.Device.IsZero() && slices.ContainsFunc(before.Rights, func(x Right) bool {
		return x.Account == t.Account || x.On == t.Account
	}))
	for _, d := range before.Devices {
		p := before.Devices[d.Parent]
		r.saw("removal with copies of copies", counts && d.Belongs && p.Belongs && p.Parent == t.Device && !t.Device.IsZero())
	}
	r.saw("removal of a copy", counts && !before.Devices[t.Device].Parent.IsZero())
	for _, k := range rec.Keep {
		v := before.Invites[k]
		r.saw("removal of an account with a kept link", counts && v.Open && v.Link != nil && v.Link.Account == t.Account && t.Device.IsZero())
		r.saw("removal that keeps an invite", counts && before.Invites[k].Open)
	}
}

// lookTakeOver takes note of what y, who took over from x, voids.
func (r *realm) lookTakeOver(x, y *writer, closed bool, void []Record) {
	t := y.s.Term()
	r.saw("take-over by the owner", t.By == ByOwner)
	r.saw("take-over by successors", t.By == BySuccessors)
	r.saw("take-over of a closed leg", closed)
	r.saw("voided tail", len(void) > 0)
	for k, a := range x.s.accounts.each() {
		r.saw("voided removal", !a.Belongs() && y.s.accounts.at(k).Belongs())
	}
	for k, d := range x.s.devices.each() {
		r.saw("voided removal", !d.Belongs && y.s.devices.at(k).Belongs)
	}
	for id, l := range x.s.logs.each() {
		r.saw("voided cut", len(l.Cuts) > len(y.s.logs.at(id).Cuts))
	}
}

// lookBranches takes note of logs that two branches of one leg cut differently.
func (r *realm) lookBranches(x, y *writer) {
	r.saw("forked leg", true)
	for id, l := range x.s.logs.each() {
		k := y.s.logs.at(id)
		a, cutX := l.Cut()
		b, cutY := k.Cut()
		r.saw("cuts on both branches", cutX && cutY && (a.Size != b.Size || a.Root != b.Root))
	}
}
