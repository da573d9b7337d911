// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/xaeroflux/xaeroflux"
)

// said names an event of a driver: the number of its topic, and its own.
type said struct{ topic, seq int }

// A ledger is what a driver's store was asked to append, and what of it was
// acknowledged. An event of an append that failed may be there, once.
type ledger struct {
	next  []int // of each topic
	asked map[said]bool
	acked map[said]bool
}

func newLedger(topics int) *ledger {
	return &ledger{next: make([]int, topics), asked: map[said]bool{}, acked: map[said]bool{}}
}

// say lets a driver append a batch to a random topic.
func (l *ledger) say(d *driver, rnd *rand.Rand, maxBatch, maxPad int) error {
	topic, n := rnd.IntN(len(l.next)), 1+rnd.IntN(maxBatch)
	from := l.next[topic]
	l.next[topic] += n
	err := d.do("say %d %d %d %d", topic, from, n, rnd.IntN(maxPad))
	for seq := from; seq < from+n; seq++ {
		l.asked[said{topic, seq}] = true
		if err == nil {
			l.acked[said{topic, seq}] = true
		}
	}
	return err
}

// check opens a store and holds it against the ledger; a check finds nothing.
func (l *ledger) check(ctx context.Context, dir string) error {
	o := newWorld().options(place)
	o.MustExist = true
	db, err := xaeroflux.Open(dir, o)
	if err != nil {
		return err
	}
	return errors.Join(l.compare(ctx, db), db.Close())
}

func (l *ledger) compare(ctx context.Context, db *xaeroflux.DB) error {
	got := map[said]int{}
	for _, t := range db.Topics() {
		for rec, err := range db.Events(ctx, xaeroflux.Query{Topic: t.ID()}) {
			var s said
			if err == nil {
				_, err = fmt.Sscan(string(rec.Payload), &s.topic, &s.seq)
			}
			if err != nil {
				return err
			}
			got[s]++
		}
	}
	for s := range l.acked {
		if got[s] == 0 {
			return fmt.Errorf("event %v was acknowledged, and is not there; %d of %d are", s, len(got), len(l.acked))
		}
	}
	for s, n := range got {
		if n != 1 || !l.asked[s] {
			return fmt.Errorf("event %v is there %d times; it was appended: %v", s, n, l.asked[s])
		}
	}
	report, err := db.Check(ctx, nil)
	for _, f := range report.Findings {
		return fmt.Errorf("check finds %s: %s", f.Where, f.What)
	}
	return err
}
