// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A model is who belongs by a naive reading of the rules, by names. It knows no
// records, only which asks were carried out.
type model struct {
	accounts map[string]*person
	devices  map[string]*store
	invites  map[string]*ticket
	logs     map[digest.Hash]*notes
	changed  map[string]int // by a subject's name, the number of the ask
	n        int            // asks carried out
}

type person struct {
	role   roster.Role // None if it does not belong
	invite string
}

type store struct {
	account, parent string
	belongs         bool
	log             digest.Hash
	number          uint64 // of that log
}

type ticket struct {
	role     roster.Role
	left     int
	open     bool
	by, link string
}

type notes struct {
	device string
	cut    int // -1 if it is not
}

// A wish is an ask by names, as the model reads it.
type wish struct {
	Ask
	by     string // device in whose log it is
	what   string
	who    string // account or invite that it is about
	device string
	role   roster.Role
	signer string
	parent string
	uses   int
	number uint64 // of the log that a device goes on in
	ends   int    // -1 if it ends no log
	made   int    // what the model had carried out when it was made
}

func newModel(desk *device) *model {
	return &model{
		accounts: map[string]*person{"owner": {role: roster.Owner}}, devices: map[string]*store{"desk": {account: "owner", belongs: true, log: desk.log}},
		invites: map[string]*ticket{}, logs: map[digest.Hash]*notes{desk.log: {"desk", -1}}, changed: map[string]int{},
	}
}

func (m *model) role(name string) roster.Role {
	if p := m.accounts[name]; p != nil {
		return p.role
	}
	return roster.None
}

func (m *model) belongs(device string) bool { d := m.devices[device]; return d != nil && d.belongs }

// carry carries out a wish, and reports whether it may be.
func (m *model) carry(w *wish) bool {
	if !m.may(w) {
		return false
	}
	m.n++
	m.do(w)
	return true
}

// actor returns the account that asks, or nothing.
func (m *model) actor(w *wish) string {
	l := m.logs[w.Log]
	if l == nil || !m.belongs(l.device) || l.cut >= 0 && int(w.Seq) >= l.cut {
		return ""
	}
	return m.devices[l.device].account
}

func (m *model) may(w *wish) bool {
	if w.what == "join" {
		v := m.invites[w.signer]
		return v != nil && v.open && v.link == "" && m.role(w.who) == roster.None && m.devices[w.device] == nil
	}
	if w.what == "device" || w.what == "move" {
		return m.mayDevice(w)
	}
	a := m.actor(w)
	mine, r := m.role(a), m.role(w.who)
	over := mine <= roster.Admin && mine <= r
	stale := func(subjects ...string) bool {
		return slices.ContainsFunc(subjects, func(s string) bool { return m.changed[s] > w.made })
	}
	switch v := m.invites[w.who]; {
	case a == "":
		return false
	case w.what == "leave":
		return a != "owner"
	case w.what == "admit":
		return !stale(w.who, w.device) && mine <= roster.Admin && mine <= w.role && r == roster.None && m.devices[w.device] == nil
	case w.what == "role":
		return !stale(w.who) && r > roster.Owner && r != w.role && over && mine <= w.role
	case w.what == "remove":
		return (a == w.who || !stale(w.who)) && r > roster.Owner && (a == w.who || over)
	case w.what == "remove device":
		return (a == w.who || !stale(w.device)) && w.device != "desk" && r != roster.None && m.belongs(w.device) && m.devices[w.device].account == w.who && (a == w.who || over)
	case w.what == "invite":
		return mine <= roster.Admin && mine <= w.role
	case w.what == "link":
		return a == w.signer
	case w.what == "uninvite":
		return !stale(w.who) && v != nil && v.open && (mine <= roster.Admin || v.by == a)
	}
	return false
}

func (m *model) mayDevice(w *wish) bool {
	d, v := m.devices[w.device], m.invites[w.signer]
	linked := v != nil && v.open && v.link == w.who
	speaks := w.signer == w.who || m.belongs(w.signer) && m.devices[w.signer].account == w.who
	if m.role(w.who) == roster.None || d != nil && d.account != w.who {
		return false
	}
	if w.what == "move" {
		return m.belongs(w.device) && speaks && w.number > d.number && (m.logs[d.log].cut >= 0) == (w.ends < 0)
	}
	parent := m.devices[w.parent]
	return d == nil && (speaks || linked) && (w.parent == "" || parent != nil && parent.account == w.who)
}

