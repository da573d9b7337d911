// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// errUnanswered is the answer to a request with which the actor failed.
var errUnanswered = errors.New("the actor failed with the request")

// Request sends a message to the actor and returns what it responds with (actor.Context's
// Respond). An answer that is an error is returned as the error. It waits until ctx ends;
// the error comes at once if the actor fails with the message, or ends before it answered.
func (s *Spawned) Request(ctx context.Context, msg any) (a any, err error) {
	defer out(&err)
	if a, err = s.ask(ctx, msg); err == nil {
		err, _ = a.(error)
	}
	if err != nil {
		return nil, fmt.Errorf("request to %q: %w", s.feed.name, err)
	}
	return a, nil
}

func (s *Spawned) ask(ctx context.Context, msg any) (any, error) {
	system := s.db.system
	got := make(answer, 1)
	pid, _ := system.ProcessRegistry.Add(got, "request"+system.ProcessRegistry.NextId())
	defer system.ProcessRegistry.Remove(pid)
	system.Root.RequestWithCustomSender(s.child.PID(), msg, pid)
	select {
	case a := <-got:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
	}
	if len(got) > 0 {
		return <-got, nil // the last thing it did
	}
	return nil, cmp.Or(s.err, errGone)
}

// lose answers a request with which the actor failed. Messages of other actors are not
// requests of ours, and are theirs.
func (s *Spawned) lose(asker *actor.PID) {
	if asker == nil || asker.Address != s.db.system.Address() {
		return
	}
	if p, ok := s.db.system.ProcessRegistry.GetLocal(asker.Id); ok {
		if a, ok := p.(answer); ok {
			a.SendUserMessage(asker, errUnanswered)
		}
	}
}

// An answer is the sender of one request, and holds what was sent back to it.
type answer chan any

// SendUserMessage implements actor.Process. Answers after the first are dropped.
func (a answer) SendUserMessage(_ *actor.PID, msg any) {
	msg = actor.UnwrapEnvelopeMessage(msg)
	if _, dead := msg.(*actor.DeadLetterResponse); dead {
		return // Done tells it
	}
	select {
	case a <- msg:
	default:
	}
}

// SendSystemMessage implements actor.Process.
func (answer) SendSystemMessage(*actor.PID, any) {}

// Stop implements actor.Process.
func (answer) Stop(*actor.PID) {}
