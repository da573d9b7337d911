// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// A Failure is the reason of an actor's failure: what Fail panics with, and
// what any other panic of a supervised actor is turned into.
type Failure struct {
	Err   error
	Stack []byte // where the actor panicked; nil if Fail was called
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error that the actor failed with.
func (f *Failure) Unwrap() error { return f.Err }

// A PanicError is a panic with a value that is no error.
type PanicError struct{ Value any }

// Error implements error.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

var errNil = errors.New("Fail was called without an error")

// Fail turns an error into a failure of the actor that calls it: the one way
// from a core's error to the actor's supervisor. It does not return.
func Fail(err error) {
	if err == nil {
		err = errNil
	}
	panic(&Failure{Err: err})
}

// Guarded calls fn. If fn panics, that is its error: a *Failure with the stack.
func Guarded(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failureOf(r)
		}
	}()
	return fn()
}

// maxStack bounds the stack kept with a failure, in bytes.
const maxStack = 8 << 10

// failureOf returns what was recovered from a panic as a Failure. It must be
// called while the panicking stack is still there, in the deferred function.
func failureOf(recovered any) *Failure {
	err := sound(recovered)
	if f, ok := err.(*Failure); ok {
		return f
	}
	stack := debug.Stack()
	return &Failure{Err: err, Stack: stack[:min(len(stack), maxStack)]}
}

// sound returns the reason of a failure as an error whose methods can be
// called by the group's actor, where a panic would take all children with it.
// A nil pointer as an error, whose Error panics, is the usual one that cannot.
func sound(reason any) (err error) {
	defer func() {
		if recover() != nil {
			err = &PanicError{Value: fmt.Sprintf("%T that cannot be read", reason)}
		}
	}()
	err, ok := reason.(error)
	if !ok {
		return &PanicError{Value: reason}
	}
	_, _ = err.Error(), ClassOf(err)
	return err
}
