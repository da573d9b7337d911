// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// MustAppend appends n events in one batch, whose payloads are format with their numbers.
func MustAppend(t testing.TB, db *xaeroflux.DB, n int, format string) xaeroflux.Receipt {
	t.Helper()
	events := make([]xaeroflux.Event, n)
	for i := range events {
		events[i] = xaeroflux.Event{Type: "line", Payload: fmt.Appendf(nil, format, i)}
	}
	r, err := db.AppendBatch(ctx, events)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Fill appends n events of about 300 bytes.
func Fill(t *testing.T, db *xaeroflux.DB, from, n int) {
	t.Helper()
	batch := make([]xaeroflux.Event, n)
	for i := range batch {
		batch[i] = xaeroflux.Event{Type: "note", Payload: []byte(fmt.Sprintf("%06d %s", from+i, strings.Repeat("x", 300)))}
	}
	_, err := db.AppendBatch(ctx, batch)
	Must(t, err)
}

// Payloads makes n events of size bytes each.
func Payloads(n, size int) []xaeroflux.Event {
	events := make([]xaeroflux.Event, n)
	for i := range events {
		events[i].Payload = make([]byte, size)
		copy(events[i].Payload, fmt.Sprintf("event %d", i))
	}
	return events
}

// AwaitPages waits until so many pages of the store's own log are in files.
func AwaitPages(t *testing.T, db *xaeroflux.DB, want uint64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := db.BackupTo(ctx, io.Discard, nil)
		Must(t, err)
		if now := OwnLog(r.BackupManifest).Pages; now >= want {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d pages are in files, want %d", now, want)
		}
	}
}

// OwnLog returns what a backup holds of the store's own log.
func OwnLog(m xaeroflux.BackupManifest) xaeroflux.BackupLog {
	return m.Logs[slices.IndexFunc(m.Logs, func(l xaeroflux.BackupLog) bool { return l.Own && l.Kind == "data" })]
}

// WantQuota fails the test unless err says that this bound of a quota was met.
func WantQuota(t *testing.T, err error, bound string) {
	t.Helper()
	var q *xaeroflux.QuotaError
	if !errors.Is(err, xaeroflux.ErrQuota) || !errors.As(err, &q) || q.Bound != bound {
		t.Errorf("got %v, want the quota of %s", err, bound)
	}
}
