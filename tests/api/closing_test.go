// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// sealed is a store with events in pages and behind them.
func sealed(t *testing.T) *xaeroflux.DB {
	t.Helper()
	storetest.NoLeaks(t)
	db, err := xaeroflux.Open(filepath.Join(t.TempDir(), "s"), storetest.Small())
	storetest.Must(t, err)
	t.Cleanup(func() { db.Close() })
	storetest.Fill(t, db, 0, 200)
	storetest.AwaitPages(t, db, 5)
	return db
}

// A loop that is left open holds nothing of the store: Close does not wait for it,
// and what it asks for next is ErrClosed.
func TestCloseBesideOpenLoops(t *testing.T) {
	for _, q := range []xaeroflux.Query{{}, {Borrow: true}, {Ranges: true}, {Ranges: true, Borrow: true}} {
		db := sealed(t)
		next, stop := iter.Pull2(db.Events(ctx, q))
		follow, leave := iter.Pull2(db.Subscribe(ctx, q))
		for _, pull := range []func() (xaeroflux.Record, error, bool){next, follow} {
			if _, err, ok := pull(); err != nil || !ok {
				t.Fatal(err)
			}
		}
		storetest.Must(t, db.Close())
		for _, pull := range []func() (xaeroflux.Record, error, bool){next, follow} {
			err, ok := error(nil), true
			for ok && err == nil {
				_, err, ok = pull()
			}
			if !errors.Is(err, xaeroflux.ErrClosed) {
				t.Errorf("%+v: the loop ended with %v", q, err)
			}
		}
		stop()
		leave()
	}
}

// Close in a loop ends the loop, and not itself.
func TestCloseInsideOfALoop(t *testing.T) {
	db := sealed(t)
	var err error
	for _, err = range db.Events(ctx, xaeroflux.Query{Borrow: true}) {
		if err == nil {
			storetest.Must(t, db.Close())
		}
	}
	if !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("the loop ended with %v", err)
	}
}

// A read of all of a store ends with ErrClosed when it is closed, and Close waits
// until it has.
func TestCloseBesideLongReaders(t *testing.T) {
	for name, read := range map[string]func(db *xaeroflux.DB, dir string, progress func(done, total int64)) error{
		"check": func(db *xaeroflux.DB, _ string, progress func(int64, int64)) error {
			return second(db.Check(ctx, progress))
		},
		"backup": func(db *xaeroflux.DB, dir string, progress func(int64, int64)) error {
			return second(db.Backup(ctx, dir, &xaeroflux.BackupOptions{Progress: progress}))
		},
		"backup to": func(db *xaeroflux.DB, _ string, progress func(int64, int64)) error {
			return second(db.BackupTo(ctx, io.Discard, &xaeroflux.BackupOptions{Progress: progress}))
		},
	} {
		db, began, closing := sealed(t), make(chan struct{}), make(chan struct{})
		ended := make(chan error, 1)
		var once sync.Once
		go func() {
			ended <- read(db, filepath.Join(t.TempDir(), "b"), func(int64, int64) {
				once.Do(func() { close(began) })
				<-closing
			})
		}()
		<-began
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		for !errors.Is(second(db.Get(ctx, 0)), xaeroflux.ErrClosed) {
			time.Sleep(time.Millisecond)
		}
		close(closing)
		if err := <-ended; !errors.Is(err, xaeroflux.ErrClosed) {
			t.Errorf("%s beside Close: %v", name, err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close beside %s: %v", name, err)
		}
	}
}

// A progress function that does not return keeps Close for CloseTimeout. The store is
// whole, and given back once it returns.
func TestCloseBesideABlockedFunction(t *testing.T) {
	storetest.NoLeaks(t)
	dir, o := filepath.Join(t.TempDir(), "s"), storetest.Small()
	o.CloseTimeout = 50 * time.Millisecond
	db, err := xaeroflux.Open(dir, o)
	storetest.Must(t, err)
	storetest.Fill(t, db, 0, 20)
	began, blocked, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		var once sync.Once
		ended <- second(db.Check(ctx, func(int64, int64) {
			once.Do(func() { close(began) })
			<-blocked
		}))
	}()
	<-began
	if err := db.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close beside a function that blocks: %v", err)
	}
	close(blocked)
	<-ended
	for {
		again, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if errors.Is(err, xaeroflux.ErrInUse) {
			time.Sleep(time.Millisecond)
			continue
		}
		storetest.Must(t, err)
		storetest.Must(t, again.Close())
		return
	}
}

// BackupTo ends with its context, and with Close, though its writer blocks.
func TestBackupToABlockedWriter(t *testing.T) {
	for _, end := range []string{"context", "close"} {
		db := sealed(t)
		ctx, cancel := context.WithCancel(ctx)
		far, near := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- second(db.BackupTo(ctx, near, nil)) }()
		_, err := far.Read(make([]byte, 1)) // the rest of that Write blocks
		storetest.Must(t, err)
		want := context.Canceled
		if end == "context" {
			cancel()
		} else {
			want = xaeroflux.ErrClosed
			storetest.Must(t, db.Close())
		}
		if err := <-ended; !errors.Is(err, want) {
			t.Errorf("%s: %v", end, err)
		}
		cancel()
		storetest.Must(t, far.Close()) // lets go of the Write
	}
}
