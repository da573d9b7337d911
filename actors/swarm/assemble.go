// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// An assembler verifies the pages of a fetch in order, and hands them to its sink.
type assembler struct {
	f    *fetch
	t    *syncer.Transfer
	held Source              // source of the page that is held back
	from map[Source]struct{} // sources of the pages taken in

	spoiled bool // what came last was not right, and nothing could take its place any more
}

// assemble takes in what sources bring until none has more. spoiled says that it
// ended before that, with a source that was dropped.
func (f *fetch) assemble(t *syncer.Transfer) (spoiled bool, err error) {
	stop := context.AfterFunc(f.ctx, f.changed.Broadcast)
	defer stop()
	a := &assembler{f: f, t: t, from: map[Source]struct{}{}}
	err = a.run()
	return a.spoiled, errors.Join(err, f.sink.wait())
}

// run takes in runs as long as there are sources with more.
func (a *assembler) run() error {
	for {
		r, ok := a.f.next(a.t.Next())
		if !ok {
			break
		}
		if err := a.pages(r); err != nil {
			if !a.blame(r.source, err) {
				return err
			}
			a.f.lost(r)
			continue
		}
		a.from[r.source], a.held = struct{}{}, r.source
		if a.t.Closed() { // what others bring of it is not wanted
			break
		}
		a.f.advance(r)
	}
	if err := a.f.ctx.Err(); err != nil {
		return err
	}
	if err := a.rest(); err != nil || a.t.Closed() {
		return err
	}
	return a.tail()
}

// next waits for the pages that come next, with the event next; false says that none
// will.
func (f *fetch) next(next uint64) (run, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if r, ok := f.runs[f.plan.Next()]; ok {
			return r, true
		}
		if f.done(next) || f.ctx.Err() != nil {
			return run{}, false
		}
		f.changed.Wait()
	}
}

func (f *fetch) advance(r run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.runs, r.from)
	f.plan.Advance(r.end)
	for from := range f.runs { // what an event that runs over the end of a window brought twice
		if from < r.end {
			delete(f.runs, from)
		}
	}
	f.changed.Broadcast()
}

func (f *fetch) lost(r run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.runs, r.from)
	f.plan.Lost(r.from, r.end)
	f.changed.Broadcast()
}

// blame drops the source of pages that are not right, and reports whether it
// is to blame at all. If the pages before came from another one, it is not
// known yet who lies: what a source brings alone decides.
func (a *assembler) blame(s Source, err error) bool {
	var v *syncer.Violation
	var c *syncer.Conflict
	if !errors.As(err, &v) && !errors.As(err, &c) && !errors.Is(err, pipeline.ErrQuota) && !errors.Is(err, syncer.ErrErased) {
		return false
	}
	_, own := a.from[s]
	if v != nil && (len(a.from) > 1 || len(a.from) == 1 && !own) {
		err = fmt.Errorf("%w: what peer %s sent does not continue what others did: %s", errElsewhere, s.Peer().Short(), v.Text)
	}
	a.f.mu.Lock()
	defer a.f.mu.Unlock()
	a.f.drop(s, err)
	return true
}

func (a *assembler) pages(r run) error {
	if err := a.f.sink.room(len(r.bytes)); err != nil {
		return err // before the transfer moves on
	}
	v, err := a.t.Pages(r.msg, r.bytes)
	if err != nil {
		return err
	}
	if a.f.spare.put(r.bytes); v == nil {
		return nil
	}
	return a.f.sink.pages(r.source, v)
}

// rest stores the events of the page that was held back. They go into the AOF,
// where the pages must be committed first.
func (a *assembler) rest() error {
	if a.f.limit > 0 {
		return a.last()
	}
	v, err := a.t.Rest()
	if err != nil && a.f.told != nil && a.blame(a.held, err) {
		a.spoiled = true
		return nil
	}
	if err != nil || v == nil {
		return err
	}
	if err := a.f.sink.wait(); err != nil {
		return err
	}
	return a.f.sink.events(a.held, v)
}

// last stores the page that was held back as one, if it is known to end there.
func (a *assembler) last() error {
	if a.f.plan.Next() < a.f.limit {
		return nil
	}
	v := a.t.Last()
	if v == nil {
		return nil
	}
	return a.f.sink.pages(a.held, v)
}

// tail stores the events after the last page.
func (a *assembler) tail() error {
	a.f.mu.Lock()
	t := a.f.tail
	a.f.mu.Unlock()
	if t == nil || t.page != a.f.plan.Next() {
		return nil
	}
	for _, m := range t.events {
		if a.t.Closed() {
			return nil
		}
		v, err := a.t.Events(m)
		if err == nil {
			err = a.f.sink.events(t.source, v)
		}
		switch {
		case err == nil:
		case a.blame(t.source, err):
			a.spoiled = true
			return nil
		default:
			return err
		}
	}
	return nil
}
