// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// An assembler verifies the pages of a fetch in order, and stores them.
type assembler struct {
	f      *fetch
	t      *syncer.Transfer
	stored *pending

	created bool                // the log has a row in the store
	held    Source              // source of the page that is held back
	from    map[Source]struct{} // sources of the pages taken in
}

func (f *fetch) assemble(t *syncer.Transfer) {
	stop := context.AfterFunc(f.sw.Context, f.changed.Broadcast)
	defer stop()
	a := &assembler{f: f, t: t, stored: newPending(f.sw.Context), from: map[Source]struct{}{}}
	err := a.run()
	f.end(errors.Join(err, a.stored.wait()))
}

// run takes in runs as long as there are sources with more.
func (a *assembler) run() error {
	for {
		r, ok := a.f.next()
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
	if err := a.f.sw.Context.Err(); err != nil {
		return err
	}
	if err := a.rest(); err != nil || a.t.Closed() {
		return err
	}
	return a.tail()
}

// next waits for the pages that come next; false says that none will.
func (f *fetch) next() (run, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if r, ok := f.runs[f.plan.Next()]; ok {
			return r, true
		}
		if f.plan.Over() || f.sw.Context.Err() != nil {
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
// is to blame at all. Where the pages before came from another one, it is not
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
	if err := a.f.sw.Pipeline.Room(r.source.Peer(), a.f.log, len(r.bytes)); err != nil {
		return err // before the transfer moves on
	}
	v, err := a.t.Pages(r.msg, r.bytes)
	if err != nil || v == nil {
		return err
	}
	p := a.f.sw.Pipeline
	if !a.created { // only now is it known that there is such a log
		if err := p.Create(a.f.sw.Context, v.Info.Log, *pipeline.NewLogOf(v.Info)); err != nil {
			return err
		}
		a.created = true
	}
	done := a.stored.add()
	events := uint64(len(v.Leaves))
	count := uint64(len(v.Bytes)) / uint64(v.Info.PageBytes)
	pages := &messages.Pages{
		Log: v.Info.Log, Bytes: v.Bytes, Seals: v.Seals, Leaves: v.Leaves, Trees: v.Trees,
		Proven: messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Peaks(), Root: v.Root, Time: v.Time},
		Done: func(err error) {
			if err == nil && v.Info.Kind == identity.KindData {
				r.source.Brought(events, count)
			}
			done(err)
		},
	}
	if err := p.IngestPages(a.f.sw.Context, pages); err != nil {
		done(err)
		return err
	}
	return nil
}

// rest stores the events of the page that was held back. They go through the
// AOF, where the pages must be committed first.
func (a *assembler) rest() error {
	v, err := a.t.Rest()
	if err != nil || v == nil {
		return err
	}
	if err := a.stored.wait(); err != nil {
		return err
	}
	return a.ingest(v, a.held)
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
			err = a.ingest(v, t.source)
		}
		switch {
		case err == nil:
		case a.blame(t.source, err):
			return nil
		default:
			return err
		}
	}
	return nil
}

func (a *assembler) ingest(v *syncer.Verified, source Source) error {
	x, events, done := pipeline.AppendOf(*v), uint64(v.Count), a.stored.add()
	x.Done = func(err error) {
		if err == nil && v.Info.Kind == identity.KindData {
			source.Brought(events, 0)
		}
		done(err)
	}
	err := a.f.sw.Pipeline.Room(source.Peer(), a.f.log, len(v.Records))
	if err == nil {
		err = a.f.sw.Pipeline.Ingest(a.f.sw.Context, x)
	}
	if err != nil {
		done(err)
		return err
	}
	return nil
}
