// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A maker makes records at random: most of them count, some are by liars.
type maker struct {
	rng   *rand.Rand
	topic digest.Hash
	g     Genesis
	count int                        // of names used
	names map[Key]ed25519.PrivateKey // all keys that were made
	kems  map[Key][]byte             // of accounts
	pool  []Key                      // account keys of people
}

func newMaker(rng *rand.Rand, g Genesis) *maker {
	m := &maker{rng: rng, topic: g.ID(), g: g, names: map[Key]ed25519.PrivateKey{}, kems: map[Key][]byte{}}
	m.know("owner")
	m.know("owner's laptop")
	for i := range 6 {
		m.pool = append(m.pool, m.know(fmt.Sprint("person ", i)))
	}
	return m
}

var keyCache = map[string]ed25519.PrivateKey{}

func (m *maker) know(name string) Key {
	k, ok := keyCache[name]
	if !ok {
		k = keyOf(name)
		keyCache[name] = k
	}
	m.names[pub(k)] = k
	return pub(k)
}

func (m *maker) fresh(what string) Key {
	m.count++
	return m.know(fmt.Sprint(what, " ", m.count))
}

func (m *maker) one(n int) bool { return m.rng.IntN(n) == 0 }

func pick[T any](m *maker, s []T) (v T, ok bool) {
	if len(s) == 0 {
		return v, false
	}
	return s[m.rng.IntN(len(s))], true
}

// account returns an account that belongs, or seldom one that did.
func (m *maker) account(s *State) (Account, bool) {
	if m.one(12) {
		return pick(m, sorted(s.accounts.each(), func(Account) bool { return true }, func(a Account) Key { return a.Key }))
	}
	return pick(m, s.Accounts())
}

// open returns an open invite, or seldom one that was.
func (m *maker) open(s *State) (InviteState, bool) {
	if m.one(12) {
		return pick(m, sorted(s.invites.each(), func(InviteState) bool { return true }, func(v InviteState) Key { return v.Key }))
	}
	return pick(m, s.Invites())
}

func (m *maker) kem() []byte {
	if m.g.Policy.Has(identity.PolicyOpen) {
		return nil
	}
	if m.one(10) && m.count > 0 {
		return kemNumber(1 + m.rng.IntN(m.count)) // one that was used before, perhaps
	}
	return m.newKEM()
}

// newKEM returns a KEM key that nobody has.
func (m *maker) newKEM() []byte {
	if m.g.Policy.Has(identity.PolicyOpen) {
		return nil
	}
	m.count++
	return kemNumber(m.count)
}

func kemNumber(n int) []byte {
	b := make([]byte, KEMBytes)
	copy(b, fmt.Sprint("kem ", n))
	return b
}

func (m *maker) accountKEM(k Key) []byte {
	if m.g.Policy.Has(identity.PolicyOpen) {
		return nil
	}
	if m.kems[k] == nil {
		m.kems[k] = m.kem()
	}
	return m.kems[k]
}

func (m *maker) boxes(s *State, n int) *Boxes {
	if !s.hasKEM() || len(s.epochs) == 0 || n == 0 {
		return nil
	}
	return &Boxes{Log: s.boxLog(), First: uint64(m.rng.IntN(100)), Count: uint32(n), Root: digest.Sum([]byte("boxes"))}
}

// ask returns an ask in a log of an account that belongs; mostly of want, which
// if it is zero is anybody.
func (m *maker) ask(s *State, want Key) AskRef {
	if m.one(4) {
		return AskRef{}
	}
	var logs []Log
	for _, l := range s.Logs() {
		if want.IsZero() || l.Account == want || m.one(20) {
			logs = append(logs, l)
		}
	}
	l, ok := pick(m, logs)
	if !ok {
		return AskRef{}
	}
	a := AskRef{l.ID, s.Settled(l.ID)}
	if m.one(10) {
		a.Seq = uint64(m.rng.IntN(4))
	}
	return a
}

// boss returns an account that is an admin at least, or zero for anybody.
func (m *maker) boss(s *State) Key {
	var all []Key
	for _, a := range s.Accounts() {
		if a.Role <= Admin {
			all = append(all, a.Key)
		}
	}
	k, _ := pick(m, all)
	if m.one(8) {
		return Key{}
	}
	return k
}

func (m *maker) prefixes(s *State, device func(DeviceState) bool) (all []Prefix) {
	for _, l := range s.Logs() {
		if device(s.devices.at(l.Device)) && !m.one(4) || m.one(15) {
			all = append(all, m.prefix(l.ID))
		}
	}
	return all
}

func (m *maker) prefix(id digest.Hash) Prefix {
	n := uint64(m.rng.IntN(5))
	if n == 0 {
		return Prefix{id, 0, digest.Empty}
	}
	return Prefix{id, n, digest.Sum(fmt.Appendf(nil, "%x %d %d", id, n, m.rng.IntN(2)))}
}

