// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// judge reads one record, and reports whether it counts.
func (w *slow) judge(r Record) bool {
	if w.heir() != (Key{}) {
		return false
	}
	if a, ok := AskOf(r); ok && !a.None() && a.Seq < w.below(a.Log) {
		return false
	}
	before := len(w.facts)
	if !w.try(r) {
		if len(w.facts) != before {
			panic("a void record left facts")
		}
		return false
	}
	if a, ok := AskOf(r); ok && !a.None() {
		w.add(settled{a.Log, a.Seq + 1})
	}
	return true
}

// who returns the account on whose authority a record with this ask is.
func (w *slow) who(a AskRef) (Key, bool) {
	if a.None() {
		return w.accountOf(w.steward), w.deviceIn(w.steward)
	}
	l, ok := w.logIn(a.Log)
	if !ok || !w.deviceIn(l.device) {
		return Key{}, false
	}
	if c := w.cuts(a.Log); len(c) > 0 && a.Seq >= c[len(c)-1].Size {
		return Key{}, false
	}
	return l.account, true
}

// over reports whether account a may do to account b what admins may.
func (w *slow) over(a, b Key) bool {
	return w.role(a) <= Admin && w.role(a) <= w.role(b)
}

func (w *slow) boxesOK(b *Boxes, n int) bool {
	if !w.kem() || len(w.epochs()) == 0 || n == 0 {
		return b == nil
	}
	return b != nil && int(b.Count) == n && b.Log == w.boxLog
}

func (w *slow) kemOK(k []byte) bool { return (len(k) == KEMBytes) == w.kem() }

func (w *slow) numberOK(device Key, page uint32, number uint64) bool {
	for _, l := range w.logsOf(device) {
		if number <= l.number {
			return false
		}
	}
	return len(w.cuts(DataLog(w.topic, device, page, number))) == 0
}

func (w *slow) ofAccount(signer, account Key) bool {
	return signer == account || w.deviceIn(signer) && w.accountOf(signer) == account
}

func (w *slow) try(r Record) bool {
	switch r := r.(type) {
	case *Admit:
		return w.admit(r)
	case *AddDevice:
		return w.device(r)
	case *Remove:
		return w.remove(r)
	case *SetRole:
		return w.setRole(r)
	case *MakeInvite:
		return w.makeInvite(r)
	case *Uninvite:
		a, ok := w.who(r.Ask)
		v, open := w.invite(r.Invite)
		if !ok || !open || w.role(a) > Admin && v.by != a {
			return false
		}
		w.add(invOut{r.Invite, w.pos}, due{})
		return true
	case *Epoch:
		return w.epoch(r)
	case *CutLog:
		return w.cutLog(r)
	case *Erase:
		a, ok := w.who(r.Ask)
		if !ok || w.role(a) > Admin || w.g.Policy&identity.PolicyErasable == 0 {
			return false
		}
		w.add(erased{Erasure{r.Ranges, a, w.pos, w.ms}})
		return true
	case *Snapshot:
		a, ok := w.who(r.Ask)
		sealed := w.g.Policy&identity.PolicySealed != 0
		if !ok || w.role(a) > Writer || r.State.Blob != nil && sealed != (len(r.State.Blob.Key) == blobKeySealed) {
			return false
		}
		w.add(snapped{SnapshotState{r.State, a, w.pos, w.ms}})
		return true
	case *Grant:
		return w.grant(r)
	case *Answer:
		if r.Size <= w.below(r.Log) {
			return false
		}
		w.add(settled{r.Log, r.Size})
		return true
	case *Handover:
		l, ok := w.logIn(r.Ask.Log)
		_, who := w.who(r.Ask)
		role := w.role(w.accountOf(r.Device))
		if r.Ask.None() || !ok || !who || l.device != r.Device || role == None || role == Replica {
			return false
		}
		w.add(heirIs{r.Device, w.pos})
		return true
	}
	return false // genesis and begin
}

