// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/proof"
)

// TestOneDoubtOneRenewal: a log begins anew once for each branch that is doubted. The
// word of a second peer, which doubted the same branch and comes late, does not put aside
// what came since.
func TestOneDoubtOneRenewal(t *testing.T) {
	s, topic := founded(t)
	p, w := newParted(t, topic.ID, 20), newWriter(t, s)
	q := &parted{memlog.Log{ID: p.ID, Key: p.Key}, p.info}
	for i := range 20 {
		rec, err := event.AppendRecord(nil, event.Event{Payload: fmt.Appendf(nil, "of another branch, %d", i)}, 1, 0)
		must(t, err)
		must(t, q.Add(rec))
	}
	q.SignAll()
	w.write(p.append(5))
	l, err := s.Log(p.info.Log)
	must(t, err)
	f, err := s.ProveFork(l, q.Head)
	must(t, err)
	must(t, s.Do(&Freeze{f}))
	w.records(topic.Roster(), cutAt(p, 12, q.Root(12)))

	renewal := func(doubted proof.Head, want bool) *Renewal {
		t.Helper()
		r, err := s.NewRenewal(p.info.Log, doubted)
		must(t, err)
		if (r != nil) != want {
			t.Errorf("a doubt of %d events with root %s lets the log begin anew: %v", doubted.Size, doubted.Root.Short(), r != nil)
		}
		return r
	}
	renewal(proof.Head{}, false)
	renewal(q.Head, false)
	first := renewal(p.Head, true)
	must(t, s.Do(first))
	renewal(p.Head, false) // nothing is here
	w = newWriter(t, s)
	w.write(q.append(4))
	renewal(p.Head, false)
	if err := s.Do(first); !errors.Is(err, ErrGap) {
		t.Errorf("a renewal of the branch of before: %v", err)
	}
	if l, err := s.Log(p.info.Log); err != nil || l.Whole().Root != q.Root(4) {
		t.Errorf("%d events are left, %v", l.Whole().Size, err)
	}
	other := proof.Sign(p.Key, p.info.Log, 20, digest.Sum([]byte("a third branch")))
	renewal(other, false)
}
