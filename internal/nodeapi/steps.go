// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"time"
)

// A step is what a call streams that takes long: progress, and at last the report.
type step[T any] struct {
	Done   int64 `json:"done,omitempty"`
	Total  int64 `json:"total,omitempty"`
	Report *T    `json:"report,omitempty"`
}

// inSteps makes a call of a method that says how far it is.
func inSteps[T any](f func(ctx context.Context, r *request, progress func(done, total int64)) (T, error)) func(context.Context, *request, func(any) error) error {
	return func(ctx context.Context, r *request, send func(any) error) error {
		report, err := f(ctx, r, nowAndThen(func(done, total int64) { send(step[T]{Done: done, Total: total}) }))
		if err != nil {
			return err
		}
		return send(step[T]{Report: &report})
	}
}

// nowAndThen passes on a call when enough time went by since the last.
func nowAndThen(f func(done, total int64)) func(done, total int64) {
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) > 200*time.Millisecond {
			last = now
			f(done, total)
		}
	}
}

// steps makes such a call; progress may be nil.
func steps[T any](ctx context.Context, c *Client, name string, r request, progress func(done, total int64)) (report T, err error) {
	ended := false
	err = stream(ctx, c, name, r, func(s *step[T]) error {
		if s.Report != nil {
			report, ended = *s.Report, true
		} else if progress != nil {
			progress(s.Done, s.Total)
		}
		return nil
	})
	if err == nil && !ended {
		err = errCutOff
	}
	return report, err
}
