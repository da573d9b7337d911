// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// NewSystem returns an actor system that logs through log, which may be nil.
// protoactor's own default writes to standard error at every start.
func NewSystem(log *zap.Logger) *actor.ActorSystem {
	if log == nil {
		log = zap.NewNop()
	}
	logger := slog.New(zapslog.NewHandler(log.Named("actors").Core()))
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger }))
}