func (w *slow) admit(r *Admit) bool {
	k := r.Card.Card
	own := DataLog(w.topic, k.Device, k.PageBytes, k.Number)
	n := 0
	if w.kem() {
		n = 2
	}
	switch {
	case r.Role == Owner, k.Account == Key(w.g.Owner), w.role(k.Account) != None, w.deviceIn(k.Device), k.Account == k.Device:
		return false
	case w.keyKind(k.Account) != "" && w.keyKind(k.Account) != "a":
		return false
	case w.keyKind(k.Device) != "" && (w.keyKind(k.Device) != "d" || w.accountOf(k.Device) != k.Account):
		return false
	case !w.numberOK(k.Device, k.PageBytes, k.Number), !w.kemOK(k.KEM), !w.kemOK(k.AccountKEM), w.kemSeen(k.KEM):
		return false
	case !r.Card.Verify(w.topic), !w.boxesOK(r.Boxes, n), len(w.recipients())+n > MaxReaders:
		return false
	}
	if r.By != nil {
		v, open := w.invite(r.By.Invite)
		if r.Ask != (AskRef{Log: own}) || !open || v.v.Role != r.Role || !r.By.Verify(w.topic, &k) {
			return false
		}
		w.use(v.v)
	} else if a, ok := w.who(r.Ask); !ok || w.role(a) > Admin || w.role(a) > r.Role {
		return false
	}
	w.letIn(r)
	return true
}

// letIn adds an account with its first device.
func (w *slow) letIn(r *Admit) {
	k := r.Card.Card
	in := isIn{account: k.Account, role: r.Role, kem: k.AccountKEM, rec: k.Recovery, ask: r.Ask, pos: w.pos, ms: w.ms}
	if r.By != nil {
		in.invite = r.By.Invite
	}
	w.add(in, devIn{k.Device, k.Account, Key{}, k.KEM, r.Ask, w.pos, w.ms})
	w.addLog(k.Device, k.Account, k.PageBytes, k.Number)
}

func (w *slow) addLog(device, account Key, page uint32, number uint64) {
	w.add(logIn{DataLog(w.topic, device, page, number), device, account, page, number, w.role(account) <= Writer, w.pos})
}

func (w *slow) use(v Invite) {
	w.add(invUse{v.Key})
	if w.used(v.Key) == v.Uses {
		w.add(invOut{v.Key, w.pos})
	}
}

func (w *slow) device(r *AddDevice) bool {
	k := r.Device.Card
	log := DataLog(w.topic, k.Device, k.PageBytes, k.Number)
	in := w.deviceIn(k.Device)
	newKEM := len(k.KEM) > 0 && !(in && bytes.Equal(k.KEM, w.kemOf(k.Device)))
	kind := w.keyKind(k.Device)
	v, open := w.invite(r.Device.Signer)
	link := open && v.v.Link != nil && v.v.Link.Account == k.Account && !in
	switch {
	case w.role(k.Account) == None, !w.kemOK(k.KEM), newKEM && w.kemSeen(k.KEM), !r.Device.Verify(w.topic):
		return false
	case kind != "" && (kind != "d" || w.accountOf(k.Device) != k.Account):
		return false
	case !w.ofAccount(r.Device.Signer, k.Account) && !link:
		return false
	}
	if r.Ask != (AskRef{}) && r.Ask != (AskRef{Log: log}) {
		if a, ok := w.who(r.Ask); !ok || a != k.Account {
			return false
		}
	}
	n := 0
	if newKEM {
		n = 1
	}
	if !w.boxesOK(r.Boxes, n) {
		return false
	}
	if !in {
		return w.newDevice(r, link)
	}
	return w.changeDevice(r, newKEM)
}

func (w *slow) newDevice(r *AddDevice, link bool) bool {
	k := r.Device.Card
	if k.Ends != nil || !w.numberOK(k.Device, k.PageBytes, k.Number) || w.kem() && len(w.recipients())+1 > MaxReaders {
		return false
	}
	if k.Parent != (Key{}) && w.accountOf(k.Parent) != k.Account {
		return false
	}
	w.add(devIn{k.Device, k.Account, k.Parent, k.KEM, r.Ask, w.pos, w.ms})
	w.addLog(k.Device, k.Account, k.PageBytes, k.Number)
	if link {
		v, _ := w.invite(r.Device.Signer)
		w.use(v.v)
	}
	return true
}

