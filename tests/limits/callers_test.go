// SPDX-License-Identifier: MPL-2.0

//go:build unix

package limits

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// backend answers status, and nothing else.
type backend struct{ nodeapi.Backend }

func (backend) Status(context.Context) (nodeapi.Status, error) { return nodeapi.Status{}, nil }

// A node without a descriptor for a caller tells each that it is busy, warns once,
// and serves them when it has descriptors again.
func TestCallersWithoutDescriptors(t *testing.T) {
	under(t, 64, func(t *testing.T) {
		dir := room(t)
		var warnings atomic.Int32
		kind := func(err error) *nodeapi.Error { return &nodeapi.Error{Kind: nodeapi.Failure, Text: err.Error()} }
		s, err := nodeapi.Serve(dir, backend{}, kind, func(text string) { warnings.Add(1); t.Log(text) })
		must(t, err)
		defer s.Close()
		c, err := nodeapi.Dial(dir)
		must(t, err)
		defer c.Close()
		_, err = c.Status(ctx)
		must(t, err)
		c.Close() // the connection that is kept
		await(t, "the connection has gone", func() bool { return s.Callers() == 0 })

		var taken []*os.File
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				break
			}
			taken = append(taken, f)
		}
		for round := range 5 {
			must(t, taken[0].Close()) // for the caller's end
			limited, cancel := context.WithTimeout(ctx, time.Minute)
			_, err = c.Status(limited)
			cancel()
			var e *nodeapi.Error
			if !errors.As(err, &e) || e.Kind != nodeapi.Busy {
				t.Fatalf("round %d: %v", round, err)
			}
			await(t, "the caller's end has gone", func() bool {
				taken[0], err = os.Open(os.DevNull)
				return err == nil
			})
		}
		if n := warnings.Load(); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
		for _, f := range taken {
			f.Close()
		}
		await(t, "it serves again", func() bool {
			_, err := c.Status(ctx)
			return err == nil
		})
	})
}