// record returns the next record of a leg.
func (m *maker) record(s *State) Record {
	if s.EpochDue() && !m.one(3) {
		return m.epoch(s)
	}
	switch m.rng.IntN(27) {
	case 0, 1, 2, 3:
		return m.admit(s)
	case 4, 5, 6, 7:
		return m.device(s)
	case 8, 9:
		return m.remove(s)
	case 10, 11:
		return m.role(s)
	case 12, 13, 14:
		return m.invite(s)
	case 15:
		v, _ := m.open(s)
		return &Uninvite{m.ask(s, m.boss(s)), v.Key}
	case 16, 17, 18:
		return m.cut(s)
	case 19:
		return m.answer(s)
	case 20, 21, 22:
		return m.grant(s)
	case 23, 24:
		return m.handover(s)
	default:
		return m.other(s)
	}
}

// grant is a right of accounts that belong, mostly; one there is may end.
func (m *maker) grant(s *State) Record {
	a, _ := m.account(s)
	b, _ := m.account(s)
	g := &Grant{m.ask(s, m.boss(s)), Right{Account: a.Key, What: []string{"ask", "tell"}[m.rng.IntN(2)], Calls: uint32(1 + m.rng.IntN(2))}}
	if !m.one(3) {
		g.Right.On = b.Key
	}
	if m.one(4) {
		g.Ask = m.ask(s, b.Key)
	}
	if held, ok := pick(m, s.Rights(a.Key)); ok && m.one(3) {
		g.Right = held
	}
	if m.one(4) {
		g.Right.Calls = 0
	}
	return g
}

// handover is to any device that belongs, as often to one of a replica's.
func (m *maker) handover(s *State) Record {
	a, _ := m.account(s)
	for range 3 {
		if a.Role != Replica && m.one(2) {
			a, _ = m.account(s)
		}
	}
	d, _ := pick(m, s.Devices(a.Key))
	if m.one(6) {
		return &Handover{m.ask(s, m.boss(s)), d.Key}
	}
	return &Handover{AskRef{d.Log, s.Settled(d.Log)}, d.Key}
}

func (m *maker) epoch(s *State) Record {
	all := s.Recipients()
	e := &Epoch{Number: uint64(len(s.epochs)), ID: digest.Sum([]byte("id")), Join: digest.Sum([]byte("join")), Readers: RecipientsDigest(all)}
	e.Boxes = Boxes{Log: s.boxLog(), Count: uint32(max(1, len(all))), Root: digest.Sum([]byte("boxes"))}
	if m.g.Policy.Has(identity.PolicyHistory) && e.Number > 0 {
		e.Step = make([]byte, StepBytes)
	}
	switch m.rng.IntN(15) {
	case 0:
		e.Number++
	case 1:
		e.Boxes.Count++
	case 2:
		e.Readers[0] ^= 1
	case 3:
		e.Boxes.Log[0] ^= 1
	case 4:
		e.Step = make([]byte, StepBytes-len(e.Step))
	}
	return e
}

// number returns the number of a log that a device may be admitted with.
func (m *maker) number(s *State, device Key) uint64 {
	n := s.devices.at(device).next
	if m.one(10) {
		return uint64(m.rng.IntN(3))
	}
	return n
}

func (m *maker) admit(s *State) Record {
	account, _ := pick(m, m.pool)
	device := m.someDevice(s, account)
	c := Card{Account: account, Device: device, PageBytes: 4096, Number: m.number(s, device), KEM: m.kem(), AccountKEM: m.accountKEM(account)}
	r := &Admit{Role: Role(2 + m.rng.IntN(4)), Boxes: m.boxes(s, s.boxCount(2))}
	if r.Boxes != nil && m.one(12) {
		r.Boxes.Log[0] ^= 1
	}
	if m.one(10) {
		c.Recovery = make([]byte, RecoveryBytes)
	}
	m.lieCard(s, &c)
	r.Card = SignCard(m.topic, c, m.names[c.Account], m.names[c.Device])
	if v, ok := m.open(s); ok && !m.one(3) {
		p := ProveInvite(m.topic, c, m.names[v.Key])
		r.By, r.Role, r.Ask = &p, min(v.Role, Replica), AskRef{Log: c.Log(m.topic)}
		if m.one(12) {
			r.Ask = m.ask(s, Key{})
		}
		if m.one(12) {
			r.By.Sig[0] ^= 1
		}
	} else {
		r.Ask = m.ask(s, m.boss(s))
	}
	switch m.rng.IntN(30) {
	case 0:
		r.Card.AccountSig[0] ^= 1
	case 1:
		r.Card.DeviceSig[0] ^= 1
	case 2:
		r.Boxes = m.boxes(s, 1)
	case 3:
		r.Role = Owner
	}
	return r
}

