// SPDX-License-Identifier: MPL-2.0

package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/repair"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// newStore makes a store with a topic, of which two logs are followed.
func newStore(t *testing.T) (*store.Store, *layout.Topic) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := store.Create(dir, store.CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	of := identitytest.NewTopicOf(7, 4096)
	topic, err := s.Join(of.Genesis, of.Keys, "")
	if err == nil {
		_, err = s.Follow(topic.ID, []digest.Hash{{1}, {2}}, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, topic
}

// newClosed makes a store, and puts rows into it that no version of this program
// wrote.
func newClosed(t *testing.T, strange map[string]string) string {
	t.Helper()
	s, _ := newStore(t)
	err := s.AOF().Commit(func(txn *aof.Txn) error {
		for key, value := range strange {
			if err := txn.Put(aof.Meta, []byte(key), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return s.Dir()
}

func checkClosed(t *testing.T, dir string) []findings.Finding {
	t.Helper()
	report, err := Check(t.Context(), durable.OS, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Findings
}

// TestRowOfNoKind: a row that no table claims is found, though the store opens.
func TestRowOfNoKind(t *testing.T) {
	dir := newClosed(t, map[string]string{"strange 1": "x"})
	found := checkClosed(t, dir)
	if len(found) != 1 || found[0].Kind != findings.FlawAOF || !strings.Contains(found[0].What, "strange 1") {
		t.Fatalf("found %+v", found)
	}
}

// TestRepairOfStrangeRows: rows whose checksums fit and whose content does not
// keep a store from opening; a repair keeps them aside, and all others in place.
func TestRepairOfStrangeRows(t *testing.T) {
	dir := newClosed(t, map[string]string{
		"strange 1": "x",
		string(layout.Follows.Key(digest.Hash{9})):       "not a name",
		string(layout.Generations.Key(layout.Only{})):    "too short",
		string(layout.Copies.Key(digest.Hash{8})) + "..": "",
	})
	if _, err := store.Open(dir, store.Options{}); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("open: %v", err)
	}
	report, err := Repair(t.Context(), durable.OS, dir, repair.Options{Now: time.UnixMilli(1700000000000)})
	if err != nil || !report.Clean() {
		t.Fatalf("repair: %+v, %v", report, err)
	}
	kept, err := os.ReadFile(filepath.Join(report.Aside, "rows.json"))
	if err != nil || strings.Count(string(kept), "\n") != 4 {
		t.Errorf("kept aside: %s, %v", kept, err)
	}
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names, all := s.Followed(identitytest.NewTopicOf(7, 4096).ID()); all || len(names) != 2 {
		t.Errorf("after the repair %d names are followed, all is %v", len(names), all)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
