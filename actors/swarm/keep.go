// SPDX-License-Identifier: MPL-2.0

package swarm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A keeper stores ranges, one at a time, and absorbs those that the prefix
// of their log has reached.
type keeper struct {
	storing sync.Mutex // held while what is held of some log changes by ranges

	mu      sync.Mutex               // guards all below
	reached map[digest.Hash]struct{} // logs to look at
	running bool
	stopped bool
}

func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
}

// keep stores what a peer brought of a log beyond what is held, and returns how
// many events that were. Events that follow the prefix go into the log at once.
func (sw *Swarm) keep(ctx context.Context, r *syncer.Range) (events uint64, err error) {
	sw.ranges.storing.Lock()
	defer sw.ranges.storing.Unlock()
	st := sw.Store
	parts := []*syncer.Range{r}
	l, err := st.Log(r.Info.Log)
	if err == nil {
		if parts, err = sw.news(ctx, l, r); err != nil {
			return 0, err
		}
	} else if !errors.Is(err, store.ErrUnknownLog) {
		return 0, err
	}
	for _, part := range parts {
		row := store.NewKeepRange(part)
		if err := sw.Pipeline.Room(r.Info.Log, row.Bytes()); err != nil {
			return events, err
		}
		if l == nil {
			if err := sw.Pipeline.Create(ctx, r.Info.Log, *pipeline.NewLogOf(r.Info)); err != nil {
				return events, err
			}
			if l, err = st.Log(r.Info.Log); err != nil {
				return events, err
			}
		}
		if err := sw.put(ctx, l, part, row); err != nil {
			return events, err
		}
		events += uint64(part.Count)
	}
	return events, nil
}

// news returns what a range brings that is not held.
func (sw *Swarm) news(ctx context.Context, l *store.Log, r *syncer.Range) ([]*syncer.Range, error) {
	if l.Row().Frozen {
		return nil, fmt.Errorf("%w (log %s)", store.ErrFrozen, l.ID.Short())
	}
	if err := sw.forked(ctx, l, r); err != nil {
		return nil, err
	}
	if size, closed := l.Closed(); closed != 0 && r.Count > 0 && r.End() > size {
		return nil, fmt.Errorf("%w (log %s, record %d: %s)", store.ErrClosed, l.ID.Short(), size, closed)
	}
	return sw.Store.Missing(l, r)
}

// put makes a part of a range durable.
func (sw *Swarm) put(ctx context.Context, l *store.Log, part *syncer.Range, row *store.KeepRange) error {
	if part.First <= l.State().Size {
		err := sw.into(ctx, l, part)
		if !errors.Is(err, store.ErrGap) {
			return err
		}
	}
	if err := sw.Pipeline.Do(ctx, row); err != nil {
		return err
	}
	sw.Reached(l)
	return nil
}
