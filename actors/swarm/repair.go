// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/actors/streams"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Fetcher visits peers for pages while no store is open. It belongs to one
// goroutine.
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

// NewFetcher returns a Fetcher that asks these peers, in this order.
func NewFetcher(v Visits, peers []identity.Address) *Fetcher {
	return &Fetcher{Visits: v, peers: peers, visits: map[visitKey]*visit{}, failed: map[identity.Address]error{}}
}

// Asked returns the peers that were dialed so far.
func (f *Fetcher) Asked() []identity.Address { return f.asked }

// Fetch sends the request of ask to one peer after another until what ask
// returned with it is content with an answer. The error joins what was wrong
// with each.
func (f *Fetcher) Fetch(ctx context.Context, topic *store.Topic, ask func() (*messages.PageRequest, func(*syncer.Answer) error)) error {
	if len(f.peers) == 0 {
		return ErrNoPeer
	}
	var errs []error
	for _, p := range f.peers {
		err := f.ask(ctx, p, topic, ask)
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, fmt.Errorf("from %s: %w", p, err))
	}
	return errors.Join(errs...)
}

// ask asks one peer, in the visit that goes on or a new one.
func (f *Fetcher) ask(ctx context.Context, p identity.Address, topic *store.Topic, ask func() (*messages.PageRequest, func(*syncer.Answer) error)) error {
	if err := f.failed[p]; err != nil {
		return err
	}
	v := f.visitOf(p, topic)
	var err error
	for range visitTries {
		req, take := ask()
		if err = streams.Ask(ctx, v, f.Still, req, take); err == nil || v.conn != nil && !v.comesAgain(err) || ctx.Err() != nil {
			return err
		}
		if v.conn == nil { // it could not be reached
			break
		}
		v.end(messages.CodeClosing)
	}
	if !errors.As(err, new(*syncer.PeerError)) {
		f.failed[p] = err
	}
	return err
}

func (f *Fetcher) visitOf(p identity.Address, topic *store.Topic) *visit {
	id := visitKey{p, topic.ID}
	if f.visits[id] == nil {
		f.visits[id] = &visit{Visits: f.Visits, topic: topic, at: p, peer: p.Peer}
	}
	if !slices.Contains(f.asked, p) {
		f.asked = append(f.asked, p)
	}
	return f.visits[id]
}

// Close ends all visits, and closes the carrier.
func (f *Fetcher) Close() error {
	for _, v := range f.visits {
		v.end(messages.CodeClosing)
	}
	return f.Carrier.Close()
}
