// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A dump is all that a fold answers.
type dump struct {
	Accounts  map[Key]Account
	Devices   map[Key]DeviceState
	Logs      map[string]Log
	Invites   map[Key]InviteState
	Rights    []Right
	Settled   map[string]uint64
	Changed   map[Key]Position
	Epochs    []EpochState
	Due       bool
	Erased    []Erasure
	Snapshots []SnapshotState
	Boxes     digest.Hash
	BoxCount  int
	Heir      Key
}

func (d dump) String() string {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// short keeps of long keys what tests tell them apart by, so that a dump is
// quick to write.
func (d dump) short() dump {
	d.Accounts, d.Devices, d.Invites = maps.Clone(d.Accounts), maps.Clone(d.Devices), maps.Clone(d.Invites)
	cut := func(k []byte) []byte { return k[:min(len(k), 16)] }
	for k, x := range d.Accounts {
		x.KEM, x.Recovery = cut(x.KEM), cut(x.Recovery)
		d.Accounts[k] = x
	}
	for k, x := range d.Devices {
		x.KEM = cut(x.KEM)
		d.Devices[k] = x
	}
	for k, x := range d.Invites {
		x.KEM, x.Ended = cut(x.KEM), 0
		d.Invites[k] = x
	}
	return d
}

func dumpFast(s *State) dump {
	d := dump{
		Accounts: maps.Collect(s.accounts.each()), Devices: map[Key]DeviceState{}, Logs: map[string]Log{}, Invites: maps.Collect(s.invites.each()),
		Settled: map[string]uint64{}, Changed: maps.Collect(s.changed.each()), Epochs: s.Epochs(), Due: s.EpochDue(), Erased: s.Erasures(),
		Snapshots: s.Snapshots(), Boxes: RecipientsDigest(s.Recipients()), BoxCount: s.readers, Heir: s.Heir(),
	}
	for k, x := range s.devices.each() {
		x.next = 0
		d.Devices[k] = x
	}
	for id, l := range s.logs.each() {
		d.Logs[id.String()] = l
	}
	for id, n := range s.asks.each() {
		d.Settled[id.String()] = n
	}
	for _, k := range s.allAccounts() {
		d.Rights = append(d.Rights, s.Rights(k)...)
	}
	if !s.hasKEM() {
		d.BoxCount = 0
	}
	return d.short()
}

func (s *State) allAccounts() []Key {
	var all []Key
	for _, a := range sorted(s.accounts.each(), func(Account) bool { return true }, func(a Account) Key { return a.Key }) {
		all = append(all, a.Key)
	}
	return all
}

func dumpSlow(w *slow) dump {
	d := dump{
		Accounts: map[Key]Account{}, Devices: map[Key]DeviceState{}, Logs: map[string]Log{}, Invites: map[Key]InviteState{},
		Settled: map[string]uint64{}, Changed: map[Key]Position{}, Epochs: w.epochs(), Due: w.epochDue(),
		Boxes: RecipientsDigest(w.recipients()), BoxCount: len(w.recipients()),
	}
	for _, x := range w.facts {
		switch x := x.(type) {
		case isIn:
			d.Accounts[x.account] = Account{x.account, w.role(x.account), x.pos, x.ms, x.ask, x.invite, x.kem, x.rec}
			d.Changed[x.account] = x.pos
		case roleIs:
			d.Changed[x.account] = x.pos
		case isOut:
			d.Changed[x.account] = x.pos
		case devIn:
			dev := DeviceState{
				Key: x.device, Account: x.account, Parent: x.parent, Belongs: w.deviceIn(x.device),
				Since: x.pos, Time: x.ms, Ask: x.ask, KEM: w.kemOf(x.device),
			}
			for _, l := range w.logsOf(x.device) {
				dev.Log, dev.Logs = l.log, append(dev.Logs, l.log)
			}
			d.Devices[x.device] = dev
			d.Changed[x.device] = x.pos
		case devKEM:
			d.Changed[x.device] = x.pos
		case devOut:
			d.Changed[x.device] = x.pos
		case logIn:
			d.Logs[x.log.String()] = Log{x.log, x.account, x.device, x.page, x.number, x.writes, x.pos, w.forked(x.log), w.cuts(x.log)}
			d.Changed[Key(x.log)] = x.pos
		case logSeen:
			d.Logs[x.log.String()] = Log{x.log, x.account, x.device, x.page, 0, x.writes, Position{}, w.forked(x.log), w.cuts(x.log)}
		case logCut:
			d.Changed[Key(x.log)] = x.pos
		case invIn:
			_, open := w.invite(x.v.Key)
			d.Invites[x.v.Key] = InviteState{x.v, open, w.used(x.v.Key), x.by, x.pos, x.ms, 0}
			d.Changed[x.v.Key] = x.pos
		case invOut:
			d.Changed[x.key] = x.pos
		case settled:
			d.Settled[x.log.String()] = x.below
		case erased:
			d.Erased = append(d.Erased, x.x)
		case snapped:
			d.Snapshots = append(d.Snapshots, x.x)
		case heirIs:
			d.Heir = x.device
		}
	}
	accounts, _, _, _ := w.all()
	rights := w.rights()
	for _, k := range accounts {
		var mine []Right
		for _, r := range rights {
			if r.Account == k {
				mine = append(mine, r)
			}
		}
		s := State{world: newWorld()}
		for _, r := range mine {
			s.rights.set(r.key(), r)
		}
		d.Rights = append(d.Rights, s.Rights(k)...)
	}
	return d.short()
}

// same fails unless both folds answer the same.
func same(t testing.TB, what string, a, b dump) {
	t.Helper()
	if x, y := a.String(), b.String(); x != y {
		t.Fatalf("%s: %s", what, firstDifference(x, y))
	}
}

func firstDifference(x, y string) string {
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	from := max(0, i-300)
	return x[from:min(len(x), i+200)] + "\n--- or ---\n" + y[from:min(len(y), i+200)]
}
