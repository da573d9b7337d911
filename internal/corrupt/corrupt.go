// SPDX-License-Identifier: MPL-2.0

// Package corrupt is the one error for bytes that are not what was written.
//
// Rule: it knows where a byte can lie, and nothing of what the byte means.
package corrupt

import (
	"errors"
	"strconv"
)

// Err is what every *Error is.
var Err = errors.New("corrupt")

// An Error says what disagrees with what, and where.
type Error struct {
	File   string // that the damage lies in, if it lies in one
	Page   int64  // index in the log, or -1; it counts if File is set
	Offset int64  // in File, or -1; it counts if File is set
	Where  string // a row, a log, a tree: as near as it is known
	What   string // what disagrees
	Want   string // what it must be, if that is one thing
	Err    error  // the cause, if another room found it
}

// Error names the place, what is wrong there, and why.
func (e *Error) Error() string { return "corrupt: " + e.text() }

func (e *Error) text() string {
	s := e.place() + ": " + e.What
	if e.Want != "" {
		s += ", want " + e.Want
	}
	switch cause := e.Err.(type) {
	case nil:
	case *Error:
		s += ": " + cause.text()
	default:
		s += ": " + cause.Error()
	}
	return s
}

func (e *Error) place() string {
	s := e.File
	if e.File != "" && e.Page >= 0 {
		s += " page " + strconv.FormatInt(e.Page, 10)
	}
	if e.File != "" && e.Offset >= 0 {
		s += " offset " + strconv.FormatInt(e.Offset, 10)
	}
	if e.File != "" && e.Where != "" {
		s += ", "
	}
	return s + e.Where
}

// Is makes every Error an Err.
func (e *Error) Is(target error) bool { return target == Err }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Corrupt tells a supervisor that trying again does not help.
func (e *Error) Corrupt() bool { return true }

// InFile returns the first Error in err that names a file, or nil.
func InFile(err error) *Error {
	switch e := err.(type) {
	case *Error:
		if e.File != "" {
			return e
		}
		return InFile(e.Err)
	case interface{ Unwrap() error }:
		return InFile(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if found := InFile(one); found != nil {
				return found
			}
		}
	}
	return nil
}