func (m *maker) lieCard(s *State, c *Card) {
	switch m.rng.IntN(30) {
	case 0:
		c.Account = m.g.Owner
	case 1:
		all := sorted(s.devices.each(), func(DeviceState) bool { return true }, func(d DeviceState) Key { return d.Key })
		if d, ok := pick(m, all); ok {
			c.Device, c.Number = d.Key, d.next
		}
	case 2:
		c.Account = c.Device
	case 3:
		if v, ok := pick(m, s.Invites()); ok {
			c.Device = v.Key
		}
	case 4:
		c.KEM = make([]byte, KEMBytes-len(c.KEM))
	}
}

// someDevice returns a device that an account had, or a new one.
func (m *maker) someDevice(s *State, account Key) Key {
	var all []Key
	for _, d := range sorted(s.devices.each(), func(d DeviceState) bool { return d.Account == account }, func(d DeviceState) Key { return d.Key }) {
		all = append(all, d.Key)
	}
	if k, ok := pick(m, all); ok && m.one(2) {
		return k
	}
	return m.fresh("device")
}

func (m *maker) device(s *State) Record {
	a, ok := m.account(s)
	if !ok {
		return m.answer(s)
	}
	a = m.richer(s, a)
	device := m.someDevice(s, a.Key)
	d := s.devices.at(device)
	c := DeviceCard{Account: a.Key, Device: device, PageBytes: 4096, KEM: m.kem(), Number: m.number(s, device)}
	if l, known := s.logs.get(d.Log); known && d.Belongs {
		if len(l.Cuts) == 0 && m.one(2) {
			c.Number = l.Number // another KEM key
		} else if len(l.Cuts) == 0 != m.one(8) {
			p := m.prefix(l.ID)
			c.Ends = &End{p.Size, p.Root}
		}
		if m.one(2) {
			c.KEM = d.KEM
		}
	} else if p, ok := pick(m, s.Devices(a.Key)); ok && m.one(2) {
		for _, x := range s.Devices(a.Key) { // rather of one that is a copy itself
			if depthOf(s, x.Key) > depthOf(s, p.Key) && !m.one(4) {
				p = x
			}
		}
		c.Parent = p.Key
	}
	m.lieDevice(s, &c)
	r := &AddDevice{Ask: m.ask(s, c.Account), Device: SignDevice(m.topic, c, m.names[m.signer(s, c.Account)], m.names[device])}
	r.Boxes = m.boxes(s, s.deviceBoxes(&c))
	if m.one(2) {
		r.Ask = AskRef{Log: c.Log(m.topic)}
	}
	switch m.rng.IntN(20) {
	case 0:
		r.Device.SignerSig[0] ^= 1
	case 1:
		r.Device.DeviceSig[0] ^= 1
	case 2:
		r.Boxes = m.boxes(s, 2)
	}
	return r
}

// richer returns an account that has more devices, or a.
func (m *maker) richer(s *State, a Account) Account {
	for _, b := range s.Accounts() {
		if len(s.Devices(b.Key)) > len(s.Devices(a.Key)) && m.one(2) {
			a = b
		}
	}
	return a
}

// depthOf returns of how many devices, one of the other, a device is a copy.
func depthOf(s *State, k Key) (n int) {
	for n < 9 && !s.devices.at(k).Parent.IsZero() {
		n, k = n+1, s.devices.at(k).Parent
	}
	return n
}

// lieDevice makes a card be of another account, a copy of somebody else's device,
// or end a log that is not there.
func (m *maker) lieDevice(s *State, c *DeviceCard) {
	switch m.rng.IntN(20) {
	case 0, 1:
		o, _ := m.account(s)
		c.Account = o.Key
	case 2:
		all := sorted(s.devices.each(), func(d DeviceState) bool { return d.Key != c.Device }, func(d DeviceState) Key { return d.Key })
		d, _ := pick(m, all)
		c.Parent = d.Key
	case 3:
		c.Ends = &End{1, digest.Sum([]byte("end"))}
	}
}

