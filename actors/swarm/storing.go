// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A storing is the sink of a sync: what is verified goes through the pipeline.
type storing struct {
	*Swarm
	log     digest.Hash
	stored  *pending
	spare   *spare
	created bool // the log has a row in the store
}

func newStoring(sw *Swarm, log digest.Hash) *storing {
	return &storing{Swarm: sw, log: log, stored: newPending(sw.Context)}
}

func (t *storing) room(bytes int) error { return t.Pipeline.Room(t.log, bytes) }

func (t *storing) wait() error { return t.stored.wait() }

func (t *storing) pages(s Source, v *syncer.VerifiedPages) error {
	if !t.created { // only now is it known that there is such a log
		if err := t.Pipeline.Create(t.Context, v.Info.Log, *pipeline.NewLogOf(v.Info)); err != nil {
			return err
		}
		t.created = true
	}
	events, count := uint64(len(v.Leaves)), uint64(len(v.Bytes))/uint64(v.Info.PageBytes)
	brought := t.brought(s, v.Info, events, count)
	done := func(err error) {
		if err == nil { // they are written, and nobody reads them here any more
			t.spare.put(v.Bytes)
		}
		brought(err)
	}
	pages := &messages.Pages{
		Log: v.Info.Log, Bytes: v.Bytes, Seals: v.Seals, Leaves: v.Leaves, Trees: v.Trees,
		Proven: messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Hashes(), Root: v.Root, Time: v.Time},
		Done:   done,
	}
	err := t.Pipeline.IngestPages(t.Context, pages)
	if err != nil {
		done(err)
	}
	return err
}

func (t *storing) events(s Source, v *syncer.Verified) error {
	x := pipeline.AppendOf(*v)
	x.Done = t.brought(s, v.Info, uint64(v.Count), 0)
	err := t.room(len(v.Records))
	if err == nil {
		err = t.Pipeline.Ingest(t.Context, x)
	}
	if err != nil {
		x.Done(err)
	}
	return err
}

// brought returns the function to call once it is known what became of something
// that a source brought.
func (t *storing) brought(s Source, info syncer.LogInfo, events, pages uint64) func(error) {
	done := t.stored.add()
	return func(err error) {
		if err == nil && info.Kind == identity.KindData {
			s.Brought(events, pages)
		}
		done(err)
	}
}

// pending waits for ingests that are under way.
type pending struct {
	ctx  context.Context
	n    int
	done chan error
	err  error
}

func newPending(ctx context.Context) *pending {
	return &pending{ctx: ctx, done: make(chan error, pipeline.PagesCredits+1)}
}

// add returns the function to call when one more is settled.
func (p *pending) add() func(error) {
	if p.n >= pipeline.PagesCredits { // keep the channel from filling up
		p.one()
	}
	p.n++
	return func(err error) { p.done <- err }
}

func (p *pending) one() {
	select {
	case err := <-p.done:
		p.n--
		if p.err == nil {
			p.err = err
		}
	case <-p.ctx.Done():
		p.n, p.err = 0, p.ctx.Err()
	}
}

// wait waits for all and returns the first error.
func (p *pending) wait() error {
	for p.n > 0 {
		p.one()
	}
	return p.err
}
