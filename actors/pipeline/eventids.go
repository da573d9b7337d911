// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// An event with an id that this store appended before, to whichever of its logs
// in the topic, is not appended again: its caller learns where it is. That is
// found out under ingress.mu, so that of two callers with one id the second
// waits for the first.

// ids is what the ingress asks of the store about event ids.
type ids interface {
	// Key returns the key of an id in the topic of a log.
	Key(log digest.Hash, id event.ID) (messages.IDKey, error)
	// Find returns the event that was committed under a key.
	Find(key messages.IDKey) (store.Written, bool, error)
}

// settled is the batch of events that were appended long ago.
var settled = func() *gathered {
	g := &gathered{done: make(chan struct{})}
	close(g.done)
	return g
}()

// keyOf returns the key of an id, zero if it is none.
func (in *ingress) keyOf(log digest.Hash, id event.ID) (key messages.IDKey, err error) {
	if id != (event.ID{}) {
		key, err = in.ids.Key(log, id)
	}
	return key, err
}

// repeats returns the ticket of the event that has an id already; in.mu is held.
func (in *ingress) repeats(key messages.IDKey) (t ticket, found bool, err error) {
	if key == (messages.IDKey{}) {
		return t, false, nil
	}
	if t, found = in.inFlight[key]; found {
		t.repeated = 1
		return t, true, nil
	}
	w, found, err := in.ids.Find(key)
	return ticket{g: settled, log: w.Log, index: w.Seq, ms: w.Time, repeated: 1}, found, err
}

// reserve notes that the event of a ticket has an id; in.mu is held.
func (in *ingress) reserve(key messages.IDKey, t ticket) {
	if key != (messages.IDKey{}) {
		in.inFlight[key] = t
		t.g.IDs = append(t.g.IDs, messages.AppendID{Key: key, Index: uint32(t.index), Time: t.ms})
	}
}

// reserveRun returns the events of a run that are not here yet, of which g is to
// be the batch. If all are here, t is the ticket of the first; whole says that
// they are if the first is.
func (in *ingress) reserveRun(g *gathered, log digest.Hash, events []Entry, whole bool) (kept []Entry, t ticket, err error) {
	g.Log = log
	keys, some := make([]messages.IDKey, len(events)), false
	for i := range events {
		if keys[i], err = in.keyOf(log, events[i].id()); err != nil {
			return nil, t, err
		}
		some = some || events[i].id() != (event.ID{})
	}
	if !some {
		return events, t, nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, key := range keys {
		old, found, err := in.repeats(key)
		if err != nil {
			in.unreserve(g)
			return nil, t, err
		}
		if !found {
			in.reserve(key, ticket{g: g, log: log, index: uint64(len(kept))})
			kept = append(kept, events[i])
			continue
		}
		if whole && i == 0 {
			old.repeated = len(events)
			return nil, old, nil
		}
		if g.repeated++; t.g == nil {
			t = old
		}
		if old.g != settled && old.g != g {
			g.others = append(g.others, old.g)
		}
	}
	t.repeated = g.repeated
	return kept, t, nil
}

// Find returns the place of the event with an id that was appended to the topic of
// a log. One that is being appended is waited for.
func (p *Pipeline) Find(ctx context.Context, log digest.Hash, id event.ID) (at Place, found bool, err error) {
	key, err := p.in.keyOf(log, id)
	if err != nil {
		return at, false, err
	}
	for {
		p.in.mu.Lock()
		t, found, err := p.in.repeats(key)
		p.in.mu.Unlock()
		if err == nil && !found {
			err = p.Broken() // the commit that failed may be there after all
		}
		if err != nil || !found {
			return at, false, err
		}
		if at, err = t.wait(ctx); err == nil || ctx.Err() != nil || errors.Is(err, ErrUncertain) {
			return at, err == nil, err
		}
	}
}

// stamp says which time the events of a run carry; ingress.mu is held.
func (g *gathered) stamp(ms int64) int64 {
	g.ms = ms
	for i := range g.IDs {
		g.IDs[i].Time = ms
	}
	return ms
}

// errAbandoned is what callers get who waited for somebody else's append of an
// event with their id, which came to nothing: they are to append it themselves.
var errAbandoned = errors.New("the append of an event with this id was given up")

// fail ends a run that was not enqueued, for those who wait for it too.
func (in *ingress) fail(g *gathered, err error) {
	in.release(g)
	g.err = fmt.Errorf("%w: %w", errAbandoned, err)
	close(g.done)
}

// release forgets the ids of a batch that is committed, or failed.
func (in *ingress) release(g *gathered) {
	if len(g.IDs) > 0 {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.unreserve(g)
	}
}

// unreserve is release; in.mu is held.
func (in *ingress) unreserve(g *gathered) {
	for _, id := range g.IDs {
		delete(in.inFlight, id.Key)
	}
}

// storeIDs is a store as the ingress asks it.
type storeIDs struct{ st *store.Store }

func (s storeIDs) Key(log digest.Hash, id event.ID) (messages.IDKey, error) {
	l, err := s.st.Log(log)
	if err != nil {
		return messages.IDKey{}, err
	}
	return s.st.IDKey(l.Topic, id), nil
}

func (s storeIDs) Find(key messages.IDKey) (store.Written, bool, error) { return s.st.FindID(key) }

// untilDone appends until it is not for another caller's sake, or for ids that
// are just being kept, that it comes to nothing. Events of a run that were appended are
// repeated then, and left out.
func untilDone(ctx context.Context, try func() (ticket, error)) (Place, error) {
	for {
		at, err := tryOnce(ctx, try)
		var back *backError
		switch {
		case errors.As(err, &back):
			select {
			case <-back.kept:
			case <-ctx.Done():
				return Place{}, err
			}
		case !errors.Is(err, errAbandoned) || ctx.Err() != nil:
			return at, err
		}
	}
}

func tryOnce(ctx context.Context, try func() (ticket, error)) (Place, error) {
	t, err := try()
	if err != nil {
		return Place{}, err
	}
	return t.wait(ctx)
}

// regained takes appends to a log of ours again that has all of its events back,
// once their ids are kept: one of what is appended may be a repeat of them. It is
// called by a stage, which waits for no commit.
func (p *Pipeline) regained(l *store.Log, size uint64) {
	from, to, ok := p.in.back(l.ID, size)
	if !ok {
		return
	}
	puts, err := p.idRows(l, from, to)
	if err != nil {
		p.refuse(l.ID, fmt.Errorf("the ids of events that came back: %w", err))
		return
	}
	if len(puts) == 0 {
		p.in.takeAgain(l.ID, size)
		return
	}
	go func() {
		if err := p.Do(context.Background(), puts); err != nil {
			p.refuse(l.ID, err)
			return
		}
		p.in.takeAgain(l.ID, size)
	}()
}

// idRows returns the rows of the ids of a log's events [from, to).
func (p *Pipeline) idRows(l *store.Log, from, to uint64) (all store.Puts, err error) {
	for from < to {
		var puts []*store.Put
		if puts, from, err = p.st.IDRows(l, from, to); err != nil {
			return nil, err
		}
		all = append(all, puts...)
	}
	return all, nil
}
