// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"context"
	"fmt"
	"os"

	"github.com/xaeroflux/xaeroflux"
)

// judge opens every store and looks whether it is whole and holds what was
// acknowledged anywhere, once and in order. It returns how many lines that is.
func (l *lab) judge(ctx context.Context) (acked int) {
	for _, n := range l.nodes {
		acked += len(n.acked)
		report, err := xaeroflux.Check(ctx, n.dir, nil)
		if err != nil {
			l.r.Fail(-1, "check of %s: %v", n.ns, err)
		}
		for _, f := range report.Findings {
			l.r.Fail(-1, "check of %s: %s: %s", n.ns, f.Where, f.What)
		}
		if err := l.read(ctx, n); err != nil {
			l.r.Fail(-1, "%v", err)
		}
	}
	return acked
}

// read reads all of a store.
func (l *lab) read(ctx context.Context, n *node) error {
	db, err := xaeroflux.Open(n.dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	held := map[string][]int{}
	for rec, err := range db.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			return fmt.Errorf("%s: %w", n.ns, err)
		}
		var number int
		if _, err := fmt.Sscanf(string(rec.Payload), "line %d", &number); err != nil {
			return fmt.Errorf("%s: event %d is %q", n.ns, rec.Seq, rec.Payload)
		}
		log := rec.Log.String()
		if have := held[log]; uint64(len(have)) != rec.Seq || len(have) > 0 && number <= have[len(have)-1] {
			return fmt.Errorf("%s: event %d of log %.8s is line %d, after %d others", n.ns, rec.Seq, log, number, len(have))
		}
		held[log] = append(held[log], number)
	}
	for log, author := range l.logs {
		if err := hasAll(held[log], author.acked); err != nil {
			return fmt.Errorf("%s: log of %s: %w", n.ns, author.ns, err)
		}
	}
	return nil
}

// hasAll looks for numbers in a longer list of increasing ones.
func hasAll(held, acked []int) error {
	i := 0
	for _, number := range acked {
		for i < len(held) && held[i] < number {
			i++
		}
		if i == len(held) || held[i] != number {
			return fmt.Errorf("line %d was %s, among %d", number, notThere, len(held))
		}
	}
	return nil
}

// maxFiles bounds the files and sockets that a node at rest has open: some of
// its own, three of each log, and at most one socket for each peer. Sessions
// that each left one behind would come past it.
func (l *lab) maxFiles() int { return 24 + 4*len(l.nodes) }

// countFiles counts the files that nodes have open, and returns the most.
func (l *lab) countFiles() (most int) {
	for _, n := range l.nodes {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.cmd.Process.Pid))
		if err != nil {
			l.r.Fail(-1, "%s: %v", n.ns, err)
		}
		if len(open) > l.maxFiles() {
			l.r.Fail(-1, "%s has %d files open, want %d at most", n.ns, len(open), l.maxFiles())
		}
		most = max(most, len(open))
	}
	return most
}
