// SPDX-License-Identifier: MPL-2.0

package care

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

func openSmall(t *testing.T, dir string) *xaeroflux.DB {
	t.Helper()
	db, err := xaeroflux.Open(dir, storetest.Small())
	storetest.Must(t, err)
	t.Cleanup(func() { storetest.Must(t, db.Close()) })
	return db
}

// texts reads the application's events of a store, without their filling.
func texts(t *testing.T, db *xaeroflux.DB) (all []string) {
	t.Helper()
	for rec, err := range db.Events(ctx, xaeroflux.Query{}) {
		storetest.Must(t, err)
		all = append(all, strings.TrimRight(string(rec.Payload), "x"))
	}
	slices.Sort(all)
	return all
}

// backupFiles lists the files of a backup with their contents.
func backupFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	storetest.Must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	return all
}

// A backup of an open store holds what was acknowledged, is brought up to date by
// new pages alone, and restores to a new device that has everything.
func TestBackupAndRestore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db, to := openSmall(t, dir), filepath.Join(t.TempDir(), "backup")
	storetest.Fill(t, db, 0, 500)
	_, err := db.Append(ctx, xaeroflux.Event{Type: "large", Payload: bytes.Repeat([]byte("L"), 50_000)})
	storetest.Must(t, err)
	storetest.Fill(t, db, 500, 300)
	storetest.AwaitPages(t, db, 60)
	first, err := db.Backup(ctx, to, nil)
	storetest.Must(t, err)
	pages := backupFiles(t, to)
	storetest.Fill(t, db, 800, 100)
	storetest.AwaitPages(t, db, 80)
	second, err := db.Backup(ctx, to, nil)
	storetest.Must(t, err)
	if second.Number != first.Number+1 || second.Kept == 0 || second.Events != 901 {
		t.Errorf("second backup: %+v", second)
	}
	for name, b := range backupFiles(t, to) {
		if was, there := pages[name]; there && strings.HasPrefix(name, "logs/") && was != b {
			t.Errorf("%s was written again", name)
		}
	}
	m, err := xaeroflux.VerifyBackup(ctx, to, nil)
	storetest.Must(t, err)
	if h, l := db.Head(), storetest.OwnLog(m); xaeroflux.Hash(l.Root) != h.Root || l.Size != h.Size || h.Size != 901 {
		t.Errorf("%d events with root %s, the backup says %d, %s", h.Size, h.Root.Short(), l.Size, l.Root.Short())
	}
	back := filepath.Join(t.TempDir(), "back")
	_, err = xaeroflux.Restore(ctx, to, back, nil)
	storetest.Must(t, err)
	again := openSmall(t, back)
	if move := again.Moved(); move == nil || move.From != db.PeerID() || move.To != again.PeerID() || !strings.Contains(move.Why, "restored from the backup") {
		t.Errorf("the restored store moved: %+v", move)
	}
	if got, want := texts(t, again), texts(t, db); !slices.Equal(got, want) {
		t.Errorf("%d events restored, want %d", len(got), len(want))
	}
	checkOpen(t, again)
}

func checkOpen(t *testing.T, db *xaeroflux.DB) {
	t.Helper()
	report, err := db.Check(ctx, nil)
	storetest.Must(t, err)
	if report.Found() > 0 {
		t.Errorf("found %+v", report.Findings)
	}
}

// The stream holds all that the directory holds.
func TestBackupStream(t *testing.T) {
	db, to := openSmall(t, filepath.Join(t.TempDir(), "s")), t.TempDir()
	storetest.Fill(t, db, 0, 400)
	storetest.AwaitPages(t, db, 4)
	var b bytes.Buffer
	_, err := db.BackupTo(ctx, &b, nil)
	storetest.Must(t, err)
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		storetest.Must(t, err)
		body, err := io.ReadAll(r)
		storetest.Must(t, err)
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		storetest.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		storetest.Must(t, os.WriteFile(path, body, h.FileInfo().Mode()))
	}
	m, err := xaeroflux.VerifyBackup(ctx, to, nil)
	storetest.Must(t, err)
	if m.Events != 400 {
		t.Errorf("the stream holds %d events", m.Events)
	}
}

// Whatever byte of a backup is changed, and whatever file is missing, is found
// out, and nothing is restored from it.
func TestBackupDamageIsFound(t *testing.T) {
	db, to := openSmall(t, filepath.Join(t.TempDir(), "s")), filepath.Join(t.TempDir(), "b")
	storetest.Fill(t, db, 0, 60)
	storetest.AwaitPages(t, db, 3)
	_, err := db.Backup(ctx, to, nil)
	storetest.Must(t, err)
	for name, body := range backupFiles(t, to) {
		if name == "LOCK" {
			continue
		}
		path := filepath.Join(to, name)
		for _, change := range []func() error{
			func() error { return os.WriteFile(path, []byte(flipped(body, len(body)/2)), 0o600) },
			func() error { return os.WriteFile(path, []byte(body[:len(body)-1]), 0o600) },
			func() error { return os.Remove(path) },
		} {
			storetest.Must(t, change())
			_, err := xaeroflux.VerifyBackup(ctx, to, nil)
			if !errors.Is(err, xaeroflux.ErrBackupDamaged) && !errors.Is(err, xaeroflux.ErrBackupManifest) && !errors.Is(err, xaeroflux.ErrNoBackup) {
				t.Errorf("%s changed: %v", name, err)
			}
			into := filepath.Join(t.TempDir(), "r")
			if _, err := xaeroflux.Restore(ctx, to, into, nil); err == nil {
				t.Errorf("restored although %s was changed", name)
			}
			if _, err := os.Stat(into); err == nil {
				t.Errorf("%s changed: a restore that failed left %s", name, into)
			}
			storetest.Must(t, os.WriteFile(path, []byte(body), 0o600))
		}
	}
	_, err = xaeroflux.VerifyBackup(ctx, to, nil)
	storetest.Must(t, err)
}

