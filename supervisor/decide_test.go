// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
)

type corruptError struct{ corrupt bool }

func (corruptError) Error() string   { return "bad bytes" }
func (e corruptError) Corrupt() bool { return e.corrupt }

type latchedError struct{}

func (latchedError) Error() string { return "latched" }
func (latchedError) Class() Class  { return Latched }

func runtimeError() (err error) {
	defer func() { err = recover().(runtime.Error) }()
	var list []int
	return errors.New(string(rune(list[len(list)])))
}

func TestDecide(t *testing.T) {
	plain := errors.New("plain")
	_, missing := os.Open("/none/such")
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	files := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
	for name, c := range map[string]struct {
		reason any
		class  Class
		then   Directive
	}{
		"nil":                      {nil, Bug, Restart},
		"string":                   {"boom", Bug, Restart},
		"int":                      {7, Bug, Restart},
		"plain error":              {plain, Bug, Restart},
		"runtime error":            {runtimeError(), Bug, Restart},
		"end of file":              {io.ErrUnexpectedEOF, Bug, Restart},
		"failure":                  {&Failure{Err: plain}, Bug, Restart},
		"path error":               {missing, IO, Restart},
		"link error":               {&os.LinkError{Op: "rename", Err: plain}, IO, Restart},
		"disk full":                {fmt.Errorf("write: %w", syscall.ENOSPC), IO, Restart},
		"i/o error":                {&Failure{Err: syscall.EIO}, IO, Restart},
		"no descriptors":           {&fs.PathError{Op: "open", Err: syscall.EMFILE}, Exhausted, Restart},
		"no memory":                {&Failure{Err: fmt.Errorf("mmap: %w", syscall.ENOMEM)}, Exhausted, Restart},
		"path timeout":             {&fs.PathError{Op: "read", Err: os.ErrDeadlineExceeded}, IO, Restart},
		"bare errno":               {syscall.EINVAL, Bug, Restart},
		"refused":                  {refused, Network, Restart},
		"no descriptors to accept": {files, Network, Restart},
		"name unknown":             {&net.DNSError{Err: "no such host"}, Network, Restart},
		"timeout":                  {context.DeadlineExceeded, Network, Restart},
		"canceled":                 {fmt.Errorf("read: %w", context.Canceled), Canceled, Stop},
		"closed":                   {&net.OpError{Op: "accept", Err: net.ErrClosed}, Canceled, Stop},
		"corrupt":                  {fmt.Errorf("page 3: %w", corruptError{true}), Corruption, Degrade},
		"corrupt failure":          {&Failure{Err: corruptError{true}}, Corruption, Degrade},
		"not corrupt":              {corruptError{false}, Bug, Restart},
		"latched":                  {fmt.Errorf("append: %w", latchedError{}), Latched, Degrade},
		"classified":               {fmt.Errorf("x: %w", Classify(plain, Network)), Network, Restart},
		"classified over another":  {Classify(syscall.EIO, Corruption), Corruption, Degrade},
		"classified as a bug":      {Classify(corruptError{true}, Bug), Bug, Restart},
	} {
		if got := ClassOf(c.reason); got != c.class {
			t.Errorf("%s: class %v, want %v", name, got, c.class)
		}
		if got := Decide(c.reason); got != c.then {
			t.Errorf("%s: %v, want %v", name, got, c.then)
		}
	}
}

func TestClassifyKeepsTheError(t *testing.T) {
	if err := Classify(io.EOF, IO); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Error(err)
	}
	if err := Classify(nil, IO); err != nil {
		t.Errorf("of nil: %v", err)
	}
}

func recovered(f func()) (f2 *Failure) {
	defer func() { f2 = failureOf(recover()) }()
	f()
	return nil
}

func TestFailures(t *testing.T) {
	if f := recovered(func() { Fail(io.EOF) }); !errors.Is(f, io.EOF) || f.Stack != nil || f.Error() != "EOF" {
		t.Errorf("Fail: %+v", f)
	}
	if f := recovered(func() { Fail(nil) }); f.Err == nil || f.Error() == "" {
		t.Errorf("Fail(nil): %+v", f)
	}
	var value *PanicError
	if f := recovered(func() { panic(42) }); !errors.As(f, &value) || value.Value != 42 || len(f.Stack) == 0 || len(f.Stack) > maxStack {
		t.Errorf("panic(42): %+v", f)
	}
	if f := recovered(func() { panic(nil) }); f.Err == nil || f.Error() == "" {
		t.Errorf("panic(nil): %+v", f)
	}
	if f := recovered(func() { panic(io.EOF) }); !errors.Is(f, io.EOF) || len(f.Stack) == 0 {
		t.Errorf("panic of an error: %+v", f)
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"bug": Bug, "latched": Latched, "class 99": Class(99), "class -1": Class(-1),
		"restart": Restart, "restart group": RestartGroup, "directive 4": Directive(4),
		"starting": Starting, "failed": Failed, "halted": Halted, "phase 6": Phase(6),
	} {
		if got.String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
