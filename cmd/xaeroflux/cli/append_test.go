// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// recorder is a backend that keeps the batches it is given.
type recorder struct {
	backend
	batches [][]int // lengths of payloads
	size    uint64
	failAt  int // the batch that fails, from 1
}

// recorded is its own log.
var recorded = xaeroflux.LogID{0x10}

var errDisk = &nodeapi.Error{Kind: nodeapi.NoSpace, Text: "no space left"}

func (r *recorder) Append(_ context.Context, _ string, events []xaeroflux.Event) (xaeroflux.Receipt, error) {
	if len(r.batches)+1 == r.failAt {
		return xaeroflux.Receipt{}, errDisk
	}
	var lengths []int
	for _, e := range events {
		lengths = append(lengths, len(e.Payload))
	}
	r.batches = append(r.batches, lengths)
	first := r.size
	r.size += uint64(len(events))
	return xaeroflux.Receipt{Log: recorded, Seq: first, Count: len(events), Size: r.size, Root: xaeroflux.Hash{0xab}}, nil
}

func (r *recorder) Heads(context.Context, string) ([]nodeapi.Head, error) {
	return []nodeapi.Head{{Log: xaeroflux.LogID{9}, Size: 5}, {Log: recorded, Size: r.size, Root: xaeroflux.Hash{0xab}, Own: true}}, nil
}

// run appends files to a recorder and returns the summaries printed.
func (r *recorder) run(t *testing.T, ctx context.Context, f appendFlags, files ...string) ([]xaeroflux.Receipt, error) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{json: true, out: &out, err: &errs, in: strings.NewReader("from stdin\n")}
	err := a.append(ctx, r, f, files)
	var got []xaeroflux.Receipt
	for dec := json.NewDecoder(&out); dec.More(); {
		var one xaeroflux.Receipt
		if err := dec.Decode(&one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	return got, err
}

func writeLines(t *testing.T, n, length int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in")
	line := strings.Repeat("x", length) + "\n"
	if err := os.WriteFile(name, []byte(strings.Repeat(line, n)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestBatchesAreBounded(t *testing.T) {
	for _, c := range []struct {
		lines, length int
		batches       string // how many events each
	}{
		{2500, 10, "[1000 1000 500]"},
		{1000, 10, "[1000]"},
		{5, 300 << 10, "[3 2]"}, // 4 of them would be more than 1 MiB
		{3, 2 << 20, "[1 1 1]"},
		{2, 1 << 20, "[1 1]"},
	} {
		r := &recorder{}
		got, err := r.run(t, t.Context(), appendFlags{}, writeLines(t, c.lines, c.length))
		if err != nil || len(got) != 1 || got[0].Count != c.lines || got[0].Seq != 0 {
			t.Errorf("%d lines of %d bytes: %+v, %v", c.lines, c.length, got, err)
		}
		var sizes []int
		for _, b := range r.batches {
			sizes = append(sizes, len(b))
		}
		if fmt.Sprint(sizes) != c.batches {
			t.Errorf("%d lines of %d bytes: batches of %v, want %s", c.lines, c.length, sizes, c.batches)
		}
	}
}

func TestAcksAreOneForEachBatch(t *testing.T) {
	r := &recorder{size: 7}
	got, err := r.run(t, t.Context(), appendFlags{acks: true}, writeLines(t, 2500, 10))
	if err != nil || len(got) != 3 || got[0].Seq != 7 || got[2].Seq != 2007 || got[2].Size != 2507 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNothingToAppend(t *testing.T) {
	r := &recorder{size: 7}
	got, err := r.run(t, t.Context(), appendFlags{acks: true}, writeLines(t, 0, 0))
	want := xaeroflux.Receipt{Log: recorded, Seq: 7, Size: 7, Root: xaeroflux.Hash{0xab}}
	if err != nil || len(got) != 1 || got[0] != want || len(r.batches) != 0 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestSummaryTellsWhatIsThereAfterAnError(t *testing.T) {
	r := &recorder{failAt: 3}
	got, err := r.run(t, t.Context(), appendFlags{}, writeLines(t, 2500, 10))
	if !errors.Is(err, errDisk) || len(got) != 1 || got[0].Count != 2000 || !strings.Contains(err.Error(), "before it, 2000, are") {
		t.Errorf("third batch failed: %+v, %v", got, err)
	}
	r = &recorder{failAt: 1}
	if got, err := r.run(t, t.Context(), appendFlags{}, writeLines(t, 5, 10)); !errors.Is(err, errDisk) || len(got) != 0 {
		t.Errorf("first batch failed: %+v, %v", got, err)
	}
	r = &recorder{}       // what was read of stdin before an error is appended
	folder := t.TempDir() // there, and not to be read
	got, err = r.run(t, t.Context(), appendFlags{}, "-", folder)
	if kindOf(err) != nodeapi.Usage || len(got) != 1 || got[0].Count != 1 || !strings.Contains(nextOfHint(err), "behind its first 1 event on") {
		t.Errorf("no file after stdin: %+v, %v", got, err)
	}
	r = &recorder{} // a batch with a token is whole or not there: it is to be appended again
	got, err = r.run(t, t.Context(), appendFlags{}, writeLines(t, 5, 10), folder)
	if kindOf(err) != nodeapi.Usage || len(got) != 0 || r.size != 0 {
		t.Errorf("second is no file: %+v, %v", got, err)
	}
	got, err = r.run(t, t.Context(), appendFlags{}, "-", "missing")
	if kindOf(err) != nodeapi.Usage || len(got) != 0 || r.size != 0 {
		t.Errorf("second file missing: %+v, %v", got, err)
	}
}

// nextOfHint is what an error says to try next.
func nextOfHint(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}

func TestInterruptedAppend(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &recorder{}
	if got, err := r.run(t, ctx, appendFlags{}, writeLines(t, 5, 10)); !errors.Is(err, errInterrupted) || len(got) != 0 || r.size != 0 {
		t.Errorf("%+v, %v, size %d", got, err, r.size)
	}
}

func TestWholeFilesAndStdin(t *testing.T) {
	r := &recorder{}
	got, err := r.run(t, t.Context(), appendFlags{whole: true}, writeLines(t, 3, 9), "-")
	if err != nil || got[0].Count != 2 || fmt.Sprint(r.batches) != "[[30 11]]" {
		t.Errorf("%+v, %v, batches %v", got, err, r.batches)
	}
	r = &recorder{}
	if got, err := r.run(t, t.Context(), appendFlags{}); err != nil || got[0].Count != 1 || fmt.Sprint(r.batches) != "[[10]]" {
		t.Errorf("stdin: %+v, %v, batches %v", got, err, r.batches)
	}
}
