// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// A Class is what kind of failure an error is: its value decides what happens
// to the actor that failed.
type Class int

// Classes of failures.
const (
	Bug        Class = iota // a panic, or an error of no known kind
	IO                      // a disk: full, broken, read-only
	Network                 // a peer or the way to it
	Corruption              // bytes that are not what was written
	Canceled                // somebody is closing
)

var classNames = [...]string{"bug", "i/o", "network", "corruption", "canceled"}

// String returns the class's name.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class %d", int(c))
	}
	return classNames[c]
}

// A Directive is what is done with an actor that failed.
type Directive int

// Directives.
const (
	Restart Directive = iota // again, after a pause, as long as its budget lasts
	Stop                     // for good; nothing else is touched
	Degrade                  // stop its group and go on read-only
)

// Decide reads the reason of an actor's failure. It is the only place that
// does: corruption is not retried, a closing store starts nothing anew, and
// everything else is tried again within a budget.
func Decide(reason any) Directive {
	switch ClassOf(reason) {
	case Corruption:
		return Degrade
	case Canceled:
		return Stop
	}
	return Restart
}

// classified is an error whose class was said by whoever returned it.
type classified struct {
	error
	class Class
}

func (c *classified) Unwrap() error { return c.error }

// Classify says of what class an error is where the error itself does not.
func Classify(err error, c Class) error { return &classified{error: err, class: c} }

// ClassOf returns the class of a failure's reason: an error, or whatever an
// actor panicked with.
func ClassOf(reason any) Class {
	err, ok := reason.(error)
	if !ok {
		return Bug
	}
	var said *classified
	var marked interface{ Corrupt() bool }
	switch {
	case errors.As(err, &said):
		return said.class
	case errors.As(err, &marked) && marked.Corrupt():
		return Corruption
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return Canceled
	case isIO(err):
		return IO
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return Network
	}
	return Bug
}

func isIO(err error) bool {
	var path *fs.PathError
	if errors.As(err, &path) {
		return true
	}
	for _, e := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A Failure is what Fail panics with.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Fail turns an error into a failure of the actor that calls it: the one way
// from a core's error to its supervisor.
func Fail(err error) { panic(&Failure{Err: err}) }
