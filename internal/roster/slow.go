// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A slow is the second fold, of tests and harnesses (FoldSlowly): a list of facts, oldest
// first. Every question goes through all of them from the start; nothing is kept beside
// them. A record is void, or it adds facts.
type slow struct {
	topic   digest.Hash
	g       *Genesis
	steward Key // of the leg being read
	boxLog  digest.Hash
	pos     Position // after the record being judged
	ms      int64
	facts   []any
}

// The facts.
type (
	isIn struct {
		account  Key
		role     Role
		kem, rec []byte
		ask      AskRef
		invite   Key
		pos      Position
		ms       int64
	}
	roleIs struct {
		account Key
		role    Role
		pos     Position
	}
	isOut struct {
		account Key
		pos     Position
	}
	devIn struct {
		device, account, parent Key
		kem                     []byte
		ask                     AskRef
		pos                     Position
		ms                      int64
	}
	devKEM struct {
		device Key
		kem    []byte
		pos    Position
	}
	devOut struct {
		device Key
		pos    Position
	}
	logIn struct {
		log             digest.Hash
		device, account Key
		page            uint32
		number          uint64
		writes          bool
		pos             Position
	}
	logSeen struct {
		log             digest.Hash
		device, account Key
		page            uint32
		writes          bool
	}
	logCut struct {
		log  digest.Hash
		size uint64
		root digest.Hash
		pos  Position
	}
	forked struct{ log digest.Hash }
	invIn  struct {
		v   Invite
		by  Key
		pos Position
		ms  int64
	}
	invUse struct{ key Key }
	invOut struct {
		key Key
		pos Position
	}
	right   struct{ r Right }
	noRight struct{ account Key }
	epochIn struct {
		e   Epoch
		pos Position
		ms  int64
	}
	due     struct{}
	erased  struct{ x Erasure }
	snapped struct{ x SnapshotState }
	settled struct {
		log   digest.Hash
		below uint64
	}
	heirIs struct {
		device Key
		pos    Position
	}
)

func (w *slow) add(f ...any) { w.facts = append(w.facts, f...) }

func (w *slow) kem() bool { return w.g.Policy&identity.PolicyOpen == 0 }

// each calls f with every fact of a type, from the start.
func each[T any](w *slow, f func(T)) {
	for _, x := range w.facts {
		if v, ok := x.(T); ok {
			f(v)
		}
	}
}

func (w *slow) role(account Key) (r Role) {
	for _, x := range w.facts {
		switch x := x.(type) {
		case isIn:
			if x.account == account {
				r = x.role
			}
		case roleIs:
			if x.account == account {
				r = x.role
			}
		case isOut:
			if x.account == account {
				r = None
			}
		}
	}
	return r
}

func (w *slow) deviceIn(device Key) (in bool) {
	for _, x := range w.facts {
		switch x := x.(type) {
		case devIn:
			in = in || x.device == device
		case devOut:
			in = in && x.device != device
		}
	}
	return in
}

func (w *slow) accountOf(device Key) (a Key) {
	each(w, func(x devIn) {
		if x.device == device {
			a = x.account
		}
	})
	return a
}

func (w *slow) parentOf(device Key) (p Key) {
	each(w, func(x devIn) {
		if x.device == device {
			p = x.parent
		}
	})
	return p
}

