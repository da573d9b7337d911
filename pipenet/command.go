// SPDX-License-Identifier: MPL-2.0

package pipenet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// A Command is a process whose standard input and output are a connection.
type Command struct {
	line string
	cmd  *exec.Cmd
	in   *os.File // its stdin
	out  *os.File // its stdout

	ended chan struct{}
	err   error // of its end; set before ended is closed
}

// killAfter is how long a command has to end after its pipes were closed.
const killAfter = 2 * time.Second

// Start starts a command by the system's shell. Its stderr goes to stderr, and
// it keeps the terminal, where it may ask for a password.
func Start(line string, stderr io.Writer) (*Command, error) {
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	c := &Command{line: line, cmd: exec.Command(shell[0], shell[1], line), ended: make(chan struct{})}
	c.cmd.Stderr, c.cmd.WaitDelay = stderr, killAfter
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), in.Close())
	}
	c.in, c.out, c.cmd.Stdin, c.cmd.Stdout = in, out, theirIn, theirOut
	err = c.cmd.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %q: %w", line, err), in.Close(), out.Close())
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Read reads what the command prints.
func (c *Command) Read(b []byte) (int, error) { return c.out.Read(b) }

// Write writes what the command reads.
func (c *Command) Write(b []byte) (int, error) { return c.in.Write(b) }

// Close closes both pipes, which ends the command, and kills it where that does
// not. It does not wait.
func (c *Command) Close() error {
	timer := time.AfterFunc(killAfter, func() { c.cmd.Process.Kill() })
	go func() {
		<-c.ended
		timer.Stop()
	}()
	err := errors.Join(c.in.Close(), c.out.Close())
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// Wait waits for the command's end after Close, and returns the error it ended
// with.
func (c *Command) Wait() error {
	<-c.ended
	if c.err != nil {
		return fmt.Errorf("%q ended: %w", c.line, c.err)
	}
	return nil
}

// LocalAddr implements net.Conn.
func (c *Command) LocalAddr() net.Addr { return place(c.line) }

// RemoteAddr implements net.Conn.
func (c *Command) RemoteAddr() net.Addr { return place(c.line) }

// SetDeadline implements net.Conn.
func (c *Command) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *Command) SetReadDeadline(t time.Time) error { return c.out.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *Command) SetWriteDeadline(t time.Time) error { return c.in.SetWriteDeadline(t) }

// A place is the address of a command: itself.
type place string

func (p place) Network() string { return "command" }

func (p place) String() string { return string(p) }