func (m *model) do(w *wish) {
	a := m.actor(w)
	switch w.what {
	case "join":
		v := m.invites[w.signer]
		m.accounts[w.who] = &person{v.role, w.signer}
		m.use(w.signer)
		m.add(w)
	case "admit":
		m.accounts[w.who] = &person{role: w.role}
		m.add(w)
	case "device":
		if m.invites[w.signer] != nil {
			m.use(w.signer)
		}
		was := m.changed[w.who]
		m.add(w)
		m.changed[w.who] = was // the device alone changed
	case "move":
		d := m.devices[w.device]
		m.cut(d.log, w.ends)
		d.log, d.number, m.logs[w.Log], m.changed[w.device] = w.Log, w.number, &notes{w.device, -1}, m.n
	case "role":
		m.setRole(w)
	case "leave":
		m.remove(a, "", a)
	case "remove":
		m.remove(w.who, "", a)
	case "remove device":
		m.remove(w.who, w.device, a)
	case "invite", "link":
		m.invites[w.who] = &ticket{role: w.role, left: w.uses, open: true, by: a}
		if w.what == "link" {
			m.invites[w.who].link = a
		}
		m.changed[w.who] = m.n
	case "uninvite":
		m.shut(w.who)
	}
}

// add adds a device with its log. That of an admission by ask is not the asker's.
func (m *model) add(w *wish) {
	log := roster.DataLog(topicOfModel, pub(w.device), 4096, 0)
	m.devices[w.device] = &store{account: w.who, parent: w.parent, belongs: true, log: log}
	m.logs[log] = &notes{w.device, -1}
	m.changed[w.device], m.changed[w.who] = m.n, m.n
}

func (m *model) use(invite string) {
	v := m.invites[invite]
	if v.left--; v.left == 0 {
		m.shut(invite)
	}
}

func (m *model) shut(invite string) {
	m.invites[invite].open = false
	m.changed[invite] = m.n
}

// cut cuts a log if it is not; size -1 cuts nothing.
func (m *model) cut(log digest.Hash, size int) {
	if l := m.logs[log]; l.cut < 0 && size >= 0 {
		l.cut = size
	}
}

func (m *model) setRole(w *wish) {
	p := m.accounts[w.who]
	was := p.role
	p.role, m.changed[w.who] = w.role, m.n
	if was.Writes() != w.role.Writes() {
		for _, d := range m.devices {
			if d.account == w.who && d.belongs {
				m.cut(d.log, heldOfModel(d.log))
			}
		}
	}
	for name, v := range m.invites {
		if v.open && w.role > roster.Admin && v.by == w.who && v.link == "" {
			m.shut(name)
		}
	}
}

// remove removes an account, or a device with the one it is a copy of and with copies.
func (m *model) remove(account, device, by string) {
	gone := map[string]bool{}
	for name, d := range m.devices {
		if d.account == account && d.belongs && (device == "" || name == device) {
			gone[name] = true
		}
	}
	for grown := device != ""; grown; {
		grown = false
		for name, d := range m.devices {
			if !gone[name] && gone[d.parent] {
				gone[name], grown = true, true
			}
		}
	}
	if device != "" && m.devices[device].parent != "" {
		gone[m.devices[device].parent] = true
	}
	for name := range gone {
		if d := m.devices[name]; d.belongs && name != "desk" {
			d.belongs, m.changed[name] = false, m.n
			m.cut(d.log, heldOfModel(d.log))
		}
	}
	came := m.accounts[account].invite
	if device == "" {
		m.accounts[account].role, m.changed[account] = roster.None, m.n
	}
	for _, name := range slices.Collect(maps.Keys(m.invites)) {
		v := m.invites[name]
		foreign := v.by != account && name != came
		if v.open && !(foreign && (by == account || v.link != "")) {
			m.shut(name)
		}
	}
}
