// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// A founding is a topic whose roster is written here.
type founding struct {
	genesis identity.Genesis
	account identity.AccountSecret
	steward ed25519.PrivateKey
}

func newFounding(n byte) *founding {
	f := &founding{account: identity.AccountSecret{Secret: identity.Secret{n, 1}}}
	f.genesis = identity.Genesis{
		Policy: identity.PolicyOpen, PageBytes: twinPage, Owner: identity.PublicKey(f.account.Key()),
		LobbyHash: digest.Hash{n}, JoinHash: digest.Hash{n, 1},
	}
	f.steward = identity.Seed{n, 2}.Found(identity.Generation{n}, &f.genesis)
	return f
}

func (f *founding) first() roster.Record { return &roster.Founding{Body: f.genesis.Append(nil)} }

func (f *founding) admit(change func(*roster.Card), account, device ed25519.PrivateKey) roster.Record {
	k := roster.Card{Account: f.genesis.Owner, Device: f.genesis.Steward, PageBytes: twinPage}
	change(&k)
	return &roster.Admit{Role: roster.Owner, Card: roster.SignCard(f.genesis.ID(), k, account, device)}
}

func (f *founding) owner() roster.Record {
	return f.admit(func(*roster.Card) {}, f.account.Key(), f.steward)
}

// A roster of which record 0 is not the topic's genesis, or record 1 not the
// owner's admit, ends before it, in whatever pieces it comes.
func TestRostersThatAreNotFounded(t *testing.T) {
	f, other := newFounding(1), newFounding(2)
	ok := encodedRecord(&roster.Answer{Log: digest.Hash{1}, Size: 1})
	record := func(r roster.Record) []byte { return encodedRecord(r) }
	garbled, err := event.AppendRecord(nil, event.Event{Type: "xf/genesis", Payload: append(f.genesis.Append(nil), 0)}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		first [][]byte
		end   int
		why   event.Reason
	}{
		{"as it should be", [][]byte{record(f.first()), record(f.owner())}, 6, 0},
		{"another topic's genesis", [][]byte{record(other.first()), record(f.owner())}, 0, event.BadFounding},
		{"no genesis", [][]byte{record(f.owner()), record(f.owner())}, 0, event.BadFounding},
		{"a genesis that is none", [][]byte{garbled, record(f.owner())}, 0, event.BadBody},
		{"genesis twice", [][]byte{record(f.first()), record(f.first())}, 1, event.BadFounding},
		{"no admit", [][]byte{record(f.first()), ok}, 1, event.BadFounding},
		{"another account", [][]byte{record(f.first()), record(f.admit(func(k *roster.Card) { k.Account = other.genesis.Owner }, other.account.Key(), f.steward))}, 1, event.BadFounding},
		{"another device", [][]byte{record(f.first()), record(f.admit(func(k *roster.Card) { k.Device = other.genesis.Steward }, f.account.Key(), other.steward))}, 1, event.BadFounding},
		{"signed by another account", [][]byte{record(f.first()), record(f.admit(func(*roster.Card) {}, other.account.Key(), f.steward))}, 1, event.BadFounding},
		{"genesis later on", [][]byte{record(f.first()), record(f.owner()), record(f.first())}, 7, 0},
		{"garbage for genesis later on", [][]byte{record(f.first()), record(f.owner()), garbled}, 2, event.BadBody},
	} {
		name := identity.RosterLog(f.genesis.ID(), f.genesis.Steward, 0, 0)
		l := newPageLog(LogOf(name.ID(), name, &f.genesis))
		l.Key = f.steward
		for _, r := range append(c.first, ok, ok, ok, ok) {
			l.add(r)
		}
		l.SignAll()
		for from := range c.end + 1 {
			left := mmrindex.Peaks{}
			if from > 0 {
				left = l.Peaks(uint64(from))
			}
			for to := from + 1; to <= len(l.Records); to++ {
				m := chunk(l, from, to)
				m.PageBytes = identity.RosterPageBytes
				v, after, err := verifyEvents(l.info, m, uint64(from), 0, left, nil)
				want, why := min(to, c.end), event.Reason(0)
				if to > c.end {
					why = c.why
				}
				if err != nil || from+v.Count != want || v.Closed != why || after.Root() != l.Peaks(uint64(want)).Root() {
					t.Errorf("%s, events %d to %d: to %d, closed for %q, %v; want %d, %q", c.name, from, to, from+v.Count, v.Closed, err, want, why)
				}
			}
		}
	}
}
