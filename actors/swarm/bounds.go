// SPDX-License-Identifier: MPL-2.0

package swarm

import "github.com/xaeroflux/xaeroflux/syncer"

// bounds say where a fetch ends. In a sync each source told how many pages it holds,
// and both are zero.
type bounds struct {
	limit uint64            // only the pages below it are wanted, if it is not 0
	told  map[Source]uint64 // events that each source says it holds, if nobody knows its pages
}

// untold is more pages than any log has.
const untold = 1 << 48

// done reports whether nothing more is to come, now that all before the event next is
// here; mu is held.
func (f *fetch) done(next uint64) bool {
	switch {
	case f.limit > 0 && f.plan.Next() >= f.limit:
		return true
	case f.coming > 0:
		return false
	case f.plan.Over() || f.told == nil:
		return f.plan.Over()
	}
	if f.tail != nil && f.tail.page == f.plan.Next() {
		next = max(next, f.tail.end())
	}
	for s, events := range f.told {
		if events > next && f.plan.Holds(s, f.plan.Next()) {
			return false
		}
	}
	return true
}

// tailOf reports whether the events behind a window are asked for. A source sends
// them only if no page of it follows.
func (f *fetch) tailOf(w *syncer.Window[Source]) bool {
	return f.told != nil || f.limit == 0 && w.Tail
}

// arrive adds a source that may have joined later than others, and says that it holds
// so many events. An error says that it will not.
func (f *fetch) arrive(s Source, events uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	f.coming--
	switch {
	case err != nil || f.over:
	case f.limit > 0:
		f.plan.Join(s, f.limit)
	default:
		f.told[s] = events
		f.plan.Join(s, untold)
	}
}
