// SPDX-License-Identifier: MPL-2.0

//go:build unix

package scripts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommands are the commands of the transcripts besides testscript's own.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":     exits,      // exits CODE PROGRAM ARG…: runs it and expects that exit code
	"node":      node,       // node NAME DIR ARG…: starts `xaeroflux run`; $NAME is its address
	"start":     start,      // start NAME FILE PROGRAM ARG…: in the background, stdout to FILE
	"waitend":   waitEnd,    // waitend NAME: until it ends by itself, with exit code 0
	"interrupt": interrupt,  // interrupt NAME: interrupts it and expects exit code 0
	"hangup":    hangUp,     // hangup NAME: as a terminal that is closed, and expects exit code 0
	"signal":    sendSignal, // signal NAME SIGNAL|- [CODE]: and, with CODE, expects its end with that exit code
	"killnow":   killNow,    // killnow NAME: kill -9
	"waitfor":   waitFor,    // waitfor DURATION FILE REGEXP: until FILE matches
	"codeof":    codeOf,     // codeof CODE AT FILE: the last code in a file, and where it is to be typed
	"field":     field,      // field VAR NAME: of the JSON object that stdout is
	"sameheads": sameHeads,  // sameheads DIR1 DIR2: same logs, sizes and roots
	"lines":     makeLines,  // lines FILE N: N lines of text
	"flip":      flip,       // flip FILE OFFSET: one bit
	"cutto":     cutTo,      // cutto FILE BYTES
	"glob":      glob,       // glob VAR PATTERN: the one file that fits
	"atleast":   atLeast,    // atleast DIR N: its one log has so many events
	"install":   install,    // install DIR: the xaeroflux command as a file of its own, DIR/xaeroflux
	"policy":    policy,     // policy FILE LOGKEY WITNESS...: all of them are the quorum
	"tmpfs":     tmpfs,      // tmpfs DIR SIZE: mounts it; see the condition [mount]
}

// fields of a command, checked for their number.
func want(ts *testscript.TestScript, neg bool, args []string, min int, use string) {
	if neg || len(args) < min {
		ts.Fatalf("usage: %s", use)
	}
}

func install(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "install DIR")
	self, err := os.Executable()
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	into := filepath.Join(ts.MkAbs(args[0]), "xaeroflux")
	if os.Link(self, into) != nil { // on another file system
		b, err := os.ReadFile(self)
		ts.Check(err)
		ts.Check(os.WriteFile(into, b, 0o700))
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "exits CODE PROGRAM ARG…")
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %sstderr: %s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
	if text := ts.ReadFile("stderr"); code != 0 && !strings.Contains(text, "  try: ") {
		ts.Fatalf("the error does not say what to try next: %s", text)
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "field VAR NAME")
	var v map[string]any
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	ts.Check(dec.Decode(&v))
	value, ok := v[args[1]]
	if !ok {
		ts.Fatalf("no field %q in %v", args[1], v)
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

var shownCode = regexp.MustCompile(`code (\d{3} \d{3})\n.*--code (\S+)\n`)

func codeOf(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 3, "codeof CODE AT FILE")
	all := shownCode.FindAllStringSubmatch(ts.ReadFile(args[2]), -1)
	if len(all) == 0 {
		ts.Fatalf("no code in %s", args[2])
	}
	last := all[len(all)-1]
	ts.Setenv(args[0], last[1])
	ts.Setenv(args[1], last[2])
}

// sameHeads compares what heads say of all logs, but for whose they are.
func sameHeads(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "sameheads DIR1 DIR2")
	var heads [2]string
	for i, dir := range args[:2] {
		ts.Check(ts.Exec("xaeroflux", "head", "--json", "--dir", dir))
		heads[i] = regexp.MustCompile(`"own":(true|false),`).ReplaceAllString(ts.ReadFile("stdout"), "")
	}
	if heads[0] != heads[1] || heads[0] == "" {
		ts.Fatalf("%s has\n%s\n%s has\n%s", args[0], heads[0], args[1], heads[1])
	}
}

func atLeast(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "atleast DIR N")
	ts.Check(ts.Exec("xaeroflux", "head", "--json", "--log", "own", "--dir", args[0]))
	var head struct{ Size uint64 }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &head))
	if n, err := strconv.ParseUint(args[1], 10, 64); err != nil || head.Size < n {
		ts.Fatalf("%s has %d events, acknowledged were %s", args[0], head.Size, args[1])
	}
}

func makeLines(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "lines FILE N")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d of %d, with some text in it that makes it longer\n", i, n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "flip FILE OFFSET")
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	if offset >= len(b) {
		ts.Fatalf("%s has %d bytes", args[0], len(b))
	}
	b[offset] ^= 4
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

func cutTo(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "cutto FILE BYTES")
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

func glob(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "glob VAR PATTERN")
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s: %d files: %v", args[1], len(found), found)
	}
	ts.Setenv(args[0], found[0])
}

func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 3, "waitfor DURATION FILE REGEXP")
	within, err := time.ParseDuration(args[0])
	ts.Check(err)
	re, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	for deadline := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(ts.MkAbs(args[1]))
		if err == nil && re.Match(b) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %q in %s within %s: %s", args[2], args[1], within, b)
		}
	}
}

func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "tmpfs DIR SIZE")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(mountTmpfs(dir, args[1]))
	ts.Defer(func() { exec.Command("umount", dir).Run() })
}

func mountTmpfs(dir, size string) error {
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "none", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount a tmpfs: %w: %s", err, out)
	}
	return nil
}

// canMount reports whether a tmpfs can be mounted here: on Linux, by root, in
// a container that allows it.
var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "mount")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if mountTmpfs(dir, "1m") != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

// policy writes a policy file of one log and witnesses who all have to cosign.
func policy(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 3, "policy FILE LOGKEY WITNESS...")
	text, names := "log "+args[1]+"\n", ""
	for i, key := range args[2:] {
		text += fmt.Sprintf("witness w%d %s\n", i, key)
		names += fmt.Sprint(" w", i)
	}
	text += "group all all" + names + "\nquorum all\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
