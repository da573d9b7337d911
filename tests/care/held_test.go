// SPDX-License-Identifier: MPL-2.0

package care

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// wantEvents opens a store and holds its number of events against what was
// acknowledged.
func wantEvents(t *testing.T, dir string, n uint64) {
	t.Helper()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := db.Head().Size; got != n {
		t.Errorf("%s holds %d events, %d were acknowledged", dir, got, n)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	storetest.CheckClean(t, dir)
}

// A store that was opened by a relative path, or through a link, is used where
// it was, whatever becomes of the process's directory and of the store's name.
func TestStoreIsNotItsName(t *testing.T) {
	for _, name := range []string{"st", "link"} {
		t.Run(name, func(t *testing.T) {
			base, other := t.TempDir(), t.TempDir()
			t.Chdir(base)
			if err := errors.Join(os.Mkdir("st", 0o700), os.Symlink("st", "link")); err != nil {
				t.Fatal(err)
			}
			storetest.NoLeaks(t)
			db, err := xaeroflux.Open(name, storetest.Small())
			if err != nil {
				t.Fatal(err)
			}
			storetest.MustAppend(t, db, 200, "before %d")
			t.Chdir(other)
			storetest.MustAppend(t, db, 200, "from elsewhere %d")
			moved := filepath.Join(base, "moved")
			if err := errors.Join(os.Rename(filepath.Join(base, "st"), moved), os.Remove(filepath.Join(base, "link"))); err != nil {
				t.Fatal(err)
			}
			storetest.MustAppend(t, db, 2000, "renamed %d, long enough to fill segments, of which each is a new file in the directory")
			impostor, err := xaeroflux.Open(filepath.Join(base, "st"), storetest.Small())
			if err != nil {
				t.Fatal(err)
			}
			storetest.MustAppend(t, impostor, 10, "in another store of that name %d")
			storetest.MustAppend(t, db, 2000, "beside it %d, long enough to fill segments, of which each is a new file in the directory")
			if err := errors.Join(impostor.Close(), db.Close()); err != nil {
				t.Fatal(err)
			}
			wantEvents(t, moved, 4400)
			wantEvents(t, filepath.Join(base, "st"), 10)
			if left, err := os.ReadDir(other); err != nil || len(left) > 0 {
				t.Errorf("left elsewhere: %v, %v", left, err)
			}
		})
	}
}

// One store has one user, under whatever names it is opened and without LOCK.
func TestTwoNamesOneStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "st")
	link := dir + "-link"
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	storetest.Open(t, dir, nil)
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, link, filepath.Join(link, "..", "st")} {
		if _, err := xaeroflux.Open(name, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrInUse) {
			t.Errorf("%s, in this process: %v", name, err)
		}
		out, err := exec.Command("xaeroflux", "head", "--dir", name).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "locked by") {
			t.Errorf("%s, in another process: %v\n%s", name, err, out)
		}
	}
}

// A file removed or replaced under an open store is noticed before the AOF
// drops an event: what was acknowledged since is there when the names are.
func TestNamesChangedUnderAStore(t *testing.T) {
	aside := func(dir, name string) error {
		return os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+".was"))
	}
	again := func(dir, name string) error { return os.Mkdir(filepath.Join(dir, name), 0o700) }
	for what, change := range map[string]func(dir string) (name string, err error){
		"logs gone":     func(dir string) (string, error) { return "logs", aside(dir, "logs") },
		"logs replaced": func(dir string) (string, error) { return "logs", errors.Join(aside(dir, "logs"), again(dir, "logs")) },
		"aof gone":      func(dir string) (string, error) { return "aof", aside(dir, "aof") },
		"aof replaced":  func(dir string) (string, error) { return "aof", errors.Join(aside(dir, "aof"), again(dir, "aof")) },
		"data.mdb gone": func(dir string) (string, error) { return "aof/data.mdb", aside(dir, "aof/data.mdb") },
		"FORMAT gone":   func(dir string) (string, error) { return "FORMAT", aside(dir, "FORMAT") },
		"a log gone": func(dir string) (string, error) {
			logs, err := os.ReadDir(filepath.Join(dir, "logs"))
			if err != nil || len(logs) != 1 {
				return "", fmt.Errorf("%d logs, %v", len(logs), err)
			}
			name := filepath.Join("logs", logs[0].Name())
			return name, aside(dir, name)
		},
	} {
		t.Run(what, func(t *testing.T) { changedUnder(t, change) })
	}
}

func changedUnder(t *testing.T, change func(dir string) (string, error)) {
	storetest.NoLeaks(t)
	dir := filepath.Join(t.TempDir(), "st")
	db, err := xaeroflux.Open(dir, storetest.Small())
	if err != nil {
		t.Fatal(err)
	}
	const format = "number %d, long enough to fill segments, of which each is a new file in the directory"
	storetest.MustAppend(t, db, 1000, format)
	name, err := change(dir)
	if err != nil {
		t.Fatal(err)
	}
	acked := uint64(1000)
	var refused *xaeroflux.LogError // if the change is one log's
	for deadline := time.Now().Add(time.Minute); db.ReadOnly() == nil && refused == nil && time.Now().Before(deadline); {
		events := make([]xaeroflux.Event, 100)
		for i := range events {
			events[i] = xaeroflux.Event{Type: "line", Payload: fmt.Appendf(nil, format, i)}
		}
		if _, err := db.AppendBatch(ctx, events); err == nil {
			acked += 100
		} else {
			errors.As(err, &refused)
		}
	}
	if err := db.ReadOnly(); refused == nil && !errors.Is(err, xaeroflux.ErrChanged) || refused != nil && !errors.Is(refused, xaeroflux.ErrChanged) {
		t.Fatalf("after %d events: %v, %v", acked, err, refused)
	}
	if ofLog := strings.HasPrefix(name, "logs"+string(filepath.Separator)); ofLog != (refused != nil) {
		t.Errorf("%s changed, and a log was refused is %v", name, refused != nil)
	}
	if err := db.Close(); err != nil && !errors.Is(err, xaeroflux.ErrChanged) {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := errors.Join(os.RemoveAll(file), os.Rename(file+".was", file)); err != nil {
		t.Fatal(err)
	}
	back, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Head().Size; got < acked {
		t.Errorf("%d events are left of %d", got, acked)
	}
	if err := back.Close(); err != nil {
		t.Error(err)
	}
	storetest.CheckClean(t, dir)
}
