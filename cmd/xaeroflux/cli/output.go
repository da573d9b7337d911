// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// An output is standard output. It keeps its first error, so that a command
// whose results did not all get out fails even if nothing in it looked.
type output struct {
	w   io.Writer
	err error
}

func newOutput(w io.Writer) *output { return &output{w: forPeople(w)} }

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	if err != nil {
		o.err = hint(&outputError{err}, "send the output to where there is room; before you repeat a command that changes something, look whether that is done")
	}
	return n, o.err
}

// end writes what was held back, and returns the first error.
func (o *output) end() error {
	if v, ok := o.w.(*visible); ok {
		v.flush()
	}
	return o.err
}

// noOutput is the standard output of a process that was started without one.
type noOutput struct{}

// Write implements io.Writer.
func (noOutput) Write([]byte) (int, error) { return 0, fs.ErrClosed }

// noInput is the standard input of such a process: an end would say that it was read.
type noInput struct{}

// Read implements io.Reader.
func (noInput) Read([]byte) (int, error) {
	return 0, hint(&nodeapi.Error{Kind: nodeapi.Failure, Text: "standard input: " + fs.ErrClosed.Error()}, "the same with something on standard input, or files as arguments")
}

// An outputError is why not all results got out. Its kind is not that of the
// cause: a disk that is full there says nothing of the store's.
type outputError struct{ cause error }

func (e *outputError) Error() string { return fmt.Sprintf("standard output: %v", e.cause) }

func (e *outputError) Unwrap() error {
	return &nodeapi.Error{Kind: nodeapi.Failure, Text: e.cause.Error()}
}
