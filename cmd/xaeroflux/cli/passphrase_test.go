// SPDX-License-Identifier: MPL-2.0

//go:build linux

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/passwork"
)

func init() { passwork.Log2 = 4 }

// asked runs a command on a terminal, on which a person answers each prompt; nil ends the
// command by a signal there. It returns the exit code and all that the terminal showed.
func asked(t *testing.T, dir string, answers [][2]string, args ...string) (code int, shown string) {
	t.Helper()
	person, program := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- (&app{in: program, out: &out, err: program}).run(ctx, append(args, "--dir", dir))
	}()
	var all strings.Builder
	for _, a := range answers {
		for !strings.HasSuffix(all.String(), a[0]) {
			b := make([]byte, 4096)
			n, err := person.Read(b)
			if err != nil {
				t.Fatalf("%v after %q", err, all.String())
			}
			all.Write(b[:n])
		}
		if a[1] == "" {
			cancel()
		} else if _, err := person.WriteString(a[1] + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	code = <-ended
	if echo := settings(t, program).Lflag & unix.ECHO; echo == 0 {
		t.Error("the terminal shows nothing any more")
	}
	return code, all.String() + out.String()
}

func settings(t *testing.T, f *os.File) *unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// On a terminal a new passphrase is asked for twice, and one that there is once; it is
// never shown, and the terminal is as it was afterwards.
func TestPassphraseOnATerminal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	const once, twice, again = "passphrase of ", "new passphrase: ", "the same again: "
	old := once + dir + ": "
	for _, x := range []struct {
		what    string
		args    []string
		answers [][2]string
		code    int
		locked  bool
	}{
		{"created with one", []string{"init", "--passphrase"}, [][2]string{{twice, "hidden-1"}, {again, "hidden-1"}}, exitOK, true},
		{"opened", []string{"cat"}, [][2]string{{old, "hidden-1"}}, exitOK, true},
		{"another one", []string{"cat"}, [][2]string{{old, "hidden-0"}}, exitFailure, true},
		{"two that differ", []string{"passwd"}, [][2]string{{old, "hidden-1"}, {twice, "hidden-2"}, {again, "hidden-3"}}, exitUsage, true},
		{"ended by a signal", []string{"passwd"}, [][2]string{{old, ""}}, exitSignal, true},
		{"changed", []string{"passwd"}, [][2]string{{old, "hidden-1"}, {twice, "hidden-2"}, {again, "hidden-2"}}, exitOK, true},
		{"removed", []string{"passwd", "--remove"}, [][2]string{{old, "hidden-2"}}, exitOK, false},
		{"nothing to ask", []string{"cat"}, nil, exitOK, false},
	} {
		code, shown := asked(t, dir, x.answers, x.args...)
		if code != x.code || strings.Contains(shown, "hidden") || strings.Contains(shown, `\x`) {
			t.Errorf("%s: exit code %d, want %d; it showed %q", x.what, code, x.code, shown)
		}
		if locked, err := xaeroflux.HasPassphrase(dir); err != nil || locked != x.locked {
			t.Errorf("%s: has a passphrase: %v, %v", x.what, locked, err)
		}
	}
}
