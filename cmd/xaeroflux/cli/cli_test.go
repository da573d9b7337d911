// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/transport"
)

func TestExitCodesOfErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind nodeapi.Kind
		exit int
	}{
		{errors.New("anything"), nodeapi.Failure, 1},
		{fmt.Errorf("open: %w", xaeroflux.ErrNoStore), nodeapi.NoStore, 1},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, nodeapi.Denied, 1},
		{errors.Join(xaeroflux.ErrReadOnly, syscall.ENOSPC), nodeapi.NoSpace, 1},
		{xaeroflux.ErrReadOnly, nodeapi.ReadOnly, 1},
		{fmt.Errorf("%w: %w", xaeroflux.ErrReadOnly, durable.ErrOpenedReadOnly), nodeapi.ReadOnly, 1},
		{&findings.LookError{Where: "s", Err: &store.CorruptError{Err: syscall.EMFILE}}, nodeapi.Exhausted, 1},
		{&findings.LookError{Where: "s", Err: syscall.EIO}, nodeapi.Failing, 1},
		{&identity.SeedModeError{Path: "s/identity.key"}, nodeapi.Denied, 1},
		{fmt.Errorf("dial: %w", transport.ErrUnreachable), nodeapi.Network, 1},
		{&identity.InviteError{}, nodeapi.Usage, 2},
		{identity.ErrAddress, nodeapi.Usage, 2},
		{proof.ErrKey, nodeapi.Usage, 2},
		{fmt.Errorf("follow: %w", xaeroflux.ErrTooMany), nodeapi.Usage, 2},
		{fmt.Errorf("verify: %w", proof.ErrSignature), nodeapi.Proof, 3},
		{proof.ErrProof, nodeapi.Proof, 3},
		{&store.CorruptError{Where: "page 1"}, nodeapi.Corrupt, 3},
		{identity.ErrSeedFile, nodeapi.Corrupt, 3},
		{xaeroflux.ErrInUse, nodeapi.InUse, 4},
		{fmt.Errorf("append: %w", &nodeapi.Error{Kind: nodeapi.Corrupt}), nodeapi.Corrupt, 3}, // from a node
	} {
		if k := kindOf(c.err); k != c.kind || exitCode(k) != c.exit {
			t.Errorf("%v: kind %s, exit code %d, want %s, %d", c.err, k, exitCode(k), c.kind, c.exit)
		}
	}
}

func TestEveryKindHasANextStep(t *testing.T) {
	a := &app{dir: "a b", out: io.Discard, err: io.Discard}
	cmd := a.root()
	for _, k := range []nodeapi.Kind{
		nodeapi.Failure, nodeapi.Usage, nodeapi.Proof, nodeapi.Corrupt, nodeapi.InUse, nodeapi.NoStore, nodeapi.Exists,
		nodeapi.Format, nodeapi.Unknown, nodeapi.Range, nodeapi.ReadOnly, nodeapi.NoSpace, nodeapi.Quota, nodeapi.Denied, nodeapi.TooLarge,
		nodeapi.Network, nodeapi.Forbidden, nodeapi.Asked, nodeapi.Unmet, nodeapi.Sealed, nodeapi.Closed, nodeapi.Exhausted, nodeapi.Failing, nodeapi.Silent, nodeapi.Busy,
	} {
		next := a.next(cmd, k, errors.New("x"))
		if next == "" || strings.Contains(next, "a b") && !strings.Contains(next, "'a b'") {
			t.Errorf("%s: %q", k, next)
		}
	}
	if got := a.next(cmd, nodeapi.Failure, fmt.Errorf("w: %w", hint(errors.New("x"), "this %d", 1))); got != "this 1" {
		t.Errorf("the error's own hint: %q", got)
	}
}

// The operator's page says what the table says, and --help does too.
func TestExitCodesAreDocumented(t *testing.T) {
	for _, doc := range []string{"docs/operating.md"} {
		text, err := os.ReadFile("../../../" + doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range exitCodes {
			if row := fmt.Sprintf("| %d | %s |", c.code, c.means); !strings.Contains(string(text), row) {
				t.Errorf("%s has no row %q", doc, row)
			}
		}
	}
	if help := (&app{}).root().Long; !strings.Contains(help, exitText()) {
		t.Errorf("--help says %q", help)
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"plain/dir": "plain/dir", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := quoted(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", event.MaxPayload)
	for name, c := range map[string]struct {
		in   string
		want []string
		bad  uint64 // line that is too long
	}{
		"nothing":         {"", nil, 0},
		"one":             {"a\n", []string{"a"}, 0},
		"no newline":      {"a\nb", []string{"a", "b"}, 0},
		"empty lines":     {"\n\na\n\n", []string{"", "", "a", ""}, 0},
		"kept":            {" a\r\n\x00\xff\n", []string{" a\r", "\x00\xff"}, 0},
		"longest":         {long + "\nb\n", []string{long, "b"}, 0},
		"longest at end":  {"a\n" + long, []string{"a", long}, 0},
		"too long":        {"a\n" + long + "x\nb\n", []string{"a"}, 2},
		"too long at end": {long + "x", nil, 1},
	} {
		l := newLines("in", strings.NewReader(c.in))
		var got []string
		line, err := l.next()
		for ; err == nil; line, err = l.next() {
			got = append(got, string(line))
		}
		var bad *errLine
		if c.bad == 0 && err != io.EOF || c.bad != 0 && (!errors.As(err, &bad) || bad.line != c.bad) {
			t.Errorf("%s: ends with %v", name, err)
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("%s: %d lines %.80q, want %d", name, len(got), got, len(c.want))
		}
	}
}

func TestInterruptedReadEnds(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	l := newLines("-", interruptible(ctx, r))
	go w.Write([]byte("whole\nhalf"))
	if line, err := l.next(); err != nil || string(line) != "whole" {
		t.Fatalf("%q, %v", line, err)
	}
	cancel()
	if line, err := l.next(); !errors.Is(err, errInterrupted) {
		t.Errorf("after an interrupt: %q, %v", line, err)
	}
}

// A signal ends a command that waits for a line, or for somebody at the other end of a pipe.
func TestWaitingForInputEnds(t *testing.T) {
	dir := t.TempDir()
	if code, said := inTest(t, filepath.Join(dir, "s"), "init", "--open"); code != exitOK {
		t.Fatal(said)
	}
	for _, args := range [][]string{
		{"verify", "--vkey", "k", "-"}, {"join", "-"}, {"sync", "-"}, {"run", "--peer", "-"},
		{"init", "--passphrase", "--passphrase-file", "-", "--dir", filepath.Join(dir, "other")},
	} {
		in, out := io.Pipe()
		read := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-read; cancel() }()
		a := &app{in: &tellingReader{in, read, sync.Once{}}, out: io.Discard, err: io.Discard}
		if code := a.run(ctx, append([]string{"--dir", filepath.Join(dir, "s")}, args...)); code != exitSignal {
			t.Errorf("%q exits %d, want %d", args, code, exitSignal)
		}
		out.Close()
	}
}

// A tellingReader tells that somebody reads.
type tellingReader struct {
	io.Reader
	read chan struct{}
	once sync.Once
}

func (r *tellingReader) Read(p []byte) (int, error) {
	r.once.Do(func() { close(r.read) })
	return r.Reader.Read(p)
}

func TestLicenceIsTheProjects(t *testing.T) {
	want, err := os.ReadFile("../../../LICENSE")
	if err != nil || !bytes.Equal(want, licence) {
		t.Errorf("input/MPL-2.0.txt is not LICENSE (%v); copy it", err)
	}
}
