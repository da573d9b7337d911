// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// readers are the calls that read a DB's files. No program's code runs within one,
// but for the progress functions and writers that Check and backups are given.
type readers struct {
	mu   sync.Mutex    // guards n and idle
	n    int           // under way
	idle chan struct{} // made by close; closed once none is under way

	closing context.Context // ends when the DB closes
	end     context.CancelFunc
}

func newReaders() *readers {
	r := &readers{}
	r.closing, r.end = context.WithCancel(context.Background())
	return r
}

func (r *readers) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle != nil {
		return false
	}
	r.n++
	return true
}

func (r *readers) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.idle != nil {
		close(r.idle)
	}
}

// close lets nobody in any more, and ends those whose context it can. The channel
// is closed once none is left.
func (r *readers) close() (idle <-chan struct{}) {
	defer r.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = make(chan struct{})
	if r.n == 0 {
		close(r.idle)
	}
	return r.idle
}

// reading begins a read of the files, which Close waits for.
func (db *DB) reading() (done func(), err error) {
	if !db.readers.enter() {
		return nil, ErrClosed
	}
	return db.readers.leave, nil
}

// readingLong is reading for what takes long: Close ends the context that it
// returns, and ended says so.
func (db *DB) readingLong(ctx context.Context) (_ context.Context, done func(), err error) {
	if !db.readers.enter() {
		return ctx, nil, ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(db.readers.closing, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil); db.readers.leave() }, nil
}

// ended returns ErrClosed for an error that is nothing but the end of a context of
// readingLong by Close.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
		return ErrClosed
	}
	return err
}

// errReading is why a store is not released yet.
var errReading = errors.New("a Check or a backup is still under way, and the store is released when its function returns")

// release gives the store back once nobody reads it. If somebody does when ctx ends,
// the last one gives it back.
func (db *DB) release(ctx context.Context, idle <-chan struct{}) error {
	select {
	case <-idle:
		return db.st.Close()
	default:
	}
	select {
	case <-idle:
		return db.st.Close()
	case <-ctx.Done():
	}
	go func() {
		<-idle
		if err := db.st.Close(); err != nil {
			db.log.Error("the store is not closed", slog.String("dir", db.st.Dir()), slog.Any("error", err))
		}
	}()
	return fmt.Errorf("%w: %w", context.Cause(ctx), errReading)
}
