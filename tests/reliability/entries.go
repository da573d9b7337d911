// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/edges"
	"github.com/xaeroflux/xaeroflux/tests/reliability/flips"
	"github.com/xaeroflux/xaeroflux/tests/reliability/frames"
	"github.com/xaeroflux/xaeroflux/tests/reliability/fuzz"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/ioerr"
	"github.com/xaeroflux/xaeroflux/tests/reliability/kill"
	"github.com/xaeroflux/xaeroflux/tests/reliability/netlab"
	"github.com/xaeroflux/xaeroflux/tests/reliability/played"
	"github.com/xaeroflux/xaeroflux/tests/reliability/powercut"
	"github.com/xaeroflux/xaeroflux/tests/reliability/simulated"
	"github.com/xaeroflux/xaeroflux/tests/reliability/soak"
	"github.com/xaeroflux/xaeroflux/tests/reliability/stages"
	"github.com/xaeroflux/xaeroflux/tests/reliability/torn"
)

// An entry is a harness and how much of it is run.
type entry struct {
	name string
	what string
	full int // positions at scale 1
	run  harness.Harness
}

var entries = []entry{
	{"kill", "kill -9 under load", 10_000, kill.Run},
	{"powercut", "ext4 and xfs shut down under a node", 1_000, powercut.Run},
	{"stages", "stages and sessions killed at message boundaries, two nodes under load", 100_000, stages.Run},
	{"torn", "power cut between and inside any two writes, images rebuilt", 100_000, torn.Run},
	{"flips", "a byte changed, in every kind of file", 20_000, flips.Run},
	{"ioerr", "EIO, ENOSPC and short writes at each call on a file", 2_000, ioerr.Run},
	{"syscalls", "system calls of LMDB that fail, under strace", 500, ioerr.Syscalls},
	{"ages", "files of a store older, missing, or of another store, then put back", 5_000, edges.Ages},
	{"names", "names of an open store moved, replaced, deleted under it", 1_500, edges.Names},
	{"openers", "six creators at once; second openers, with the lock file gone", 500, edges.Openers},
	{"limits", "few descriptors and small files, for a while, under a load", 500, edges.Limits},
	{"copies", "copies of a store, closed and running; both go on", 2_000, edges.Copies},
	{"frames", "hostile peers send frames, true and spoiled", 10_000_000, frames.Run},
	{"fuzz", "every fuzz target", 10_000_000, fuzz.Run},
	{"netlab", "nodes as processes in network namespaces, killed, cut off, with lost packets", 1800, netlab.Run},
	{"simulation", "3 to 64 peers in virtual time, over a network and disks that fail", 10_000, simulated.Run},
	{"families", "stores of a private topic that come, go, are copied, removed and taken over, with relays that withhold", 2_000, played.Run},
	{"soak", "a steady load for a long time; memory, goroutines and files must not grow", 8 * 3600, soak.Run},
}

// scaled is the number of positions to try.
func (e entry) scaled(o options) int {
	if n := o.counts[e.name]; n > 0 {
		return n
	}
	if o.count > 0 {
		return o.count
	}
	return max(1, int(float64(e.full)*o.scale))
}

// whatIs returns what a harness does.
func whatIs(name string) string {
	for _, e := range entries {
		if e.name == name {
			return e.what
		}
	}
	return ""
}

// table is the figures of a run.
func table(results []*harness.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, commit %s\n\n", time.Now().UTC().Format(time.DateOnly), commit())
	b.WriteString("| harness | what is done | positions | failures | seed | took | note |\n|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		count, note := fmt.Sprint(r.Count), r.Note
		if r.Skipped != "" {
			count, note = "skipped", r.Skipped
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s | %s |\n", r.Name, whatIs(r.Name), count, r.Failed, r.Seed, r.Took.Round(time.Second), note)
	}
	return b.String()
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

const (
	beginMark = "<!-- figures -->\n"
	endMark   = "<!-- end of figures -->\n"
)

// writeTable puts the table between the markers of a document.
func writeTable(path, table string) error {
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(doc, []byte(beginMark))
	_, after, ok2 := bytes.Cut(rest, []byte(endMark))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", path, beginMark, endMark)
	}
	out := string(before) + beginMark + table + endMark + string(after)
	return os.WriteFile(path, []byte(out), 0o644)
}
