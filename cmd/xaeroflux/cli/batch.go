// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Bounds of one batch.
const (
	batchEvents = 1000
	batchBytes  = 1 << 20
)

// batcher collects events into batches and appends them.
type batcher struct {
	b       backend
	topic   string
	pending []nodeapi.Event
	bytes   int
	total   nodeapi.Receipt // of all batches
	done    func(nodeapi.Receipt) error
}

// add takes an event, and appends when a batch is full.
func (w *batcher) add(ctx context.Context, e nodeapi.Event) error {
	size := len(e.Payload) + len(e.Key) + len(e.Type)
	if len(w.pending) > 0 && w.bytes+size > batchBytes {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, e)
	w.bytes += size
	if len(w.pending) >= batchEvents || w.bytes >= batchBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush appends what is pending. An interrupt does not tear a batch: it is
// waited for, so that the summary tells the truth.
func (w *batcher) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	r, err := w.b.Append(context.WithoutCancel(ctx), w.topic, w.pending)
	if err != nil {
		return err
	}
	if w.total.Count == 0 {
		w.total.First = r.First
	}
	w.total.Log, w.total.Size, w.total.Root = r.Log, r.Size, r.Root
	w.total.Count += r.Count
	clear(w.pending) // the payloads may go
	w.pending, w.bytes = w.pending[:0], 0
	return w.done(r)
}
