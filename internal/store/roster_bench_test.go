// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// largeCircle is a private topic of 1,000 members whose roster has 5,000 records: the
// others are rights that the owner gave, and roles.
func largeCircle(b *testing.B) *circle {
	b.Helper()
	c := newCircle(b, identity.PolicySealed|identity.PolicyHistory)
	var all []roster.Record
	for n := 1001; n < 2000; n++ {
		account, device := testKey(2*n), testKey(2*n+1)
		card := roster.Card{Account: public(account), Device: public(device), PageBytes: 4096, KEM: testKEM(2 * n), AccountKEM: testKEM(2*n + 1)}
		all = append(all, &roster.Admit{Role: roster.Writer, Card: roster.SignCard(c.topic.ID, card, account, device)})
	}
	for n := len(all) + 3; n < 5000; n++ {
		all = append(all, c.right(n))
	}
	for ; len(all) > 0; all = all[min(100, len(all)):] {
		c.records(c.topic.Roster(), all[:min(100, len(all))]...)
	}
	st, err := c.s.Roster(c.topic.ID)
	if err != nil || st.Position().Size != 5000 || len(st.Accounts()) != 1000 {
		b.Fatalf("%d records, %d accounts: %v", st.Position().Size, len(st.Accounts()), err)
	}
	return c
}

// right is one of many rights that members have on others.
func (c *circle) right(n int) *roster.Grant {
	of := func(n int) roster.Key { return public(testKey(2 * (1001 + n%999))) }
	return &roster.Grant{Right: roster.Right{Account: of(n), On: of(n / 3), What: fmt.Sprint("call ", n%7), Calls: uint32(n)}}
}

// BenchmarkRoster measures what a roster of 5,000 records costs: to fold it, to take in one
// more record, with somebody who looks at it each time, and to ask who belongs.
func BenchmarkRoster(b *testing.B) {
	c := largeCircle(b)
	whole := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.s.rosters.all = map[digest.Hash]*fold{}
			must(b, c.s.askRoster(c.topic, func(*roster.State) {}))
		}
	}
	b.Run("fold/first", whole)
	n, err := c.s.NewSigned(c.topic)
	if err != nil || n == nil {
		b.Fatal("nothing was found out about signatures:", err)
	}
	must(b, c.s.Do(n))
	b.Run("fold/again", whole)
	size, leg := 5000, c.topic.Roster()
	b.Run("record", func(b *testing.B) {
		var spent time.Duration
		for range b.N {
			c.commit(leg, c.right(size))
			size++
			_, err := c.s.Roster(c.topic.ID)
			must(b, err)
			to, err := c.s.stored(leg.ID())
			must(b, err)
			begun := time.Now()
			_, err = c.s.Publish(to)
			must(b, err)
			_, err = c.s.Roster(c.topic.ID)
			must(b, err)
			spent += time.Since(begun)
		}
		b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "published-ns/record")
	})
	b.Run("members", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			st, err := c.s.Roster(c.topic.ID)
			must(b, err)
			devices := 0
			for _, a := range st.Accounts() {
				devices += len(st.Devices(a.Key))
			}
			if devices != 1000 {
				b.Fatal(devices)
			}
		}
	})
	b.Run("desk", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := c.s.NewDesk(c.topic)
			must(b, err)
		}
	})
}