// signer returns a key that speaks for an account, mostly.
func (m *maker) signer(s *State, account Key) Key {
	var all []Key
	for _, d := range s.Devices(account) {
		all = append(all, d.Key)
	}
	for _, v := range s.Invites() {
		if v.Link != nil && (v.Link.Account == account || m.one(4)) {
			all = append(all, v.Key, v.Key)
		}
	}
	if v, ok := m.open(s); ok && m.one(15) {
		all = append(all, v.Key)
	}
	if m.one(15) {
		for k := range s.devices.each() {
			all = append(all, k)
		}
		slices.SortFunc(all, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	}
	if k, ok := pick(m, all); ok && !m.one(3) {
		return k
	}
	return account
}

func (m *maker) remove(s *State) Record {
	a, _ := m.account(s)
	if m.one(3) {
		a = m.richer(s, a)
	}
	whole := m.one(3)
	for _, v := range s.Invites() { // rather one that is about to link a device
		if v.Link != nil && v.Link.Account != m.g.Owner && m.one(2) {
			a, whole = s.accounts.at(v.Link.Account), true
		}
	}
	r := &Remove{Target: Target{Account: a.Key}}
	if d, ok := pick(m, s.Devices(a.Key)); ok && !whole {
		for range 2 { // rather a copy than the steward's
			if d.Key == s.steward().Author || d.Parent.IsZero() {
				d, _ = pick(m, s.Devices(a.Key))
			}
		}
		for p := d.Parent; s.devices.at(p).Belongs && p != s.steward().Author && m.one(3); p = d.Parent { // rather what others are copies of
			d = s.devices.at(p)
		}
		r.Target.Device = d.Key
	}
	r.Ask = m.ask(s, m.boss(s))
	if own := m.one(3); own || !r.Target.Device.IsZero() && m.one(2) {
		r.Ask = m.ask(s, a.Key)
	}
	r.Cuts = m.prefixes(s, func(d DeviceState) bool { return d.Account == a.Key })
	for _, v := range s.Invites() {
		if !m.one(3) {
			r.Keep = append(r.Keep, v.Key)
		}
	}
	return r
}

func (m *maker) role(s *State) Record {
	a, _ := m.account(s)
	r := &SetRole{Ask: m.ask(s, m.boss(s)), Change: RoleChange{a.Key, Role(2 + m.rng.IntN(4))}}
	r.Cuts = m.prefixes(s, func(d DeviceState) bool { return d.Account == a.Key })
	return r
}

func (m *maker) invite(s *State) Record {
	v := Invite{Key: m.fresh("invite"), Role: Role(2 + m.rng.IntN(4)), Uses: uint16(1 + m.rng.IntN(3)), KEM: m.kem()}
	r := &MakeInvite{Ask: m.ask(s, m.boss(s)), Boxes: m.boxes(s, s.boxCount(1))}
	if m.one(20) {
		v.Key = m.g.Owner
	}
	if a, ok := m.account(s); ok && m.one(2) {
		v.SignLink(m.topic, a.Key, m.names[m.signer(s, a.Key)])
		r.Ask = m.ask(s, a.Key)
		if m.one(8) {
			v.Link.Sig[0] ^= 1
		}
	}
	r.Invite = v
	return r
}

func (m *maker) cut(s *State) Record {
	l, ok := pick(m, s.Logs())
	if !ok || m.one(10) {
		l = Log{ID: DataLog(m.topic, m.know("stranger"), 4096, 0), Device: m.know("stranger"), PageBytes: 4096}
	}
	r := &CutLog{Ask: m.ask(s, m.boss(s)), Cut: m.prefix(l.ID)}
	if key, ok := m.names[l.Device]; ok && m.one(2) {
		r.Fork = m.fork(key, l)
		if m.one(2) {
			r.Ask = AskRef{}
		}
	}
	return r
}

// fork returns the proof that the author signed two heads of one size; a wrong
// one at times.
func (m *maker) fork(key ed25519.PrivateKey, l Log) *Fork {
	f := &Fork{Author: pub(key), PageBytes: l.PageBytes, Number: l.Number}
	a := proof.Sign(key, l.ID, 1, digest.Sum([]byte("a")))
	b := proof.Sign(key, l.ID, 1, digest.Sum([]byte("b")))
	f.Old, f.New, f.Root = Head{1, a.Root, a.Sig}, Head{1, b.Root, b.Sig}, b.Root
	switch m.rng.IntN(8) {
	case 0:
		f.New.Sig[0] ^= 1
	case 1:
		f.Number++
	}
	return f
}

func (m *maker) answer(s *State) Record {
	l, ok := pick(m, s.Logs())
	if !ok {
		l.ID = digest.Sum([]byte("nobody's"))
	}
	return &Answer{l.ID, max(1, s.Settled(l.ID)+uint64(m.rng.IntN(3)))}
}

func (m *maker) other(s *State) Record {
	ask := m.ask(s, m.boss(s))
	switch m.rng.IntN(4) {
	case 0:
		l, _ := pick(m, s.Logs())
		return &Erase{ask, []LogRange{{l.ID, Range{1, 3}}}}
	case 1:
		v := ViewState{View: "list", At: Point{Position{0, 0, 1}, digest.Sum([]byte("x"))}}
		if m.one(2) {
			v.Blob = &Blob{Key: make([]byte, []int{blobKeyPlain, blobKeySealed}[m.rng.IntN(2)])}
		}
		return &Snapshot{ask, v}
	case 2:
		return &Founding{m.g.Append(nil)}
	}
	return m.answer(s)
}
