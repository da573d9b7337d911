// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// deskLook is how often who has nothing to do looks whether others turned out to be
// slow.
const deskLook = 250 * time.Millisecond

// A desk hands out the windows of a plan to the sources of a fetch. What is fetched,
// and what becomes of it, is the fetch's: pages of a sync (fetch.go), or ranges
// (ranges.go).
type desk struct {
	mu      sync.Mutex // guards all below, and the fetch whose desk it is
	changed *sync.Cond
	plan    *syncer.Windows[Source]
	bad     map[Source]error // sources that were dropped, and why
	over    bool
}

func (d *desk) init() {
	d.changed, d.bad = sync.NewCond(&d.mu), map[Source]error{}
}

// work lets a source fetch windows, so many at once, until there are no more for it.
func (d *desk) work(s Source, streams int, fetch func(*syncer.Window[Source]) error, finish func(*syncer.Window[Source], error)) {
	stop := context.AfterFunc(s.Context(), d.changed.Broadcast)
	defer stop()
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			for w := d.take(s); w != nil; w = d.take(s) {
				finish(w, fetch(w))
			}
		})
	}
	wg.Wait()
}

// take waits for a window for a source; nil says that there will be none.
func (d *desk) take(s Source) *syncer.Window[Source] {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.over && d.bad[s] == nil && s.Context().Err() == nil {
		if w := d.plan.Take(s, time.Now()); w != nil {
			return w
		}
		t := time.AfterFunc(deskLook, d.changed.Broadcast)
		d.changed.Wait()
		t.Stop()
	}
	return nil
}

// taken reports whether a window was taken away before it was asked for, and
// makes the request end when that happens later.
func (d *desk) taken(w *syncer.Window[Source], cancel context.CancelCauseFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Cancel = func() { cancel(d.bad[w.Source]) } // whoever calls it holds mu
	return w.Gone
}

// leave ends what a source does for the fetch; err says what it did wrong, if
// anything. mu is held.
func (d *desk) leave(s Source, err error) {
	if err != nil && d.bad[s] == nil {
		d.bad[s] = err
	}
	d.plan.Leave(s)
	d.changed.Broadcast()
}