// all keys of accounts, devices, invites and ids of logs there ever were.
func (w *slow) all() (accounts, devices, invites []Key, logs []digest.Hash) {
	each(w, func(x isIn) { accounts = append(accounts, x.account) })
	each(w, func(x devIn) { devices = append(devices, x.device) })
	each(w, func(x invIn) { invites = append(invites, x.v.Key) })
	each(w, func(x logIn) { logs = append(logs, x.log) })
	each(w, func(x logSeen) { logs = append(logs, x.log) })
	cmp := func(a, b Key) int { return bytes.Compare(a[:], b[:]) }
	for _, s := range []*[]Key{&accounts, &devices, &invites} {
		slices.SortFunc(*s, cmp)
		*s = slices.Compact(*s)
	}
	slices.SortFunc(logs, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
	return accounts, devices, invites, slices.Compact(logs)
}

func (w *slow) kemOf(device Key) (k []byte) {
	for _, x := range w.facts {
		switch x := x.(type) {
		case devIn:
			if x.device == device {
				k = x.kem
			}
		case devKEM:
			if x.device == device {
				k = x.kem
			}
		}
	}
	return k
}

func (w *slow) kemSeen(kem []byte) (seen bool) {
	if len(kem) == 0 {
		return false
	}
	each(w, func(x devIn) { seen = seen || bytes.Equal(x.kem, kem) })
	each(w, func(x devKEM) { seen = seen || bytes.Equal(x.kem, kem) })
	return seen
}

func (w *slow) logsOf(device Key) (all []logIn) {
	each(w, func(x logIn) {
		if x.device == device {
			all = append(all, x)
		}
	})
	return all
}

func (w *slow) logIn(id digest.Hash) (l logIn, ok bool) {
	each(w, func(x logIn) {
		if x.log == id {
			l, ok = x, true
		}
	})
	return l, ok
}

func (w *slow) logKnown(id digest.Hash) bool {
	_, ok := w.logIn(id)
	each(w, func(x logSeen) { ok = ok || x.log == id })
	return ok
}

func (w *slow) cuts(id digest.Hash) (all []Cut) {
	each(w, func(x logCut) {
		if x.log == id {
			all = append(all, Cut{x.pos, x.size, x.root})
		}
	})
	return all
}

func (w *slow) forked(id digest.Hash) (yes bool) {
	each(w, func(x forked) { yes = yes || x.log == id })
	return yes
}

func (w *slow) invite(k Key) (v invIn, open bool) {
	for _, x := range w.facts {
		switch x := x.(type) {
		case invIn:
			if x.v.Key == k {
				v, open = x, true
			}
		case invOut:
			open = open && x.key != k
		}
	}
	return v, open
}

func (w *slow) used(k Key) (n uint16) {
	each(w, func(x invUse) {
		if x.key == k {
			n++
		}
	})
	return n
}

func (w *slow) below(log digest.Hash) (n uint64) {
	each(w, func(x settled) {
		if x.log == log {
			n = x.below
		}
	})
	return n
}

func (w *slow) epochs() (all []EpochState) {
	each(w, func(x epochIn) { all = append(all, EpochState{x.e, x.pos, x.ms}) })
	return all
}

func (w *slow) rights() map[rightKey]Right {
	m := map[rightKey]Right{}
	for _, x := range w.facts {
		switch x := x.(type) {
		case right:
			delete(m, x.r.key())
			if x.r.Calls > 0 {
				m[x.r.key()] = x.r
			}
		case noRight:
			for k := range m {
				if k.account == x.account || k.on == x.account {
					delete(m, k)
				}
			}
		}
	}
	return m
}

// heir returns the device that the leg was handed over to, or zeros.
func (w *slow) heir() (k Key) {
	each(w, func(x heirIs) { k = x.device })
	return k
}

// handedAt returns the size of a leg up to its handover, or 0.
func (w *slow) handedAt(term, leg uint32) (size uint64) {
	each(w, func(x heirIs) {
		if x.device != (Key{}) && x.pos.Term == term && x.pos.Leg == leg {
			size = x.pos.Size
		}
	})
	return size
}

func (w *slow) epochDue() bool {
	d := true
	for _, x := range w.facts {
		switch x.(type) {
		case due:
			d = true
		case epochIn:
			d = false
		}
	}
	founded := false
	each(w, func(isIn) { founded = true })
	return d && founded && w.kem()
}

// keyKind returns what a key was used for: a, d, i or nothing.
func (w *slow) keyKind(k Key) string {
	accounts, devices, invites, _ := w.all()
	switch {
	case slices.Contains(accounts, k), k == Key(w.g.Owner):
		return "a"
	case slices.Contains(devices, k):
		return "d"
	case slices.Contains(invites, k):
		return "i"
	}
	return ""
}

func (w *slow) recipients() (all []Recipient) {
	if !w.kem() {
		return nil
	}
	box := func(r Role) uint8 {
		if r == Replica {
			return BoxJoin
		}
		return BoxAll
	}
	accounts, devices, invites, _ := w.all()
	for _, a := range accounts {
		if w.role(a) != None {
			var kem []byte
			each(w, func(x isIn) {
				if x.account == a {
					kem = x.kem
				}
			})
			all = append(all, Recipient{a, box(w.role(a)), kem})
		}
	}
	for _, d := range devices {
		if w.deviceIn(d) {
			all = append(all, Recipient{d, box(w.role(w.accountOf(d))), w.kemOf(d)})
		}
	}
	for _, k := range invites {
		if v, open := w.invite(k); open {
			r := v.v.Role
			if v.v.Link != nil {
				r = w.role(v.v.Link.Account)
			}
			all = append(all, Recipient{k, box(r), v.v.KEM})
		}
	}
	slices.SortFunc(all, func(a, b Recipient) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}
