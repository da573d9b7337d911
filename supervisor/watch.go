// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// watched returns props for c that keep its entry in the registry true. It
// stands innermost, behind what middleware the props have.
func watched(props *actor.Props, c *child) *actor.Props {
	mailbox := func() actor.Mailbox {
		m := actor.Unbounded()()
		c.entry.mailbox.Store(&m) // is asked for its length only when somebody looks
		return m
	}
	return props.Clone(actor.WithMailbox(mailbox), actor.WithReceiverMiddleware(c.watch))
}

// watch is the middleware. The messages that end a life must not panic:
// protoactor would take the failure to the supervisor, whose answer, a restart
// or a stop, undoes the stop under way or waits for it for ever.
func (c *child) watch(next actor.ReceiverFunc) actor.ReceiverFunc {
	e := c.entry
	return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
		switch env.Message.(type) {
		case *actor.Started:
			e.phase(Starting)
			raised(next, ctx, env)
			e.phase(Running)
		case *actor.Restarting:
			e.restarts.Add(1)
			c.contained(next, ctx, env)
		case *actor.Stopping:
			c.ending.Store(true)
			c.contained(next, ctx, env)
		case *actor.Stopped:
			c.contained(next, ctx, env)
			e.stopped()
		case actor.SystemMessage, actor.AutoReceiveMessage:
			raised(next, ctx, env)
		default:
			e.handled.Add(1)
			raised(next, ctx, env)
		}
	}
}

// raised lets a panic through as a *Failure, with the stack it came from.
func raised(next actor.ReceiverFunc, ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
	defer func() {
		if r := recover(); r != nil {
			panic(failureOf(r))
		}
	}()
	next(ctx, env)
}

// contained notes a panic and goes on.
func (c *child) contained(next actor.ReceiverFunc, ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
	defer func() {
		if r := recover(); r != nil {
			err := failureOf(r)
			c.entry.failed(err, time.Now())
			ctx.Logger().Warn("actor panicked while it ended", slog.String("actor", c.entry.name),
				slog.String("error", err.Error()), slog.String("stack", string(err.Stack)))
		}
	}()
	next(ctx, env)
}
