// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"log/slog"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// refuses returns why a log of ours takes nothing more, or nil; in.mu is held.
func (in *ingress) refuses(log digest.Hash) error {
	if in.closed != nil {
		return in.closed
	}
	r := in.refused[log]
	if r.back != nil {
		return &backError{r.err, r.back}
	}
	return r.err
}

// A backError refuses an append to a log whose events are back, until their ids
// are kept: the append is to be tried again then.
type backError struct {
	error
	kept chan struct{}
}

// Unwrap returns why the log was refused.
func (e *backError) Unwrap() error { return e.error }

// A refusal says why a log of ours takes no appends, and from which size on it
// does again.
type refusal struct {
	err   error
	from  uint64 // size from which on its events come back
	until uint64
	back  chan struct{} // all are here: closed once their ids are kept; else nil
}

// back reports whether a log has just got all of its events back, and which.
func (in *ingress) back(log digest.Hash, size uint64) (from, to uint64, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	r, ok := in.refused[log]
	if !ok || r.back != nil || size < r.until {
		return 0, 0, false
	}
	r.back = make(chan struct{})
	in.refused[log] = r
	return r.from, size, true
}

// OwnAhead refuses appends to a log of ours until it holds what it signed, and
// makes it durable that it did before any of that comes back.
func (p *Pipeline) OwnAhead(ctx context.Context, o syncer.OwnAhead) error {
	p.stale(o.Log, o.Ours, o.Size)
	signed := &store.SignedMore{Log: o.Log, Size: o.Size}
	if news, err := signed.News(p.st); err != nil || !news {
		return err
	}
	return p.Do(ctx, signed)
}

// refuseBehind refuses appends to logs of which events were coming back when the
// store was stopped. Ids of any of their events may not be kept yet.
func (p *Pipeline) refuseBehind() {
	logs, err := p.st.Behind()
	if err != nil {
		p.log.Warn("a log of this store could not be read", slog.Any("error", err))
	}
	for _, l := range logs {
		if l.Row().Frozen {
			p.froze(l.ID)
			continue
		}
		p.stale(l.ID, 0, l.Row().HighWater)
	}
}

// Behind returns how many events of a log of ours were signed, if that is more
// than are here.
func (p *Pipeline) Behind(log digest.Hash) (known uint64, behind bool) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	r := p.in.refused[log]
	return r.until, errors.Is(r.err, ErrStale) && r.back == nil
}

// takeAgain takes appends to a log again that had all of its events back at a
// size.
func (in *ingress) takeAgain(log digest.Hash, size uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if r, ok := in.refused[log]; ok && size >= r.until {
		delete(in.refused, log)
		if r.back != nil {
			close(r.back)
		}
		if c := in.clocks[log]; c != nil { // what came back may be later
			c.last = max(c.last, in.times.Last(log))
		}
	}
}
