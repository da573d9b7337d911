// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Fetcher visits peers for pages while no store is open. It fetches one log at a
// time, from all peers at once.
type Fetcher struct {
	Visits
	peers  []identity.Address
	visits map[visitKey]*visit
	failed map[identity.Address]error // peers that could not be reached
	asked  []identity.Address
}

type visitKey struct {
	peer  identity.Address
	topic identity.TopicID
}

// NewFetcher returns a Fetcher that asks these peers.
func NewFetcher(v Visits, peers []identity.Address) *Fetcher {
	return &Fetcher{Visits: v, peers: peers, visits: map[visitKey]*visit{}, failed: map[identity.Address]error{}}
}

// Asked returns the peers that were dialed so far.
func (f *Fetcher) Asked() []identity.Address { return f.asked }

// Pages fetches the pages of a log up to one at which an event begins. They are taken
// in order, as soon as they are verified. Unless all came, the error joins what was
// wrong with each peer.
func (f *Fetcher) Pages(ctx context.Context, topic *store.Topic, r *syncer.Refetch, to uint64) error {
	ft := newFetch(ctx, f.Visits, r.Transfer.Info(), taking{r})
	ft.limit = to
	ft.plan = syncer.NewWindows[Source](r.Transfer.Request().From, ft.ahead(), syncer.PageWindows)
	errs, _, err := f.pull(topic, ft, r, f.peers)
	if err != nil || ft.plan.Next() >= to {
		return err
	}
	return errors.Join(errs...)
}

// Rest fetches all that peers have of a log, pages and the events behind them, until
// nobody holds more. If what was verified last turns out to be a dead end, begin is
// called again, and its peer left out. If no peer is left that gave all it has, the
// error joins what was wrong with each.
func (f *Fetcher) Rest(ctx context.Context, topic *store.Topic, begin func() *syncer.Refetch) error {
	peers, all := f.peers, []error(nil)
	for {
		r := begin()
		ft := newFetch(ctx, f.Visits, r.Transfer.Info(), taking{r})
		ft.told = map[Source]uint64{}
		n := min(ft.ahead(), syncer.PageWindows.Most) // so that few ask for pages that there are not
		ft.plan = syncer.NewWindows[Source](r.Transfer.Request().From, n, syncer.WindowSize{Least: n, Most: n})
		errs, spoiled, err := f.pull(topic, ft, r, peers)
		if err != nil {
			return err
		}
		var sound []identity.Address
		for i, p := range peers {
			if errs[i] == nil {
				sound = append(sound, p)
			}
		}
		all = append(all, errs...)
		if len(sound) == 0 {
			return errors.Join(all...)
		}
		if !spoiled {
			return nil
		}
		peers = sound
	}
}

// pull lets peers work for a fetch until it is over, and returns what was wrong with
// each.
func (f *Fetcher) pull(topic *store.Topic, ft *fetch, r *syncer.Refetch, peers []identity.Address) (errs []error, spoiled bool, err error) {
	if len(peers) == 0 {
		return nil, false, ErrNoPeer
	}
	ctx, stop := context.WithCancel(ft.ctx)
	defer stop()
	errs, ft.coming = make([]error, len(peers)), len(peers)
	heads := make([]proof.Head, len(peers))
	var wg sync.WaitGroup
	for i, p := range peers {
		if errs[i] = f.failed[p]; errs[i] != nil {
			ft.arrive(nil, 0, errs[i])
			continue
		}
		v := f.visitOf(ctx, p, topic)
		wg.Go(func() { heads[i], errs[i] = f.from(v, ft) })
	}
	spoiled, err = ft.assemble(r.Transfer)
	ft.end(err)
	stop()
	wg.Wait()
	for i, p := range peers {
		if v := f.visits[visitKey{p, topic.ID}]; v != nil && v.lost(errs[i]) {
			f.failed[p] = errs[i]
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("from %s: %w", p, errs[i])
		}
		if r.Head != nil {
			r.Head(heads[i])
		}
	}
	return errs, spoiled, err
}

// from lets a peer work for a fetch, once it told how much of the log it holds: one
// that is not there, or has nothing of it, keeps no window from others. It returns the
// newest head that the peer holds, and what was wrong with it.
func (f *Fetcher) from(v *visit, ft *fetch) (newest proof.Head, err error) {
	head, err := f.headOf(v.ctx, &rangeSource{Source: v, visit: v}, 0, v.topic, ft.info.Log)
	if v.ctx.Err() != nil { // others brought it before
		return newest, nil
	}
	if err != nil {
		ft.arrive(v, 0, err)
		return newest, err
	}
	ft.arrive(v, head.First, nil)
	f.work(v, ft)
	err = ft.left(v)
	if b := (*syncer.Violation)(nil); errors.As(err, &b) {
		v.Broke(b)
	}
	return head.Head, err
}

// work fetches windows, one at a time. A visit that is cut off is begun again, unless
// that happens again and again.
func (f *Fetcher) work(v *visit, ft *fetch) {
	tries := 1
	window := func(w *syncer.Window[Source]) error {
		err := ft.window(v, w, 0)
		if w.At > w.From {
			tries = 1
		}
		if err == nil || tries == visitTries || !v.comesAgain(err) || v.ctx.Err() != nil {
			return err
		}
		tries++
		v.end(messages.CodeClosing)
		return errAgain
	}
	ft.work(v, 1, window, func(w *syncer.Window[Source], err error) { ft.finish(v, w, err, v.lost(err)) })
}

func (f *Fetcher) visitOf(ctx context.Context, p identity.Address, topic *store.Topic) *visit {
	id := visitKey{p, topic.ID}
	if f.visits[id] == nil {
		f.visits[id] = &visit{Visits: f.Visits, topic: topic, at: p, peer: p.Peer, refused: func(messages.Code) {}}
	}
	if !slices.Contains(f.asked, p) {
		f.asked = append(f.asked, p)
	}
	f.visits[id].ctx = ctx
	return f.visits[id]
}

// A taking is the sink of a repair.
type taking struct{ *syncer.Refetch }

func (taking) room(int) error { return nil }
func (taking) wait() error    { return nil }

func (t taking) pages(_ Source, v *syncer.VerifiedPages) error { return t.Pages(v) }
func (t taking) events(_ Source, v *syncer.Verified) error     { return t.Events(v) }

// Close ends all visits, and closes the carrier.
func (f *Fetcher) Close() error {
	for _, v := range f.visits {
		v.end(messages.CodeClosing)
	}
	return f.Carrier.Close()
}
