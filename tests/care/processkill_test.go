// SPDX-License-Identifier: MPL-2.0

package care

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A tally is what a child has counted, and how far it is: one file, which is replaced.
type tally struct {
	Events int
	Sum    uint64 // of the sequences
	After  xaeroflux.Frontier
}

func readTally(path string) (t tally, err error) {
	t.After = xaeroflux.Frontier{}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	return t, err
}

func (t *tally) count(records []xaeroflux.Record, path string) error {
	for _, r := range records {
		t.Events++
		t.Sum += r.Seq
	}
	t.After.Add(records...)
	text, err := json.Marshal(t)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

// countEvents is the child that is killed: it appends, counts what it is given, and says
// first and end of each batch. "own" has it keep the cursor with the count; else the store
// keeps it.
func countEvents(dir, mode string) error {
	db, err := xaeroflux.Open(filepath.Join(dir, "s"), storetest.Small())
	if err != nil {
		return err
	}
	appended := make(chan error, 1)
	go func() {
		for {
			if _, err := db.AppendBatch(ctx, make([]xaeroflux.Event, 7)); err != nil {
				appended <- err
				return
			}
		}
	}()
	path := filepath.Join(dir, "tally")
	count, err := readTally(path)
	if err != nil {
		return err
	}
	from := count.After.Clone()
	if mode != "own" {
		from = nil
	}
	err = db.Process(ctx, "count", from, func(_ context.Context, records []xaeroflux.Record) error {
		if err := count.count(records, path); err != nil {
			return err
		}
		fmt.Println(records[0].Seq, records[len(records)-1].Seq+1)
		return nil
	})
	return fmt.Errorf("it ended: %w, %w", err, <-appended)
}

// killCount runs a child until it has said so many batches and kills it; it returns them.
func killCount(t *testing.T, dir, mode string, batches int) (said [][2]uint64) {
	t.Helper()
	cmd := exec.Command("countevents", dir, mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	storetest.Must(t, err)
	storetest.Must(t, cmd.Start())
	watchdog := time.AfterFunc(storetest.Patience, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var b [2]uint64
		if n, _ := fmt.Sscan(lines.Text(), &b[0], &b[1]); n != 2 {
			break // the kill cut it off
		}
		if said = append(said, b); len(said) == batches {
			storetest.Must(t, cmd.Process.Kill()) // what it said before is read on
		}
	}
	cmd.Wait()
	if len(said) < batches {
		t.Fatalf("the child ended by itself after %d batches of %d", len(said), batches)
	}
	return said
}

const countLives = 15

// With a frontier of its own, stored with its work, a function counts each event once,
// however often it is killed with kill -9.
func TestProcessCountsOnceOverKills(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tally")
	for range countLives {
		killCount(t, dir, "own", 1+rand.IntN(20))
	}
	count, err := readTally(path)
	storetest.Must(t, err)
	db := storetest.Open(t, filepath.Join(dir, "s"), nil)
	size := db.Head().Size
	if left := int(size) - count.Events; left > 0 {
		ctx, cancel := context.WithCancel(ctx)
		db.Process(ctx, "count", count.After.Clone(), func(_ context.Context, records []xaeroflux.Record) error {
			if err := count.count(records, path); err != nil || count.Events >= int(size) {
				cancel()
			}
			return nil
		})
	}
	if count.Events != int(size) || count.Sum != size*(size-1)/2 {
		t.Errorf("%d events with sum %d were counted, want %d with %d", count.Events, count.Sum, size, size*(size-1)/2)
	}
	t.Logf("%d lives, %d events", countLives, size)
}

// With the cursor that the store keeps a kill repeats at most the batches that were not
// said to be done or whose cursor was not stored yet, and none is missing.
func TestProcessMissesNothingOverKills(t *testing.T) {
	dir := t.TempDir()
	end, repeated := uint64(0), 0
	for range countLives {
		said := killCount(t, dir, "stored", 1+rand.IntN(20))
		if first := said[0][0]; first > end {
			t.Fatalf("event %d came first, and %d came last: some are missing", first, end)
		} else if first < end {
			repeated++
		}
		for i := 1; i < len(said); i++ {
			if said[i][0] != said[i-1][1] {
				t.Fatalf("events %d to %d, then from %d on, in one life", said[i-1][0], said[i-1][1], said[i][0])
			}
		}
		last := said[len(said)-1]
		if end > last[1] {
			t.Fatalf("a life ended at event %d, the one before it at %d", last[1], end)
		}
		if len(said) > 1 && said[0][0] == 0 && end > said[0][1] {
			t.Fatalf("it began anew, with %d events done", end)
		}
		end = last[1]
	}
	storetest.CheckClean(t, filepath.Join(dir, "s"))
	t.Logf("%d lives, %d events, %d begin with a repeat", countLives, end, repeated)
}
