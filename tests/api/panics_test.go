// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// broken panics, or ends its goroutine.
type broken func()

func (b broken) Write([]byte) (int, error) { b(); return 0, io.ErrShortWrite }
func (b broken) progress(int64, int64)     { b() }
func (b broken) carrier(ed25519.PrivateKey) (transport.Carrier, error) {
	b()
	return nil, io.ErrUnexpectedEOF
}

// Whatever becomes of a function of the program's, the store is given back: also if
// it panics, or ends its goroutine.
func TestPanicsOfTheProgramLockNothing(t *testing.T) {
	storetest.NoLeaks(t)
	dir, at := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "b")
	db, err := xaeroflux.Open(dir, storetest.Small())
	storetest.Must(t, err)
	storetest.Fill(t, db, 0, 60)
	storetest.AwaitPages(t, db, 2)
	_, err = db.Backup(ctx, at, nil)
	storetest.Must(t, err)
	storetest.Must(t, db.Close())
	peer := []string{db.PeerID().String() + "@127.0.0.1:9"}
	called := false
	for how, end := range map[string]func(){"panic": func() { panic("p") }, "goexit": runtime.Goexit} {
		b := broken(func() { called = true; end() })
		inOpen := func(use func(db *xaeroflux.DB)) func() {
			return func() {
				db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
				storetest.Must(t, err)
				defer func() { storetest.Must(t, db.Close()) }()
				use(db)
			}
		}
		for name, call := range map[string]func(){
			"Check":        func() { _, _ = xaeroflux.Check(ctx, dir, &xaeroflux.CheckOptions{Progress: b.progress}) },
			"VerifyBackup": func() { _, _ = xaeroflux.VerifyBackup(ctx, at, &xaeroflux.CheckOptions{Progress: b.progress}) },
			"Restore": func() {
				_, _ = xaeroflux.Restore(ctx, at, filepath.Join(t.TempDir(), "r"), &xaeroflux.RestoreOptions{Progress: b.progress})
			},
			"Open": func() {
				_, _ = xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, NewCarrier: b.carrier})
			},
			"Repair": func() {
				_, _ = xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{AcceptLoss: true, From: peer, NewCarrier: b.carrier})
			},
			"DB.Check": inOpen(func(db *xaeroflux.DB) { _, _ = db.Check(ctx, b.progress) }),
			"DB.Backup": inOpen(func(db *xaeroflux.DB) {
				_, _ = db.Backup(ctx, filepath.Join(t.TempDir(), "b"), &xaeroflux.BackupOptions{Progress: b.progress})
			}),
			"DB.BackupTo": inOpen(func(db *xaeroflux.DB) { _, _ = db.BackupTo(ctx, b, nil) }),
			"DB.Process": inOpen(func(db *xaeroflux.DB) {
				_ = db.Process(ctx, "it", nil, func(context.Context, []xaeroflux.Record) error { b(); return nil })
			}),
			"DB.Events": inOpen(func(db *xaeroflux.DB) {
				for range db.Events(ctx, xaeroflux.Query{}) {
					b()
				}
			}),
		} {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				call()
			}()
			<-ended
			if !called {
				t.Errorf("%s in %s: it was not called", how, name)
			}
			called = false
			again, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
			if err != nil {
				t.Fatalf("%s in %s: %v", how, name, err)
			}
			storetest.Must(t, again.Close())
			if again, err := xaeroflux.Open(at, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrIsBackup) {
				t.Errorf("%s in %s: %v, %v", how, name, again, err)
			}
		}
	}
}

// A lock of this process is reported as one, of readers too.
func TestLocksOfThisProcessAreTold(t *testing.T) {
	dir := t.TempDir()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	storetest.Must(t, err)
	storetest.Must(t, db.Close())
	for _, o := range [][2]bool{{false, false}, {false, true}, {true, false}} {
		first, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: o[0]})
		storetest.Must(t, err)
		_, err = xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: o[1]})
		if !errors.Is(err, xaeroflux.ErrInUse) || !strings.Contains(fmt.Sprint(err), "locked by this process") {
			t.Errorf("read-only %v: %v", o, err)
		}
		storetest.Must(t, first.Close())
	}
}
