// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A log that never filled a page has no files, and nobody looks for them, however
// often it is loaded.
func TestFilesThatAreNotThereAreNotLookedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	must(t, Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 16, Seed: identity.Seed{1}}))
	var looks atomic.Int64
	fs := durable.NewFaulty(durable.OS, func(_ durable.Op, name string) error {
		if strings.Contains(name, logsName+string(filepath.Separator)) {
			looks.Add(1)
		}
		return nil
	})
	s, err := Open(dir, Options{FS: fs, MaxLogs: 2})
	must(t, err)
	defer s.Close()
	c := s.NewCommitter()
	for i := range 8 {
		topic, err := s.Join(testTopic(i+1).Genesis, testTopic(i+1).Keys, "t")
		must(t, err)
		done, err := c.Commit(&Work{Appends: []*messages.Append{batchAt(t, topic.Log, 1)}})
		if err != nil || done.Appends[0].Refused != nil {
			t.Fatal(done, err)
		}
		s.catalog.forget()
		l, err := s.Log(topic.Log)
		if err != nil || l.State().Size == 0 {
			t.Fatalf("loaded again: %v", err)
		}
	}
	if n := looks.Load(); n > 0 {
		t.Errorf("%d looks at files that nobody wrote", n)
	}
}

// The key of a log of ours is derived when something is to be signed or appended, and
// held against the author then: another one writes nothing, and is found by a check.
func TestAnotherKeyWritesNothing(t *testing.T) {
	s, l := openWithFault(t, nil)
	commitTo(t, s, s.NewCommitter(), l, "one")
	id := l.ID
	s.device.Seed = identity.Seed{2}
	s.catalog.forget()
	l, err := s.Log(id)
	must(t, err)
	done, err := s.NewCommitter().Commit(&Work{Appends: []*messages.Append{appendOf(id, "two")}})
	if err != nil || !errors.Is(done.Appends[0].Refused, ErrIdentity) {
		t.Errorf("an append: %+v, %v", done.Appends, err)
	}
	if h, err := l.Head(l.State()); !errors.Is(err, ErrIdentity) {
		t.Errorf("a head: %+v, %v", h, err)
	}
	if _, ok := l.EmptyHead(); ok {
		t.Error("a head of the empty log is signed")
	}
	if l.State().Size != 1 {
		t.Errorf("%d events can be read, want 1", l.State().Size)
	}
}
