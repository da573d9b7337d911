// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// A log whose clock once said the year 10000 takes events all the same, and its
// receipts can be written: the command says what is appended.
func TestReceiptOfAFarTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	far := func() time.Time { return time.Date(10000, 2, 3, 0, 0, 0, 0, time.UTC) }
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Now: far})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Append(t.Context(), xaeroflux.Event{Payload: []byte("far")}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"append"}, {"status"}, {"check"}, {"cat"}, {"backup", filepath.Join(t.TempDir(), "b")}} {
		var out, errs bytes.Buffer
		a := &app{in: strings.NewReader("near"), out: &out, err: &errs}
		if code := a.run(t.Context(), append(args, "--json", "--dir", dir)); code != exitOK {
			t.Errorf("%v: exit code %d, %s", args, code, &errs)
		}
		if args[0] == "append" {
			var r xaeroflux.Receipt
			if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Seq != 1 || r.Time.Year() != 9999 || r.Ahead == 0 {
				t.Errorf("%s: %v", &out, err)
			}
		}
	}
}
