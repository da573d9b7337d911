// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// founded creates a store that founded its default topic, and returns that.
func founded(t *testing.T) (*Store, *Topic) {
	t.Helper()
	dir := t.TempDir() + "/s"
	must(t, Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}))
	s, err := Open(dir, Options{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	first, err := s.Found("", Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.Now())
	must(t, err)
	return s, first
}

func again(t *testing.T, s *Store) *Store {
	t.Helper()
	must(t, s.Close())
	s, err := Open(s.Dir(), Options{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// A default topic that nobody used makes room for the first that is joined; one with an
// event, or that somebody else wrote in, stays.
func TestUnusedDefaultGivesWay(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(s *Store, first *Topic)
		want bool // the joined topic becomes the default
	}{
		"nothing in it": {func(*Store, *Topic) {}, true},
		"an event": {func(s *Store, first *Topic) {
			l, err := s.Log(first.Log)
			must(t, err)
			commitTo(t, s, s.NewCommitter(), l, "one")
		}, false},
		"an invite": {func(s *Store, first *Topic) { k, err := s.NewKeeping(first.ID); must(t, err); must(t, s.Do(k)) }, false},
		"a name": {func(s *Store, first *Topic) {
			r, err := s.NewRenaming(first.ID, "mine")
			must(t, err)
			must(t, s.Do(r))
		}, false},
		"chosen":          {func(s *Store, first *Topic) { d, err := s.NewDefaulting(first.ID); must(t, err); must(t, s.Do(d)) }, false},
		"somebody's log":  {func(s *Store, first *Topic) { s.added(identity.LogName{Topic: first.ID}, digest.Hash{7}) }, false},
		"another default": {func(s *Store, _ *Topic) { d, err := s.NewDefaulting(s.mustJoin(t, 8)); must(t, err); must(t, s.Do(d)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, first := founded(t)
			_, err := s.topicIDs(first.ID) // they are kept from here on
			must(t, err)
			c.use(s, first)
			before := s.defaultTopic()
			joined := s.mustJoin(t, 7)
			want := before
			if c.want {
				want = joined
			}
			if got := s.defaultTopic(); got != want {
				t.Errorf("the default is %s, joined %s, founded %s", got.Short(), joined.Short(), first.ID.Short())
			}
			if s = again(t, s); s.defaultTopic() != want {
				t.Errorf("opened again it is %s", s.defaultTopic().Short())
			}
		})
	}
}

func (s *Store) mustJoin(t *testing.T, n int) digest.Hash {
	t.Helper()
	topic, err := s.Join(testTopic(n).Genesis, testTopic(n).Keys, "")
	must(t, err)
	return topic.ID
}

func TestTopicIsRenamedAndMadeTheDefault(t *testing.T) {
	s, first := founded(t)
	joined := s.mustJoin(t, 7)
	d, err := s.NewDefaulting(first.ID)
	must(t, err)
	must(t, s.Do(d))
	for id, name := range map[digest.Hash]string{joined: "theirs", first.ID: "mine"} {
		r, err := s.NewRenaming(id, name)
		must(t, err)
		must(t, s.Do(r))
	}
	for range 2 {
		if all := s.Topics(); all[0].ID != first.ID || all[0].Name != "mine" || all[1].Name != "theirs" {
			t.Errorf("%+v", all)
		}
		s = again(t, s)
	}
	if _, err := s.NewRenaming(digest.Hash{1}, "x"); !errors.Is(err, ErrUnknownTopic) {
		t.Error(err)
	}
	if _, err := s.NewDefaulting(digest.Hash{1}); !errors.Is(err, ErrUnknownTopic) {
		t.Error(err)
	}
}

// Changes of one topic in one transaction are all made.
func TestTopicChangesTogether(t *testing.T) {
	s, first := founded(t)
	second := s.mustJoin(t, 7)
	d, err := s.NewDefaulting(first.ID)
	must(t, err)
	must(t, s.Do(d))
	name, err := s.NewRenaming(second, "theirs")
	must(t, err)
	leave, err := s.NewLeaving(second, false)
	must(t, err)
	standard, err := s.NewDefaulting(second)
	must(t, err)
	done, err := s.NewCommitter().Commit(&Work{Changes: []Change{name, leave, standard}})
	must(t, err)
	if !errors.Is(done.Changes[2], ErrLeft) {
		t.Errorf("a topic that is left became the default: %v", done.Changes[2])
	}
	for range 2 {
		if topic, err := s.Topic(second); err != nil || topic.Name != "theirs" || !topic.Left || len(s.Topics()) != 1 || s.defaultTopic() != first.ID {
			t.Errorf("%+v, %v, %d topics", topic, err, len(s.Topics()))
		}
		s = again(t, s)
	}
}