func (w *slow) changeDevice(r *AddDevice, newKEM bool) bool {
	k := r.Device.Card
	logs := w.logsOf(k.Device)
	last := logs[len(logs)-1]
	if k.Parent != (Key{}) {
		return false
	}
	if last.log == DataLog(w.topic, k.Device, k.PageBytes, k.Number) {
		if !newKEM || k.Ends != nil {
			return false
		}
		w.add(devKEM{k.Device, k.KEM, w.pos})
		return true
	}
	isCut := len(w.cuts(last.log)) > 0
	if isCut != (k.Ends == nil) || !w.numberOK(k.Device, k.PageBytes, k.Number) {
		return false
	}
	w.add(devKEM{k.Device, k.KEM, w.pos})
	if k.Ends != nil {
		w.add(logCut{last.log, k.Ends.Size, k.Ends.Root, w.pos})
	}
	w.addLog(k.Device, k.Account, k.PageBytes, k.Number)
	return true
}

// goes cuts what a device wrote and ends that it belongs, unless it stays.
func (w *slow) goes(device Key, cuts []Prefix, stays bool) {
	ids := []digest.Hash{}
	for _, l := range w.logsOf(device) {
		ids = append(ids, l.log)
	}
	if open := DataLog(w.topic, device, w.g.PageBytes, 0); !w.kem() && !contains(ids, open) {
		ids = append(ids, open)
	}
	for _, id := range ids {
		var named *Prefix
		for i := range cuts {
			if cuts[i].Log == id {
				named = &cuts[i]
			}
		}
		if named == nil && len(w.cuts(id)) == 0 {
			named = &Prefix{id, 0, digest.Empty}
		}
		if named == nil || len(w.cuts(id)) > 0 && !w.forked(id) {
			continue
		}
		if !w.logKnown(id) {
			w.add(logSeen{id, device, w.accountOf(device), w.g.PageBytes, true})
		}
		w.add(logCut{id, named.Size, named.Root, w.pos})
	}
	if !stays {
		w.add(devOut{device, w.pos})
	}
}

func contains(ids []digest.Hash, id digest.Hash) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

func (w *slow) remove(r *Remove) bool {
	a, ok := w.who(r.Ask)
	t, d := r.Target.Account, r.Target.Device
	whole := d == Key{}
	switch {
	case !ok, w.role(t) == None, !whole && !(w.deviceIn(d) && w.accountOf(d) == t):
		return false
	case whole && t == Key(w.g.Owner), whole && w.deviceIn(w.steward) && w.accountOf(w.steward) == t, d == w.steward:
		return false
	case a != t && !w.over(a, t):
		return false
	}
	_, devices, invites, _ := w.all()
	var gone []Key
	for _, x := range devices {
		if !w.deviceIn(x) {
			continue
		}
		if whole && w.accountOf(x) == t || !whole && x != w.steward && (x == d || x == w.parentOf(d) || w.copyOf(x, d)) {
			gone = append(gone, x)
		}
	}
	for _, x := range gone {
		w.goes(x, r.Cuts, false)
	}
	if whole {
		w.add(isOut{t, w.pos}, noRight{t})
	}
	for _, k := range invites {
		v, open := w.invite(k)
		kept := false
		for _, x := range r.Keep {
			kept = kept || x == k
		}
		if open && (!kept || v.v.Link != nil && w.role(v.v.Link.Account) == None) {
			w.add(invOut{k, w.pos})
		}
	}
	w.add(due{})
	return true
}

// copyOf reports whether x is a copy of d, or a copy of such a copy, and so on.
func (w *slow) copyOf(x, d Key) bool {
	for range 1000 {
		if x = w.parentOf(x); x == d {
			return true
		}
	}
	return false
}

