// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// BenchmarkRekey makes an epoch for 100 devices of one account.
func BenchmarkRekey(b *testing.B) {
	x := found(b, sealedGenesis())
	for i := range 99 {
		x.answer(x.link("owner", fmt.Sprint("device ", i), "owner"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.desk.Renew(x.now); err != nil {
			b.Fatal(err)
		}
	}
}

// large returns a town of 1,000 members whose roster has 5,000 records.
func large(b *testing.B) *town {
	x := found(b, sealedGenesis())
	x.write(x.desk.Due(x.now))
	for i := range 999 {
		name := fmt.Sprint("member ", i)
		bt, err := x.desk.Own([]Act{{Body: &roster.Request{Content: x.admission(roster.Writer, name, name+"'s")}}}, x.now)
		if err != nil {
			b.Fatal(err)
		}
		x.keep(bt)
		x.append(bt.Records[0])
	}
	for i := x.s.Position().Size; i < 5000; i++ {
		x.own(right("member 7", fmt.Sprint("member ", i%999)))
	}
	return x
}

// BenchmarkLarge adds records to a large roster: one that an ask asks for, one that
// makes 2 boxes, and what a Desk costs that begins there.
func BenchmarkLarge(b *testing.B) {
	x := large(b)
	b.Run("ask", func(b *testing.B) {
		b.ReportAllocs()
		x.restart()
		var n int
		for b.Loop() {
			n++
			r := right("member 7", "member 3")
			r.Calls = uint32(n)
			q, _ := roster.NewRequest(x.desk.State(), r)
			ref := roster.AskRef{Log: x.devices["member 3's"].log, Seq: uint64(n)}
			bt, err := x.desk.Answer([]Ask{{ref, q}}, x.now)
			if err != nil || len(bt.Records) != 1 || bt.Outcomes[0].Fate != Carried {
				b.Fatal(bt.Outcomes, err)
			}
		}
	})
	b.Run("admit", func(b *testing.B) {
		x.restart()
		var asks []*roster.AskedAdmit
		for i := range 2000 {
			name := fmt.Sprint("newcomer ", i)
			asks = append(asks, x.admission(roster.Reader, name, name+"'s"))
		}
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			bt, err := x.desk.Own([]Act{{Body: &roster.Request{Content: asks[n%len(asks)]}}}, x.now)
			if n++; err != nil || n <= len(asks) && len(bt.Boxes) != 2 {
				b.Fatal(bt.Outcomes, err)
			}
		}
	})
	b.Run("remove", func(b *testing.B) {
		x.restart()
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			bt, err := x.desk.Own([]Act{{Body: &roster.Request{Content: account(fmt.Sprint("member ", n%999))}}}, x.now)
			if n++; err != nil || n <= 999 && bt.Epoch == nil {
				b.Fatal(bt.Outcomes, err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		c := Config{State: x.s, Device: pub("desk"), Secrets: x.kept, Boxes: 1, Last: x.last(), Logs: x, Rand: x.rng}
		for b.Loop() {
			if _, err := New(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}
