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

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/backup"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A restore that is stopped at any write is known as such by all that look at the
// directory, and the next restore makes of it what the first would have made.
func TestRestoreStoppedAtAnyWrite(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprintf("without identity %t", without), func(t *testing.T) { stopRestore(t, without) })
	}
}

func stopRestore(t *testing.T, without bool) {
	db, from := openSmall(t, filepath.Join(t.TempDir(), "s")), filepath.Join(t.TempDir(), "b")
	storetest.Fill(t, db, 0, 60)
	storetest.AwaitPages(t, db, 3)
	_, err := db.Backup(ctx, from, &xaeroflux.BackupOptions{WithoutIdentity: without})
	storetest.Must(t, err)
	step := 1
	if without || testing.Short() {
		step = 5
	}
	for n, done := 0, false; !done; n += step {
		dir, at := filepath.Join(t.TempDir(), "r"), fmt.Sprintf("write %d", n)
		storetest.Must(t, os.Mkdir(dir, 0o700))
		_, err := backup.RestoreOn(ctx, crashBehind(n), from, dir, backup.RestoreOptions{Adopt: n%2 == 0})
		if done = err == nil; done && n < 20 {
			t.Fatalf("restored in %d writes", n)
		}
		if !done && !errors.Is(err, durable.ErrCrashed) {
			t.Fatalf("%s: %v", at, err)
		}
		if !store.Exists(dir) {
			begun := restoreIsKnown(t, at, from, dir, n%2 == 0)
			if m, err := xaeroflux.Restore(ctx, from, dir, nil); err != nil || begun && m.Events != 60 {
				t.Fatalf("%s: again: %v", at, err)
			}
		}
		storetest.CheckClean(t, dir)
		if _, err := os.Stat(filepath.Join(dir, "FORMAT.restore")); err == nil {
			t.Errorf("%s: FORMAT.restore is left", at)
		}
		again := openSmall(t, dir)
		if got := texts(t, again); len(got) != 60 {
			t.Errorf("%s: %d events are restored", at, len(got))
		}
		storetest.Must(t, again.Close())
	}
}

// crashBehind returns a file system that fails all behind its first writes, as that
// of a process that is killed.
func crashBehind(writes int) durable.FS {
	return durable.NewFaulty(durable.OS, func(op durable.Op, _ string) error {
		if !op.Mutates() {
			return nil
		}
		if writes--; writes < 0 {
			return durable.ErrCrashed
		}
		return nil
	})
}

// restoreIsKnown looks at what a restore left that was cut off, and reports whether
// it had begun.
func restoreIsKnown(t *testing.T, at, from, dir string, adopt bool) bool {
	t.Helper()
	mark, err := os.ReadFile(filepath.Join(dir, "FORMAT.restore"))
	begun := err == nil
	if strings.HasPrefix(string(mark), "xaeroflux") { // it only lacks its name
		from, adopt = "", false
	}
	for what, look := range map[string]func() error{
		"open": func() error {
			_, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true})
			return err
		},
		"create": func() error { _, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); return err },
		"check":  func() error { _, err := xaeroflux.Check(ctx, dir, nil); return err },
		"plan":   func() error { _, err := xaeroflux.PlanOf(dir, nil); return err },
		"repair": func() error { _, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{Offline: true}); return err },
	} {
		if !begun && what == "create" {
			continue
		}
		var unfinished *xaeroflux.UnfinishedError
		err := look()
		if !errors.Is(err, xaeroflux.ErrNoStore) || errors.As(err, &unfinished) != begun {
			t.Errorf("%s: %s: %v", at, what, err)
		}
		if begun && (unfinished == nil || unfinished.Backup != from || unfinished.Adopt != adopt) {
			t.Errorf("%s: %s: %+v", at, what, unfinished)
		}
	}
	return begun
}

// The command says how to go on, and that it was to be adopted.
func TestRestoreCutOffIsToldToPeople(t *testing.T) {
	db, from := openSmall(t, filepath.Join(t.TempDir(), "s")), filepath.Join(t.TempDir(), "b")
	storetest.Fill(t, db, 0, 20)
	_, err := db.Backup(ctx, from, nil)
	storetest.Must(t, err)
	dir := filepath.Join(t.TempDir(), "r")
	_, err = backup.RestoreOn(ctx, crashBehind(12), from, dir, backup.RestoreOptions{Adopt: true})
	if !errors.Is(err, durable.ErrCrashed) {
		t.Fatal(err)
	}
	for _, name := range []string{"check", "append", "status", "init", "repair"} {
		out, err := exec.Command("xaeroflux", name, "--dir", dir).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "try: xaeroflux restore --adopt "+from+" "+dir) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := exec.Command("xaeroflux", "restore", "--adopt", from, dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
