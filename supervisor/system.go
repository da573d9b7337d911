// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// NewSystem returns an actor system that logs through log, which may be nil.
// protoactor's own default writes to standard error at every start; what it
// says at level Info is of no use to people and becomes Debug here.
//
// ActorSystem.Shutdown stops no actor: close every Tree first. A dead letter
// leaves a goroutine of protoactor's behind for a millisecond, nothing else.
func NewSystem(log *slog.Logger) *actor.ActorSystem {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	logger := slog.New(quiet{log.Handler()}).With(slog.String("logger", "actors"))
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger }),
		// Counting dead letters takes a goroutine for this long after each.
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
}

// quiet turns Info into Debug.
type quiet struct{ slog.Handler }

func lowered(l slog.Level) slog.Level {
	if l == slog.LevelInfo {
		return slog.LevelDebug
	}
	return l
}

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return q.Handler.Enabled(ctx, lowered(l))
}

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
