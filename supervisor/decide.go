// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A Class is what kind of failure an error is: its value decides what happens
// to the actor that failed.
type Class int

// Classes of failures.
const (
	Bug        Class = iota // a panic, or an error of no known kind
	IO                      // a disk: full, broken, read-only
	Exhausted               // descriptors or memory: others will give some back
	Network                 // a peer or the way to it
	Corruption              // bytes that are not what was written
	Canceled                // somebody is closing
	Latched                 // refused because of an earlier failure: trying again cannot help
)

var classNames = [...]string{"bug", "i/o", "exhausted", "network", "corruption", "canceled", "latched"}

// String returns the class's name.
func (c Class) String() string { return nameOf(classNames[:], int(c), "class") }

// A Directive is what is done about an actor that failed.
type Directive int

// Directives.
const (
	Restart      Directive = iota // again, after a pause, as long as its budget lasts
	Stop                          // for good; nothing else is touched
	Degrade                       // stop its group for good and say so
	RestartGroup                  // its budget is spent: its group again, once; Decide never returns it
)

var directiveNames = [...]string{"restart", "stop", "degrade", "restart group"}

// String returns the directive's name.
func (d Directive) String() string { return nameOf(directiveNames[:], int(d), "directive") }

func nameOf(names []string, i int, kind string) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("%s %d", kind, i)
	}
	return names[i]
}

// Decide reads the reason of an actor's failure. It is the only place that
// does: corruption is not retried, a closing store starts nothing anew, and
// everything else is tried again within a budget. A resource that ran out
// comes back when others give it up, so that costs no budget (Costs): the actor
// takes up at its cursor, after a pause, as often as it takes.
func Decide(reason any) Directive {
	switch ClassOf(reason) {
	case Corruption, Latched:
		return Degrade
	case Canceled:
		return Stop
	}
	return Restart
}

// Costs reports whether a failure of a class counts against the budget.
func (c Class) Costs() bool { return c != Exhausted }

// classified is an error whose class was said by whoever returned it.
type classified struct {
	error
	class Class
}

func (c *classified) Unwrap() error { return c.error }

func (c *classified) Class() Class { return c.class }

// Classify says of what class an error is where the error itself does not. Of
// nil it makes nil.
func Classify(err error, c Class) error {
	if err == nil {
		return nil
	}
	return &classified{error: err, class: c}
}

// ClassOf returns the class of a failure's reason: an error, or whatever an
// actor panicked with. An error says its class by a method Class() Class, or
// by Corrupt() bool if its package does not know this one; the outermost
// error that says so wins. Others are recognised by what they are.
func ClassOf(reason any) Class {
	err, ok := reason.(error)
	if !ok {
		return Bug
	}
	var said interface{ Class() Class }
	var marked interface{ Corrupt() bool }
	switch {
	case errors.As(err, &said):
		return said.Class()
	case errors.As(err, &marked) && marked.Corrupt():
		return Corruption
	case errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return Canceled
	case isSocket(err):
		return Network
	case durable.TroubleOf(err) == durable.Exhausted:
		return Exhausted
	case isIO(err):
		return IO
	case isNetwork(err):
		return Network
	}
	return Bug
}

// isSocket knows the errors of package net, which carry errnos that a disk
// could have returned as well.
func isSocket(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns)
}

func isIO(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	return errors.As(err, &path) || errors.As(err, &link) || durable.TroubleOf(err) != durable.NoTrouble
}

// isNetwork knows timeouts and what calls itself a net.Error. A bare errno
// does so too, without meaning it.
func isNetwork(err error) bool {
	var network net.Error
	if !errors.As(err, &network) {
		return false
	}
	_, bare := network.(syscall.Errno)
	return !bare
}
