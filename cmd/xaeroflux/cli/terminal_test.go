// SPDX-License-Identifier: MPL-2.0

//go:build linux

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a terminal: what is written to the one is
// read, as it is, from the other.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// TestTerminalIsNotCommanded appends what a terminal would obey, and prints it on
// one, and into a file.
func TestTerminalIsNotCommanded(t *testing.T) {
	const evil = "a\x1b[2Jb\rc\x9bd"
	dir := filepath.Join(t.TempDir(), "s")
	run := func(a *app, args ...string) int { return a.run(t.Context(), append(args, "--dir", dir)) }
	var out, errs bytes.Buffer
	for _, args := range [][]string{{"init"}, {"append", "--whole"}} {
		if run(&app{in: strings.NewReader(evil), out: &out, err: &errs}, args...) != exitOK {
			t.Fatal(errs.String())
		}
	}
	out.Reset()
	if run(&app{out: &out, err: &errs}, "get", "0"); out.String() != evil {
		t.Errorf("into a file: %q, want %q", &out, evil)
	}
	for _, args := range [][]string{{"get", "0"}, {"cat"}} {
		person, program := openTerminal(t)
		if run(&app{out: program, err: program}, args...) != exitOK {
			t.Error(args, "failed")
		}
		expectText(t, person, `a\x1b[2Jb\x0dc\x9bd`)
	}
	person, program := openTerminal(t)
	if code := run(&app{out: program, err: program}, "append", "missing\x1b[2J"); code != exitUsage {
		t.Error(code)
	}
	expectText(t, person, `missing\x1b[2J`)
}

// expectText reads from a terminal and expects a text in it and no escape.
func expectText(t *testing.T, person *os.File, want string) {
	t.Helper()
	b := make([]byte, 4096)
	n, err := person.Read(b)
	if err != nil || !strings.Contains(string(b[:n]), want) || bytes.ContainsAny(b[:n], "\x1b\x9b") {
		t.Errorf("%q, %v; want %q in it", b[:n], err, want)
	}
}
