// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A call may take as long as it takes; what has a bound is the silence of the node.
// While a call waits, the client asks every now and then, on a connection of its
// own, whether the node is there. Any answer will do, one that it does not know the
// question too: so does a node of an older version.
const (
	askAfter  = 3 * time.Second // that the call has heard nothing
	askPeriod = 8 * time.Second // in which the node is to answer
)

// ErrSilent is what every *SilentError is.
var ErrSilent = errors.New("the node does not answer")

// A SilentError says which node does not answer: it is stopped or swapped out, or
// has no descriptor left to answer with.
type SilentError struct {
	Socket string
	PID    int           // 0 if LOCK does not tell
	State  string        // of that process, if the system tells
	For    time.Duration // how long it was silent
	Err    error         // how asking it ended
}

func (e *SilentError) Error() string {
	var who []string
	if e.PID > 0 {
		who = append(who, fmt.Sprintf("process %d", e.PID))
	}
	if e.State != "" {
		who = append(who, e.State)
	}
	text := "the node at " + e.Socket
	if len(who) > 0 {
		text += " (" + strings.Join(who, ", ") + ")"
	}
	return fmt.Sprintf("%s has not answered for %s", text, e.For.Round(time.Second))
}

// Is makes the error an ErrSilent.
func (e *SilentError) Is(target error) bool { return target == ErrSilent }

// Unwrap returns how asking the node ended.
func (e *SilentError) Unwrap() error { return e.Err }

// silent is the error of a node that has answered nothing since a time.
func (c *Client) silent(since time.Time, err error) *SilentError {
	pid := durable.Holder(c.dir)
	return &SilentError{Socket: c.path, PID: pid, State: durable.ProcessOf(pid).State, For: time.Since(since), Err: err}
}

// ask returns no error if the node answers.
func (c *Client) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.askPeriod)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/v1/alive", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// A watch guards one call: it ends the call's context if the node is silent while
// the call waits for it.
type watch struct {
	c      *Client
	cancel context.CancelCauseFunc
	began  time.Time
	since  atomic.Int64 // after began, in ns: from when on the call waits; 0 if it does not
	ended  chan struct{}
}

// watched returns the context of a call that is guarded until end is called.
func (c *Client) watched(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{c: c, cancel: cancel, began: time.Now(), ended: make(chan struct{})}
	w.since.Store(1)
	go w.run(ctx)
	return ctx, w
}

func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	tick := time.NewTicker(w.c.askAfter)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		since := w.since.Load()
		if since == 0 || time.Since(w.began)-time.Duration(since) < w.c.askAfter {
			continue
		}
		err := w.c.ask(ctx)
		if err == nil || gone(err) { // a node that stops ends its connections
			continue
		}
		if ctx.Err() == nil && w.since.Load() == since {
			w.cancel(w.c.silent(w.began.Add(time.Duration(since)), err))
		}
	}
}

// end ends the call's context, and the watch.
func (w *watch) end() {
	w.cancel(nil)
	<-w.ended
}

// A watchedReader reads what the node says: the call waits for it meanwhile.
type watchedReader struct {
	r io.Reader
	w *watch
}

// Read implements io.Reader.
func (r *watchedReader) Read(p []byte) (int, error) {
	r.w.since.Store(int64(time.Since(r.w.began)) | 1)
	n, err := r.r.Read(p)
	r.w.since.Store(0)
	return n, err
}
