// SPDX-License-Identifier: MPL-2.0

//go:build unix

package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// processesKey is where a transcript keeps its background processes.
type processesKey struct{}

// A process runs in the background of a transcript.
type process struct {
	cmd    *exec.Cmd
	errs   *strings.Builder // stderr; read after ended
	ended  chan struct{}
	result error // of Wait; read after ended
}

func processes(ts *testscript.TestScript) map[string]*process {
	return ts.Value(processesKey{}).(map[string]*process)
}

// launch starts a program with stdout to a file.
func launch(ts *testscript.TestScript, name, file string, args []string) {
	out, err := os.Create(ts.MkAbs(file))
	ts.Check(err)
	defer out.Close()
	p := &process{cmd: exec.Command(args[0], args[1:]...), errs: &strings.Builder{}, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = ts.MkAbs("."), out, p.errs
	for _, v := range []string{"PATH", "HOME", "TMPDIR", "XAEROFLUX_DIR", "GOCOVERDIR", "GORACE"} {
		p.cmd.Env = append(p.cmd.Env, v+"="+ts.Getenv(v))
	}
	if signal.Ignored(syscall.SIGHUP) { // as under nohup; what is started would ignore it, too
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ts.Check(p.cmd.Start())
	processes(ts)[name] = p
	go func() {
		p.result = p.cmd.Wait()
		close(p.ended)
	}()
	ts.Defer(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 3, "start NAME FILE PROGRAM ARG…")
	launch(ts, args[0], args[1], args[2:])
}

var listening = regexp.MustCompile(`(?m)^listening (\S+)$`)

func node(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "node NAME DIR ARG…")
	name, dir := args[0], args[1]
	launch(ts, name, name+".out", append([]string{"xaeroflux", "run", "--dir", dir}, args[2:]...))
	p := processes(ts)[name]
	for deadline := time.Now().Add(storetest.Patience); ; time.Sleep(5 * time.Millisecond) {
		if m := listening.FindStringSubmatch(ts.ReadFile(name + ".out")); m != nil {
			ts.Setenv(name, m[1])
			return
		}
		select {
		case <-p.ended:
			ts.Fatalf("node %s ended: %v\n%s", name, p.result, p.errs)
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("node %s does not listen after %s", name, storetest.Patience)
		}
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "interrupt NAME")
	stopWith(ts, args[0], os.Interrupt)
}

func hangUp(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "hangup NAME")
	stopWith(ts, args[0], syscall.SIGHUP)
}

// stopWith ends a process with a signal that it should take for a wish to stop.
func stopWith(ts *testscript.TestScript, name string, sig os.Signal) {
	p := end(ts, name, sig)
	if p.result != nil {
		ts.Fatalf("%s ended with %v\n%s", name, p.result, p.errs)
	}
}

var signals = map[string]os.Signal{"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "TERM": syscall.SIGTERM}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "signal NAME SIGNAL|- [CODE]")
	if len(args) == 2 {
		ts.Check(processes(ts)[args[0]].cmd.Process.Signal(signals[args[1]]))
		return
	}
	p := end(ts, args[0], signals[args[1]])
	if code := fmt.Sprint(p.cmd.ProcessState.ExitCode()); code != args[2] {
		ts.Fatalf("%s ended with exit code %s, want %s\n%s", args[0], code, args[2], p.errs)
	}
}

func killNow(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "killnow NAME")
	end(ts, args[0], os.Kill)
}

func waitEnd(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "waitend NAME")
	if p := end(ts, args[0], nil); p.result != nil {
		ts.Fatalf("%s ended with %v\n%s", args[0], p.result, p.errs)
	}
}

// end sends a signal, if it is not nil, and waits for the end.
func end(ts *testscript.TestScript, name string, sig os.Signal) *process {
	p := processes(ts)[name]
	if p == nil {
		ts.Fatalf("no process %q", name)
	}
	if sig != nil {
		ts.Check(p.cmd.Process.Signal(sig))
	}
	select {
	case <-p.ended:
	case <-time.After(storetest.Patience):
		p.cmd.Process.Signal(syscall.SIGQUIT) // it says what each goroutine does
		select {
		case <-p.ended:
			ts.Logf("%s", p.errs)
		case <-time.After(storetest.Patience):
		}
		ts.Fatalf("%s is still there after %s", name, storetest.Patience)
	}
	return p
}
