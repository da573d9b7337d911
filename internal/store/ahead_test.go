// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// openWithFault opens a new store whose commits fail if fail says so.
func openWithFault(t *testing.T, fail func(op string) error) (*Store, *Log) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	must(t, Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}))
	s, err := Open(dir, Options{Fault: fail})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	topic, err := s.Join(testTopic(7).Genesis, testTopic(7).Keys, "")
	must(t, err)
	l, err := s.Log(topic.Log)
	must(t, err)
	return s, l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendOf(log digest.Hash, payload string) *messages.Append {
	record, err := event.AppendRecord(nil, event.Event{Payload: []byte(payload)}, 1, 0)
	if err != nil {
		panic(err)
	}
	rec, _, err := event.DecodeRecord(record)
	if err != nil {
		panic(err)
	}
	return &messages.Append{Log: log, Records: record, Leaves: []digest.Hash{rec.LeafHash()}}
}

// A state is there once its events are committed, and follows the one before without a
// look at what is published.
func TestACommitSaysWhatALogCameTo(t *testing.T) {
	s, l := openWithFault(t, nil)
	l.key = func() (*signer, error) { return nil, nil } // whoever signs panics: no append does
	c := s.NewCommitter()
	var m mmrindex.Peaks
	for i, payload := range []string{"one", "two", "three"} {
		a := appendOf(l.ID, payload)
		made, err := c.Commit(&Work{Appends: []*messages.Append{a}})
		must(t, err)
		must(t, m.Append(a.Leaves[0], nil))
		if to := made.Advance; to.log != l || to.state.Size != uint64(i+1) || to.state.Root != m.Root() {
			t.Fatalf("after %d events the log came to %+v", i+1, to.state)
		}
	}
}

// A state that could not be committed is forgotten.
func TestAStateAheadOfNothing(t *testing.T) {
	failing := false
	s, l := openWithFault(t, func(op string) error {
		if failing && op == "commit" {
			return errors.New("injected")
		}
		return nil
	})
	c := s.NewCommitter()
	_, err := c.Commit(&Work{Appends: []*messages.Append{appendOf(l.ID, "one")}})
	must(t, err)
	failing = true
	if _, err := c.Commit(&Work{Appends: []*messages.Append{appendOf(l.ID, "two")}}); err == nil {
		t.Fatal("it was committed")
	}
	if c.ahead.kept.Size() != 1 {
		t.Errorf("it goes on behind %d events, of which 1 is committed", c.ahead.kept.Size())
	}
}
