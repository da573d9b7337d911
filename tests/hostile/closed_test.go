// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// badLog is a log of good records, one that closes it, and some more.
func (a *arena) badLog(bad []byte, before, after int) *evilpeer.Log {
	a.t.Helper()
	l := a.newLog(a.newKey(), 4096, before, "event %d of an author who will break a rule, with some bytes to fill its pages")
	records := [][]byte{bad}
	for i := range after {
		r := eventtest.Raw{Time: event.MaxTime, Payload: fmt.Appendf(nil, "event %d behind it, with as many bytes as those before it", i)}
		records = append(records, r.Record())
	}
	storetest.Must(a.t, l.Add(records...)) // at once: each time the whole tree is made
	return l
}

// closedAt waits until a log has ended in a store.
func closedAt(t testing.TB, db *xaeroflux.DB, l *evilpeer.Log, size uint64, why event.Reason) {
	t.Helper()
	storetest.Await(t, func() bool {
		held, err := db.Log(xaeroflux.LogID(l.ID))
		if err != nil {
			return false
		}
		word, closed := held.Closed()
		return closed && word == why.String() && held.Size() == size
	})
}

// Authors who break rules of records close their logs, in a running store: by
// events and by pages, in the first record too. The peers that bring them stay
// connected, the store is sound and remembers it, and those that sync with it
// agree.
func TestAuthorsCloseTheirLogs(t *testing.T) {
	o := storetest.Small()
	a := newSmallArena(t, "memory", o)
	refused := a.victim.Refusals()
	flag := (&eventtest.Raw{Flags: 64, Time: 9, Payload: []byte("what is this")}).Record()
	back := (&eventtest.Raw{Time: 0, Payload: []byte("before the others")}).Record()
	type closing struct {
		l    *evilpeer.Log
		size uint64
		why  event.Reason
	}
	var all []closing
	for _, before := range []int{0, 1, 50} {
		l := a.badLog(flag, before, 50)
		for range 2 { // and again, when it is closed
			f := a.foe()
			storetest.Must(t, f.Greet(ctx, f.topic))
			storetest.Must(t, f.Send(l.Events(0, uint64(before)+20), l.Events(uint64(before)+20, uint64(before)+51), evilpeer.Part(l.State())))
			storetest.Must(t, f.Alive(0, digest.Hash(a.victim.Head().Log), 0))
			closedAt(t, a.victim, l, uint64(before), event.BadFlag)
			f.Conn.CloseWithError(0, "")
		}
		all = append(all, closing{l, uint64(before), event.BadFlag})
	}
	long := a.badLog(back, 4000, 3000)
	f := a.foe()
	storetest.Must(t, f.Greet(ctx, f.topic))
	storetest.Must(t, f.Send(evilpeer.Part(long.State())))
	served := make(chan error)
	go func() {
		defer close(served)
		for err := error(nil); err == nil; { // until the connection ends
			_, err = f.Serve(ctx, true, func(r *messages.PageRequest) (parts [][]byte) {
				for page := int(r.From); page < int(r.From)+int(r.Count) && page < long.Pages(); page++ {
					m, pages := long.Run(page, page+1)
					parts = append(parts, evilpeer.Encoded(m), pages)
				}
				return parts
			})
		}
	}()
	closedAt(t, a.victim, long, 4000, event.BadTime)
	storetest.Must(t, f.Alive(0, digest.Hash(a.victim.Head().Log), 0))
	f.Conn.CloseWithError(0, "")
	<-served
	all = append(all, closing{long, 4000, event.BadTime})

	storetest.Await(t, func() bool { return len(a.victim.Peers()) == 0 })
	if got := a.victim.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v: the peers are not to blame", got, refused)
	}
	a.honest(t)
	storetest.Undisturbed(t, a.victim)
	dir := a.victim.Dir()
	storetest.Must(t, a.victim.Close())
	again := storetest.Open(t, filepath.Clean(dir), o)
	for _, c := range all {
		closedAt(t, again, c.l, c.size, c.why)
	}
}
