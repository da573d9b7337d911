// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
)

// ErrGone is the failure of an actor that ended its goroutine.
var ErrGone = errors.New("it ended its goroutine (runtime.Goexit, or t.FailNow of a test)")

// foreign is the middleware of actors that a program wrote. It stands behind watch,
// and runs each message on a goroutine of its own: whoever ends that of the mailbox
// would never be sent anything again, and nobody could stop it. To do so is a failure.
func foreign(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
		if raised := apart(func() { next(ctx, env) }); raised != nil {
			panic(raised)
		}
	}
}

// apart runs fn on another goroutine, and returns what it panicked with, or ErrGone.
func apart(fn func()) (raised any) {
	done := make(chan struct{})
	raised = ErrGone
	go func() {
		returned := false
		defer close(done)
		defer func() {
			if returned {
				raised = nil
			} else if r := recover(); r != nil {
				raised = failureOf(r)
			}
		}()
		fn()
		returned = true
	}()
	<-done
	return raised
}
