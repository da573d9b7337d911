// SPDX-License-Identifier: MPL-2.0

// Package storetest opens stores for tests, alone and in company, and holds each
// against the full check when its test ends. Start at [Open].
//
// Rule: only tests import it, and what a single one of them needs stays there.
package storetest

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/transport"
)

var ctx = context.Background() // of what no test ends

// Open opens a store for a test. When the test ends, the store is closed,
// checked to the last byte, and no goroutine may be left. A topic that it founds is open,
// as most tests give its invite to several stores.
func Open(t testing.TB, dir string, o *xaeroflux.Options) *xaeroflux.DB {
	t.Helper()
	NoLeaks(t)
	var open xaeroflux.Options
	if o != nil {
		open = *o
	}
	open.Kind = xaeroflux.OpenTopic
	db, err := xaeroflux.Open(dir, &open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		CheckClean(t, dir)
	})
	return db
}

var leakChecked sync.Map // of testing.TB

// NoLeaks fails the test if it leaves a goroutine behind when all of its stores
// are closed.
func NoLeaks(t testing.TB) {
	if _, twice := leakChecked.LoadOrStore(t, true); twice {
		return
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		leakChecked.Delete(t)
		goleak.VerifyNone(t, before)
	})
}

// CheckClean fails the test for each finding of a full check of a closed store.
func CheckClean(t testing.TB, dir string) xaeroflux.CheckReport {
	t.Helper()
	report, err := xaeroflux.Check(ctx, dir, nil)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, f := range report.Findings {
		t.Errorf("check: %s: %s", f.Where, f.What)
	}
	return report
}

// Small are options with pages and segments so small that few events make many files.
func Small() *xaeroflux.Options {
	return &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 2}
}

// OnMemory are options for a store on a network in memory.
func OnMemory(m *transport.Memory) *xaeroflux.Options {
	o := Small()
	o.NewCarrier = func(key ed25519.PrivateKey) (transport.Carrier, error) { return m.NodeOf(key), nil }
	return o
}

// Copied returns a copy of a store that is closed.
func Copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "identity.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
