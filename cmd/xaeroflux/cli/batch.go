// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Bounds of one batch. Which events are together depends on these and on the
// events alone, so that an input that is read again makes the same batches; to
// change them is to change tagBatch.
const (
	batchEvents = 1000
	batchBytes  = 1 << 20
)

// tagBatch makes the id of a batch, of its token and the number of events before.
const tagBatch = "xaeroflux append batch v1"

// batcher collects events into batches and appends them.
type batcher struct {
	b       backend
	topic   string
	token   string // names the batches, so that they can be appended again; "" if they cannot
	pending []xaeroflux.Event
	before  uint64 // events in the batches before
	bytes   int
	total   xaeroflux.Receipt // of all batches
	last    xaeroflux.Receipt // of the newest batch
	time    string            // of what was compared last
	maybe   bool              // a batch failed that may be there nevertheless
	unknown int               // its events, if nobody could say
	given   bool              // the token is of the command line: it may have been used before
	other   bool              // the input is not that of the token
	many    func()            // called before the first batch if more may follow
	done    func(xaeroflux.Receipt) error
}

// add takes an event, and appends when a batch is full.
func (w *batcher) add(ctx context.Context, e xaeroflux.Event) error {
	size := len(e.Payload) + len(e.Key) + len(e.Type)
	if len(w.pending) > 0 && w.bytes+size > batchBytes {
		if err := w.flushFull(ctx); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, e)
	w.bytes += size
	if len(w.pending) >= batchEvents || w.bytes >= batchBytes {
		return w.flushFull(ctx)
	}
	return nil
}

func (w *batcher) flushFull(ctx context.Context) error {
	if w.many != nil && w.before == 0 {
		w.many()
	}
	return w.flush(ctx)
}

// flush appends what is pending. An interrupt does not tear a batch at once: it is
// waited for a little, so that the summary can say what became of it.
func (w *batcher) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	late, cancel := lingering(ctx, lastBatch)
	defer cancel()
	if w.token != "" {
		w.pending[0].ID = batchID(w.token, w.before)
	}
	r, err := w.b.Append(late, w.topic, w.pending)
	if err == nil && r.Repeated > 0 {
		err = w.compare(late, r)
	}
	if err != nil {
		return w.failed(ctx, err)
	}
	if w.last = r; w.before == 0 {
		w.total.Seq = r.Seq
	}
	w.total.Log, w.total.Size, w.total.Root = r.Log, r.Size, r.Root
	w.total.Count += r.Count
	w.total.Repeated += r.Repeated
	w.total.Time, w.total.Ahead = r.Time, r.Ahead
	w.before += uint64(len(w.pending))
	clear(w.pending) // the payloads may go
	w.pending, w.bytes = w.pending[:0], 0
	return w.done(r)
}

// failed notes what is known of a batch that failed.
func (w *batcher) failed(ctx context.Context, err error) error {
	w.maybe = mayBeThere(err)
	if unsaid(err) {
		w.unknown = len(w.pending)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// lastBatch is how long a batch may still take when the command was interrupted.
const lastBatch = 3 * time.Second

// lingering returns a context that is canceled some time after ctx is.
func lingering(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return late, func() { stop(); cancel() }
}

func batchID(token string, before uint64) xaeroflux.EventID {
	id := digest.Tagged(tagBatch, []byte(token), binary.BigEndian.AppendUint64(nil, before))
	return xaeroflux.EventID(id[:16])
}

// compare holds what was appended before under the id of a batch against what is
// pending: an input that has changed would be left out without a word.
func (w *batcher) compare(ctx context.Context, r xaeroflux.Receipt) error {
	i := 0
	q := nodeapi.Query{Topic: w.topic, Log: r.Log.String(), From: r.Seq, Limit: len(w.pending)}
	err := w.b.Events(ctx, q, func(rec *nodeapi.Record) error {
		if rec.Sealed != "" {
			return kinded(nodeapi.Sealed, "events were appended with this token, and cannot be compared with the input (sealed: %s)", rec.Sealed)
		}
		e := w.pending[i]
		if i++; rec.Type != e.Type || !bytes.Equal(rec.Key, e.Key) || !bytes.Equal(rec.Payload, e.Payload) {
			return errChanged
		}
		w.time = rec.Time
		return nil
	})
	if errors.Is(err, errChanged) || err == nil && i < len(w.pending) {
		return w.otherInput("events %d to %d of the input are not those that were appended with this token", w.before, w.before+uint64(len(w.pending))-1)
	}
	return err
}

// whole looks, if the last batch was there already, whether more was appended with
// the token than the input holds: the rest of that batch, which carries its time and
// no id, or the next one.
func (w *batcher) whole(ctx context.Context) error {
	if w.given && w.before == 0 {
		return w.unused(ctx)
	}
	if w.last.Repeated == 0 {
		return nil
	}
	q := nodeapi.Query{Topic: w.topic, Log: w.last.Log.String(), From: w.last.Seq + uint64(w.last.Repeated)}
	err := w.b.Events(ctx, q, func(rec *nodeapi.Record) error {
		next := rec.ID == batchID(w.token, w.before)
		if rest := rec.Seq == q.From && rec.ID.IsZero() && rec.Time == w.time; rest || next {
			return errChanged
		}
		return nil
	})
	if errors.Is(err, errChanged) {
		return w.otherInput("the input ends after %d events, and more than those were appended with this token", w.before)
	}
	return err
}

// unused looks for the first batch of the token, of which the input holds nothing.
func (w *batcher) unused(ctx context.Context) error {
	first := batchID(w.token, 0)
	err := w.b.Events(ctx, nodeapi.Query{Topic: w.topic, Log: "own"}, func(rec *nodeapi.Record) error {
		if rec.ID == first {
			return errChanged
		}
		return nil
	})
	if errors.Is(err, errChanged) {
		return w.otherInput("the input is empty, and events were appended with this token")
	}
	return err
}

var errChanged = errors.New("changed")

// otherInput says that the input is not the one that its token was used for.
func (w *batcher) otherInput(format string, args ...any) error {
	w.other = true
	return hint(usage(format, args...), "the same files and flags as the first time, or without --resume for what is to be appended anew")
}

// resumable reports whether something may have been appended, and the same input
// with the same token adds the rest.
func (w *batcher) resumable() bool {
	return w.token != "" && !w.other && (w.before > 0 || w.maybe)
}

// certain are the kinds of errors of a node with which nothing was appended. Of
// others it does not say.
var certain = []nodeapi.Kind{
	nodeapi.Usage, nodeapi.TooLarge, nodeapi.Unknown, nodeapi.NoStore, nodeapi.InUse, nodeapi.Quota, nodeapi.Frozen, nodeapi.Stale, nodeapi.Sealed, nodeapi.Forbidden, nodeapi.Removed,
}

// mayBeThere reports whether a batch may have been appended that failed with err.
func mayBeThere(err error) bool {
	var node *nodeapi.Error
	if errors.As(err, &node) && !unsaid(err) {
		return !slices.Contains(certain, node.Kind)
	}
	return unsaid(err)
}

// unsaid reports whether err is one of those with which nobody could say whether
// the batch is appended.
func unsaid(err error) bool {
	return errors.Is(err, xaeroflux.ErrUncertain) || errors.As(err, new(*nodeapi.UnansweredError))
}
