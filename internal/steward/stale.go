// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// stale reports whether a request by an account is too old: the roster went another
// way since, or what it is about changed. Requests of accounts about their own
// devices never are.
func (d *Desk) stale(q *roster.Request, by roster.Key) bool {
	all, own := d.subjects(q, by)
	if own {
		return false
	}
	for _, k := range all {
		if d.state.Stale(q.At, k) {
			return true
		}
	}
	return false
}

// subjects returns what a request is about, never nothing: accounts, devices, invites
// and ids of logs; own if it is the asking account's own and so never stale.
func (d *Desk) subjects(q *roster.Request, by roster.Key) (all []roster.Key, own bool) {
	switch x := q.Content.(type) {
	case *roster.Target:
		if x.Device.IsZero() {
			return []roster.Key{x.Account}, x.Account == by
		}
		return []roster.Key{x.Device}, x.Account == by
	case *roster.RoleChange:
		return []roster.Key{x.Account}, false
	case *roster.Invite:
		return []roster.Key{x.Key}, x.Link != nil && x.Link.Account == by
	case *roster.Key:
		return []roster.Key{*x}, false
	case *roster.AskedCut:
		return []roster.Key{roster.Key(x.Cut.Log)}, false
	case *roster.Right:
		return []roster.Key{x.Account, x.On}, false
	case *roster.AskedAdmit:
		return []roster.Key{x.Card.Card.Account, x.Card.Card.Device}, false
	case *[]roster.LogRange:
		return logsOf(*x, func(r roster.LogRange) digest.Hash { return r.Log }), false
	case *roster.ViewState:
		return logsOf(x.Logs, func(p roster.Prefix) digest.Hash { return p.Log }), false
	}
	return []roster.Key{by}, false
}

// logsOf returns the ids of the logs that a list names, and one of no log, so that
// an empty list is about the roster alone.
func logsOf[T any](list []T, log func(T) digest.Hash) []roster.Key {
	all := []roster.Key{{}}
	for _, x := range list {
		all = append(all, roster.Key(log(x)))
	}
	return all
}
