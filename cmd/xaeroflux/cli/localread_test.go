// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// Cat shows id and refs of an event that has them, and of no other.
func TestRecordsShowIDAndRefs(t *testing.T) {
	db, err := xaeroflux.Open(t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	with := xaeroflux.Event{ID: xaeroflux.EventID{0xab, 15: 1}, Refs: []xaeroflux.Ref{{Log: [8]byte{0xad, 7: 2}, Size: 300}}}
	if _, err := db.AppendBatch(t.Context(), []xaeroflux.Event{with, {Payload: []byte("none")}}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	err = (&local{db: db}).Events(t.Context(), nodeapi.Query{}, func(r *nodeapi.Record) error {
		line, err := json.Marshal(r)
		lines = append(lines, string(line))
		return err
	})
	if err != nil || len(lines) != 2 {
		t.Fatalf("%q: %v", lines, err)
	}
	want := `"id":"ab000000000000000000000000000001","refs":[{"log":"ad00000000000002","size":300}]`
	if !strings.Contains(lines[0], want) {
		t.Errorf("%s, want %s", lines[0], want)
	}
	if strings.Contains(lines[1], `"id"`) || strings.Contains(lines[1], `"refs"`) {
		t.Errorf("%s shows what it has not", lines[1])
	}
}
