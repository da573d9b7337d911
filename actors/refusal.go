// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/digest"
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

// Behind returns how many events of a log of ours a peer holds, if that is more
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
