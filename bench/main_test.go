// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/report"
)

// TestMain lets this program be the processes of a run, as the real one is.
func TestMain(m *testing.M) {
	if os.Getenv(runEnv) != "" || os.Getenv(figures.RoleEnv) != "" {
		if err := start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// small returns a bench that runs the shortest there is, and a figure with
// only some contenders.
func small(t *testing.T, id string, who ...string) (*bench, *figures.Figure) {
	t.Helper()
	f, err := figures.ByID(id)
	if err != nil {
		t.Fatal(err)
	}
	only := *f
	only.Who = who
	return &bench{dir: t.TempDir(), scale: 0.001, rounds: 2, idle: 0.1, talk: io.Discard, missing: map[string]string{}}, &only
}

func values(t *testing.T, res report.Figure, who, metric string) []float64 {
	t.Helper()
	for _, row := range res.Rows {
		if row.Who == who {
			return row.Values[metric]
		}
	}
	t.Fatalf("no row of %s: failed %v", who, res.Fails)
	return nil
}

func TestRoundsOfAFigure(t *testing.T) {
	b, f := small(t, "batch", "xaeroflux", "lmdb")
	res := b.figure(context.Background(), f)
	for _, who := range f.Who {
		if v := values(t, res, who, "rate"); len(v) != 2 || v[0] <= 0 {
			t.Errorf("%s: rates %v, failed %v", who, v, res.Fails)
		}
	}
	if left, err := os.ReadDir(b.dir); err != nil || len(left) > 1 { // the folder of what is shared
		t.Errorf("left behind: %v: %v", left, err)
	}
}

func TestFiguresOfTwoProcesses(t *testing.T) {
	for _, id := range []string{"cold-sync", "behind", "live"} {
		b, f := small(t, id, "xaeroflux")
		f.Xs = nil
		b.rounds = 1
		if res := b.figure(context.Background(), f); len(res.Rows) != 1 || len(res.Fails) > 0 {
			t.Errorf("%s: %+v, failed %v", id, res.Rows, res.Fails)
		}
	}
}

func TestAFailureIsKeptAndEndsAContender(t *testing.T) {
	b, f := small(t, "batch", "nobody", "lmdb")
	res := b.figure(context.Background(), f)
	if !strings.Contains(res.Fails["nobody"], `no contender is named "nobody"`) {
		t.Errorf("failed: %v", res.Fails)
	}
	if v := values(t, res, "lmdb", "rate"); len(v) != 2 {
		t.Errorf("the other ran %d times", len(v))
	}
}
