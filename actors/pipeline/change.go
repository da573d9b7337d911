// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A pendingChange waits for the commit that makes it durable.
type pendingChange struct {
	store.Change
	done chan error // holds one: what came of it
}

// Do makes a change durable with the next commit, and returns once it is known.
// If ctx ends first, the change may still be made.
func (p *Pipeline) Do(ctx context.Context, x store.Change) error {
	c := pendingChange{x, make(chan error, 1)}
	p.in.change(c)
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Soon makes a change with the next transaction, and tells nobody what came of it.
func (p *Pipeline) Soon(x store.Change) { p.in.change(pendingChange{x, make(chan error, 1)}) }

// Put makes a small value durable; see Do.
func (p *Pipeline) Put(ctx context.Context, bucket aof.Bucket, key, value []byte) error {
	return p.Do(ctx, &store.Put{Bucket: bucket, Key: key, Value: value})
}

// change queues a change for the next commit. It needs no credit, because its
// owner has one outstanding at a time.
func (in *ingress) change(c pendingChange) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed != nil {
		c.done <- in.closed
		return
	}
	in.changes = append(in.changes, c)
	in.tell()
}
