// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// A result is what became of the i-th way to dial a peer.
type result struct {
	i    int
	conn transport.Conn
	err  error
}

// Race dials a peer in n ways, the best first; the next when the ones before it
// have failed or had their head start. It returns the first connection, and which
// way it came.
func Race(ctx context.Context, headStart time.Duration, n int, dial func(ctx context.Context, i int) (transport.Conn, error)) (transport.Conn, int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, n)
	started, running := 0, 0
	start := func() {
		i := started
		started, running = started+1, running+1
		go func() {
			conn, err := dial(ctx, i)
			results <- result{i, conn, err}
		}()
	}
	start()
	head := time.NewTicker(headStart)
	defer head.Stop()
	errs := make([]error, n)
	for running > 0 {
		select {
		case r := <-results:
			running--
			if r.err == nil {
				cancel()
				won := settle(r, results, running)
				return won.conn, won.i, nil
			}
			errs[r.i] = r.err
			if running == 0 && started < n && ctx.Err() == nil {
				start()
			}
		case <-head.C:
			if started < n {
				start()
			}
		}
	}
	return nil, 0, raceError(errs)
}

// settle waits for the others, which were told to stop, and keeps the best of
// those that came through regardless.
func settle(won result, results <-chan result, running int) result {
	for range running {
		r := <-results
		switch {
		case r.err != nil:
			continue
		case r.i < won.i:
			r, won = won, r
		}
		r.conn.CloseWithError(0, "another way was faster")
	}
	return won
}

// raceError says what each carrier said, in one line. A peer that is another
// one than named is known on whichever carrier it was reached.
func raceError(errs []error) error {
	var said []error
	for _, err := range errs {
		switch {
		case errors.Is(err, transport.ErrWrongPeer):
			return err
		case err != nil:
			said = append(said, err)
		}
	}
	if len(said) == 1 {
		return said[0]
	}
	return &dialErrors{said}
}

type dialErrors struct{ errs []error }

func (e *dialErrors) Error() string {
	var texts []string
	for _, err := range e.errs {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; and ")
}

func (e *dialErrors) Unwrap() []error { return e.errs }
