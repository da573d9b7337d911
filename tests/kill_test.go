// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// killLines is what is appended around the kill; killAcked how many of them
// are acknowledged before it.
const (
	killLines = 100_000
	killAcked = 20_000
)

func killLine(i int) string { return fmt.Sprintf("line %d of a text that is killed in the middle", i) }

// lineStream is lines from first to last, as a person pipes them in.
func lineStream(first, last int) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		for i := first; i < last; i++ {
			if _, err := fmt.Fprintln(b, killLine(i)); err != nil {
				return // nobody reads on
			}
		}
		b.Flush()
		w.Close()
	}()
	return r
}

// receipt is the part of an append's summary that is looked at here.
type receipt struct{ Count, Size uint64 }

// TestKillDuringAppend appends 100,000 lines, kills a second append of as many
// in its middle with kill -9, and finds the store clean and every acknowledged
// event in it.
func TestKillDuringAppend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	storetest.Command(t, nil, "init", "--open", "--dir", dir)
	var whole receipt
	out := storetest.Command(t, lineStream(0, killLines), "append", "--dir", dir, "--json")
	if err := json.Unmarshal(out, &whole); err != nil || whole.Size != killLines {
		t.Fatalf("append: %s, %v", out, err)
	}
	storetest.Command(t, nil, "check", "--dir", dir)

	acked := killAppend(t, dir)
	t.Logf("killed with %d of %d acknowledged", acked-killLines, killLines)
	if out := storetest.Command(t, nil, "check", "--dir", dir); !bytes.HasPrefix(out, []byte("clean: ")) {
		t.Errorf("check after kill -9: %s", out)
	}
	size := compareLines(t, dir)
	if size < acked {
		t.Errorf("%d events, acknowledged were %d", size, acked)
	}
	if size >= 2*killLines {
		t.Errorf("all %d events are there: nothing was killed", size)
	}
}

// killAppend kills an append once enough of it is acknowledged, and returns
// the last size that it acknowledged.
func killAppend(t *testing.T, dir string) uint64 {
	cmd := exec.Command("xaeroflux", "append", "--dir", dir, "--json", "--acks")
	in := lineStream(killLines, 2*killLines)
	defer in.Close()
	cmd.Stdin = in
	acks, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(storetest.Patience, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	var last receipt
	killed := false
	for dec := json.NewDecoder(acks); ; {
		var r receipt
		if dec.Decode(&r) != nil {
			break
		}
		if last = r; last.Size >= killLines+killAcked && !killed {
			cmd.Process.Kill() // what was printed before it is read on
			killed = true
		}
	}
	cmd.Wait()
	if !killed {
		t.Fatalf("the append ended by itself at %+v", last)
	}
	return last.Size
}

// compareLines holds every event there is against the line it must be, and
// returns their number.
func compareLines(t *testing.T, dir string) (n uint64) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(storetest.Command(t, nil, "cat", "--dir", dir)))
	for ; lines.Scan(); n++ {
		if lines.Text() != killLine(int(n)) {
			t.Fatalf("event %d is %q", n, lines.Text())
		}
	}
	return n
}