func flipped(s string, i int) string {
	b := []byte(s)
	b[i] ^= 1
	return string(b)
}

// Where a backup cannot go, and what is no store.
func TestBackupIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := openSmall(t, dir)
	storetest.Fill(t, db, 0, 10)
	full, to := t.TempDir(), filepath.Join(t.TempDir(), "b")
	storetest.Must(t, os.WriteFile(filepath.Join(full, "letter"), nil, 0o600))
	for _, bad := range []string{full, dir, filepath.Join(dir, "logs"), filepath.Dir(dir)} {
		if _, err := db.Backup(ctx, bad, nil); !errors.Is(err, xaeroflux.ErrBackupTarget) {
			t.Errorf("backup to %s: %v", bad, err)
		}
	}
	_, err := db.Backup(ctx, to, nil)
	storetest.Must(t, err)
	if _, err := db.Backup(ctx, to, &xaeroflux.BackupOptions{WithoutIdentity: true}); !errors.Is(err, xaeroflux.ErrBackupTarget) {
		t.Errorf("a backup without the identity over one with it: %v", err)
	}
	other := openSmall(t, filepath.Join(t.TempDir(), "o"))
	if _, err := other.Backup(ctx, to, nil); !errors.Is(err, xaeroflux.ErrBackupTarget) {
		t.Errorf("backup over that of another store: %v", err)
	}
	if _, err := xaeroflux.Open(to, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrIsBackup) {
		t.Errorf("a backup opened as a store: %v", err)
	}
	if _, err := xaeroflux.Check(ctx, to, nil); !errors.Is(err, xaeroflux.ErrIsBackup) {
		t.Errorf("a backup checked as a store: %v", err)
	}
	if _, err := xaeroflux.Restore(ctx, to, full, nil); !errors.Is(err, xaeroflux.ErrBackupTarget) {
		t.Errorf("restore over files: %v", err)
	}
	if _, err := xaeroflux.Restore(ctx, full, filepath.Join(t.TempDir(), "r"), nil); !errors.Is(err, xaeroflux.ErrNoBackup) {
		t.Errorf("restore of no backup: %v", err)
	}
}

// Backups that are made while others append are each whole, and each holds what
// was acknowledged before it began.
func TestBackupWhileAppending(t *testing.T) {
	db, to := openSmall(t, filepath.Join(t.TempDir(), "s")), filepath.Join(t.TempDir(), "b")
	var acked atomic.Uint64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r, err := db.Append(ctx, xaeroflux.Event{Type: "n", Payload: bytes.Repeat([]byte("y"), i%6000)})
				if err != nil {
					t.Error(err)
					return
				}
				acked.Store(r.Size)
			}
		}
	}()
	for n := 0; n < 6 || acked.Load() < 300; n++ {
		before := acked.Load()
		r, err := db.Backup(ctx, to, nil)
		storetest.Must(t, err)
		m, err := xaeroflux.VerifyBackup(ctx, to, nil)
		storetest.Must(t, err)
		if storetest.OwnLog(m).Size < before || m.Number != r.Number {
			t.Errorf("backup %d holds %d events, %d were acknowledged", m.Number, storetest.OwnLog(m).Size, before)
		}
	}
	close(stop)
	<-ended
}

// TestRestoredStoreWaitsForAPeer adopts a backup: it appends once it agreed with a
// peer, or if a person says that there is none.
func TestRestoredStoreWaitsForAPeer(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	db, err := xaeroflux.Open(filepath.Join(dir, "old"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend := func(db *xaeroflux.DB, text string) {
		t.Helper()
		if _, err := db.Append(ctx, xaeroflux.Event{Payload: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(db, "before")
	made, err := db.Backup(ctx, filepath.Join(dir, "backup"), nil)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(db, "after")
	peer := storetest.Open(t, filepath.Join(dir, "peer"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(db.Topics()[0])})
	addr, err := peer.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Sync(ctx, addr.String()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, alone := range []bool{false, true} {
		to := filepath.Join(dir, fmt.Sprint("alone-", alone))
		if _, err := xaeroflux.Restore(ctx, filepath.Join(dir, "backup"), to, &xaeroflux.RestoreOptions{Adopt: true}); err != nil {
			t.Fatal(err)
		}
		back := storetest.Open(t, to, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true, Alone: alone})
		_, err := back.Append(ctx, xaeroflux.Event{})
		var early *xaeroflux.RestoredError
		if alone {
			if err != nil || len(back.OwnLogs()) > 0 {
				t.Fatalf("alone: %v, %v", err, back.OwnLogs())
			}
			continue
		}
		if !errors.As(err, &early) || !errors.Is(err, xaeroflux.ErrRestored) || !early.Backup.Equal(made.Time) || xaeroflux.LogID(early.Log) != back.Topics()[0].Log().ID() {
			t.Fatalf("before it met a peer: %v", err)
		}
		if own := back.OwnLogs(); len(own) != 1 || own[0].State != xaeroflux.OwnUnmet {
			t.Fatalf("own logs %v", own)
		}
		if _, err := back.Sync(ctx, addr.String()); err != nil {
			t.Fatal(err)
		}
		if r, err := back.Topics()[0].Append(ctx, xaeroflux.Event{}); err != nil || r.Seq != 2 {
			t.Fatalf("after: %d, %v, want event 2", r.Seq, err)
		}
		if forks, err := peer.Forks(); err != nil || len(forks) > 0 {
			t.Fatalf("%d forks, %v", len(forks), err)
		}
	}
}
