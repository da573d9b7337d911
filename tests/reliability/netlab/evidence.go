// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// say tells what is done when, and keeps it, so that a failure can be understood.
func (l *lab) say(format string, args ...any) {
	line := fmt.Sprintf("%7.2f s  %s", time.Since(l.begin).Seconds(), fmt.Sprintf(format, args...))
	l.cfg.Logf("%s", line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) < maxTold {
		l.told = append(l.told, line)
	}
}

// maxTold bounds the time line: half an hour with 25 nodes has some 10,000 lines.
const maxTold = 100_000

// keep puts what is needed to understand a failure where it stays: the time
// line, what nodes said, and what was acknowledged at each.
func (l *lab) keep() (dir string, err error) {
	dir, err = os.MkdirTemp("", fmt.Sprintf("xf-netlab-seed-%d-", l.cfg.Seed))
	if err != nil {
		return "", err
	}
	files := map[string][]byte{"timeline.txt": []byte(strings.Join(l.told, "\n") + "\n")}
	for i, n := range l.nodes {
		said, readErr := os.ReadFile(n.log)
		err = errors.Join(err, readErr)
		files[fmt.Sprintf("node-%d.log", i)] = said
		files[fmt.Sprintf("node-%d.acked", i)] = []byte(strings.Trim(fmt.Sprintln(n.acked), "[]\n") + "\n")
	}
	for name, b := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	return dir, err
}

// keepIf keeps what is needed after an error or a failure, and says where.
func (l *lab) keepIf(err error) error {
	if l.cfg.Control || err == nil && l.r.Failed == 0 || l.r.Stopped != nil && l.r.Stopped() {
		return err
	}
	dir, keepErr := l.keep()
	l.r.Note = strings.TrimPrefix(l.r.Note+"; time line and logs are in "+dir, "; ")
	l.cfg.Logf("seed %d: the time line and what the nodes said are in %s", l.cfg.Seed, dir)
	if err != nil {
		err = fmt.Errorf("%w; seed %d, the time line and what the nodes said are in %s", err, l.cfg.Seed, dir)
	}
	return errors.Join(err, keepErr)
}
