// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// backEvents is how many events are to be fetched back: so many that a kill finds
// their pages half there.
const backEvents = 30_000

// A store that is killed while it fetches events of its own back opens, takes no
// appends, and goes on fetching: the rows are behind the pages that are there.
func TestKillWhileOwnEventsComeBack(t *testing.T) {
	a, _, addr := storetest.Pair(t, storetest.Small())
	storetest.MustAppend(t, a, 10, "event %d, in the backup")
	dir := storetest.Copied(t, closed(t, a))
	if err := storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true}).Close(); err != nil {
		t.Fatal(err)
	}
	a = storetest.Open(t, a.Dir(), nil)
	for range backEvents / 1000 {
		storetest.MustAppend(t, a, 1000, "event %d, after the backup, long enough that there are many pages of these")
	}
	storetest.MustSync(t, a, addr)
	head := a.Head()
	closed(t, a)

	logs := filepath.Join(dir, "logs", head.Log.String())
	killSync(t, dir, addr, func() bool { return treeBytes(logs) > 1<<20 })
	old := storetest.Open(t, dir, nil)
	own := old.OwnLogs()
	if len(own) != 1 || own[0].State != xaeroflux.OwnBehind || own[0].Known != head.Size || own[0].Held >= head.Size {
		t.Fatalf("own logs after the kill: %+v, signed were %d", own, head.Size)
	}
	if _, err := old.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrStale) {
		t.Errorf("an append to it: %v", err)
	}
	storetest.MustSync(t, old, addr)
	if now := old.Head(); now != head {
		t.Errorf("head %+v, want %+v", now, head)
	}
	if r := storetest.MustAppend(t, old, 1, "event %d, of the copy"); r.Seq != head.Size {
		t.Errorf("appended at %d, want %d", r.Seq, head.Size)
	}
	storetest.CheckClean(t, closed(t, old))
}

func closed(t *testing.T, db *xaeroflux.DB) string {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return db.Dir()
}

// killSync kills a sync as soon as enough came.
func killSync(t *testing.T, dir, addr string, enough func() bool) {
	t.Helper()
	var errs strings.Builder
	cmd := exec.Command("xaeroflux", "sync", "--dir", dir, addr)
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(storetest.Patience); !enough() && time.Now().Before(deadline); {
		select {
		case err := <-ended:
			t.Fatalf("the sync ended by itself: %v\n%s", err, errs.String())
		case <-time.After(time.Millisecond):
		}
	}
	cmd.Process.Kill()
	if err := <-ended; err == nil {
		t.Fatal("the sync ended before it was killed")
	}
}

// treeBytes returns the length of all files below a directory.
func treeBytes(dir string) (n int64) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if info, statErr := os.Stat(path); err == nil && statErr == nil && !d.IsDir() {
			n += info.Size()
		}
		return nil // whatever is just being made is counted the next time
	})
	return n
}
