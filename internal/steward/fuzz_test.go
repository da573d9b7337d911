// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

var askTypes = []string{"xf/ask", "xf/join", "xf/leave", "xf/device", "xf/erase", "xf/snapshot"}

// FuzzAsk asks a Desk for anything, in the log of an admin, of a reader, of the steward
// itself or of a stranger: no error, and every record counts.
func FuzzAsk(f *testing.F) {
	x := village(f, sealedGenesis())
	x.device("ned", "ned1")
	writers := []string{"ada1", "rita1", "desk", "ned1"}
	add := func(log uint8, a Ask) {
		body, err := roster.EncodeAsk(nil, a.Body)
		if err != nil {
			f.Fatal(err)
		}
		for i, typ := range askTypes {
			if typ == a.Body.Type() {
				f.Add(log, uint8(i), body)
			}
		}
	}
	for _, content := range []any{
		account("amy"), oneDevice("will", "will1"), role("rita", roster.Replica), x.invite("gate", roster.Reader, 2), key("door"), x.cut("will1"),
		x.ranges("will1"), right("rita", ""), x.view("will1"), x.admission(roster.Writer, "nora", "nora1"), nil,
	} {
		for i := range writers {
			add(uint8(i), x.request(writers[i], content))
		}
	}
	add(3, x.join("ned", "ned1", "door"))
	add(1, x.renewed("rita", "rita1"))
	add(2, x.link("owner", "tv", "owner"))
	add(1, Ask{Body: &roster.Leave{}})
	for _, d := range x.devices {
		d.asks = nil
	}
	s, records, boxes, kept := x.s, x.legs[0].Records, x.boxes, x.kept
	f.Fuzz(func(t *testing.T, log, typ uint8, body []byte) {
		a, err := roster.DecodeAsk(askTypes[int(typ)%len(askTypes)], body)
		if err != nil {
			return
		}
		x.t, x.s, x.kept, x.foreign = t, s.Clone(), kept, true
		x.legs[0].Records = records[:len(records):len(records)]
		x.boxes = map[digest.Hash][]roster.Raw{}
		for k, v := range boxes {
			x.boxes[k] = v[:len(v):len(v)]
		}
		x.restart()
		d := x.devices[writers[int(log)%len(writers)]]
		defer func() { d.asks = nil }()
		q := x.ask(d, a)
		b := x.answer(q)
		if len(b.Outcomes) > 1 || len(b.Outcomes) == 0 && len(b.Records) > 0 {
			t.Fatalf("%d outcomes, %d records", len(b.Outcomes), len(b.Records))
		}
		if !x.s.Heir().IsZero() {
			return
		}
		if again := x.answer(q); len(again.Records) > 0 {
			t.Fatal("answered twice")
		}
	})
}