func (w *slow) setRole(r *SetRole) bool {
	a, ok := w.who(r.Ask)
	t, was, is := r.Change.Account, w.role(r.Change.Account), r.Change.Role
	switch {
	case !ok, was == None, was == Owner, was == is, !w.over(a, t), w.role(a) > is:
		return false
	case is == Replica && w.deviceIn(w.steward) && w.accountOf(w.steward) == t:
		return false
	}
	w.add(roleIs{t, is, w.pos})
	_, devices, invites, _ := w.all()
	if (was <= Writer) != (is <= Writer) {
		for _, d := range devices {
			if w.deviceIn(d) && w.accountOf(d) == t {
				w.goes(d, r.Cuts, true)
			}
		}
	}
	if (was == Replica) != (is == Replica) {
		w.add(due{})
	}
	for _, k := range invites {
		if v, open := w.invite(k); open && is > Admin && v.by == t && v.v.Link == nil {
			w.add(invOut{k, w.pos})
		}
	}
	return true
}

func (w *slow) makeInvite(r *MakeInvite) bool {
	v := r.Invite
	n := 0
	if w.kem() {
		n = 1
	}
	if identity.SmallOrder(v.Key) || w.keyKind(v.Key) != "" || !w.kemOK(v.KEM) || !w.boxesOK(r.Boxes, n) || len(w.recipients())+n > MaxReaders {
		return false
	}
	by, ok := w.who(r.Ask)
	if v.Link != nil {
		if !r.Ask.None() && (!ok || by != v.Link.Account) {
			return false
		}
		by = v.Link.Account
		if w.role(by) == None || !w.ofAccount(v.Link.Signer, by) || !v.VerifyLink(w.topic) {
			return false
		}
	} else if !ok || w.role(by) > Admin || w.role(by) > v.Role {
		return false
	}
	w.add(invIn{v, by, w.pos, w.ms})
	return true
}

func (w *slow) epoch(e *Epoch) bool {
	step := w.g.Policy&identity.PolicyHistory != 0 && e.Number > 0
	all := w.recipients()
	if !w.kem() || int(e.Number) != len(w.epochs()) || step != (len(e.Step) > 0) || int(e.Boxes.Count) != len(all) ||
		e.Boxes.Log != w.boxLog || e.Readers != RecipientsDigest(all) {
		return false
	}
	w.add(epochIn{*e, w.pos, w.ms})
	return true
}

func (w *slow) cutLog(r *CutLog) bool {
	id := r.Cut.Log
	known := w.logKnown(id)
	if !known && w.kem() {
		return false
	}
	a, ok := w.who(r.Ask)
	l, admitted := w.logIn(id)
	if !admitted {
		each(w, func(x logSeen) {
			if x.log == id {
				l.account = x.account
			}
		})
	}
	switch {
	case r.Fork != nil:
		if !r.Ask.None() && !ok || r.Fork.Log(w.topic) != id || !r.Fork.Verify(w.topic) {
			return false
		}
		if !known && (r.Fork.Number != 0 || r.Fork.PageBytes != w.g.PageBytes) {
			return false
		}
		w.add(forked{id})
	case !ok, len(w.cuts(id)) > 0 && !w.forked(id), w.role(a) > Admin && a != l.account:
		return false
	case a != l.account && w.role(l.account) != None && !w.over(a, l.account):
		return false
	}
	if !known && r.Fork != nil {
		w.add(logSeen{id, r.Fork.Author, Key{}, r.Fork.PageBytes, true})
	} else if !known {
		w.add(logSeen{log: id})
	}
	w.add(logCut{id, r.Cut.Size, r.Cut.Root, w.pos})
	return true
}

func (w *slow) grant(r *Grant) bool {
	a, ok := w.who(r.Ask)
	_, there := w.rights()[r.Right.key()]
	x := r.Right
	if !ok || w.role(x.Account) == None || x.On != (Key{}) && w.role(x.On) == None || x.Calls == 0 && !there {
		return false
	}
	if w.role(a) > Admin && a != x.On {
		return false
	}
	w.add(right{x})
	return true
}
