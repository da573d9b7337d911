// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/examples/internal/built"
)

// However often the projection is killed, its table is that of the events up to its
// frontier, and in the end that of all.
func TestTableIsThatOfItsFrontier(t *testing.T) {
	ctx, program := context.Background(), built.Program(t)
	dir, file := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "table.sqlite")
	all := uint64(0)
	for range 6 {
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if err != nil {
			t.Fatal(err)
		}
		batch := make([]xaeroflux.Event, 500)
		for i := range batch {
			batch[i] = xaeroflux.Event{Key: fmt.Append(nil, "key ", rand.IntN(50)), Payload: fmt.Append(nil, "payload ", all)}
			all++
		}
		if _, err := db.AppendBatch(ctx, batch); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		run := built.Start(t, program, dir, file)
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // wherever it is
		run.Kill()
		compare(t, dir, file)
	}
	last := built.Start(t, program, dir, file)
	built.Await(t, "all applied", func() bool { return applied(t, file) == all })
	last.Kill()
	if upto := compare(t, dir, file); upto != all {
		t.Errorf("%d of %d events", upto, all)
	}
}

// applied returns how many events of all logs are in the table.
func applied(t *testing.T, file string) (n uint64) {
	db := table(t, file)
	defer db.Close()
	f, err := frontier(context.Background(), db)
	if err != nil {
		return 0 // it is being written
	}
	for _, size := range f {
		n += size
	}
	return n
}

func table(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err == nil {
		_, err = db.Exec("PRAGMA busy_timeout = 5000;" + schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// compare holds the table against the events up to its frontier, and returns how many
// those are.
func compare(t *testing.T, dir, file string) (upto uint64) {
	t.Helper()
	ctx := context.Background()
	to := table(t, file)
	defer to.Close()
	f, err := frontier(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := map[string]string{}
	for r, err := range db.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq < f[r.Log] {
			want[string(r.Key)] = string(r.Payload)
			upto++
		}
	}
	rows, err := to.Query(`SELECT key, payload FROM newest`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	have := map[string]string{}
	for rows.Next() {
		var key, payload []byte
		if err := rows.Scan(&key, &payload); err != nil {
			t.Fatal(err)
		}
		have[string(key)] = string(payload)
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("behind %d events the table has %v, want %v", upto, have, want)
	}
	return upto
}
