// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// numbered returns n names, in order.
func numbered(n int) []digest.Hash {
	names := make([]digest.Hash, n)
	for i := range names {
		names[i] = digest.Hash{byte(i >> 8), byte(i)}
	}
	return names
}

// The followed logs are a set: order and repetition are nothing, and what is no
// news is said to be none.
func TestFollowIsASet(t *testing.T) {
	s, topic := newStore(t)
	n := numbered(3)
	for i, c := range []struct {
		names   []digest.Hash
		all     bool
		changed bool
		want    []digest.Hash
	}{
		{nil, true, false, nil},
		{[]digest.Hash{n[2], n[0], n[2]}, false, true, []digest.Hash{n[0], n[2]}},
		{[]digest.Hash{n[0], n[2]}, false, false, []digest.Hash{n[0], n[2]}},
		{n, false, true, n},
		{nil, false, true, nil},
		{nil, false, false, nil},
		{nil, true, true, nil},
		{nil, true, false, nil},
	} {
		changed, err := s.Follow(topic.ID, c.names, c.all)
		if err != nil || changed != c.changed {
			t.Fatalf("step %d: changed %v, %v", i, changed, err)
		}
		for range 2 { // as it is, and as it was written
			if names, all := s.Followed(topic.ID); all != c.all || !slices.Equal(names, c.want) {
				t.Fatalf("step %d: follows %v, all %v", i, names, all)
			}
			if err := s.loadFollows(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFollowLimits(t *testing.T) {
	s, topic := newStore(t)
	if _, err := s.Follow(topic.ID, numbered(MaxFollowed+1), false); !errors.Is(err, ErrTooMany) {
		t.Errorf("one name too many: %v", err)
	}
	if _, err := s.Follow(topic.ID, numbered(MaxFollowed), false); err != nil {
		t.Error(err)
	}
	if err := s.loadFollows(); err != nil {
		t.Error(err)
	}
	if _, err := s.Follow(digest.Hash{1}, nil, false); !errors.Is(err, ErrUnknownTopic) {
		t.Errorf("a topic that is not joined: %v", err)
	}
}

// A row that cannot be read is not guessed at.
func TestFollowRowsThatCannotBeRead(t *testing.T) {
	two := numbered(2)
	for what, row := range map[string]struct{ key, value []byte }{
		"part of a name":    {layout.Follows.Key(digest.Hash{5}), make([]byte, 33)},
		"part of a topic":   {append([]byte(layout.Follows.Prefix), 1, 2, 3), nil},
		"names in a tumble": {layout.Follows.Key(digest.Hash{5}), append(slices.Clone(two[1][:]), two[0][:]...)},
		"too many":          {layout.Follows.Key(digest.Hash{5}), make([]byte, (MaxFollowed+1)*digest.Size)},
	} {
		t.Run(what, func(t *testing.T) {
			s, _ := newStore(t)
			put := func(txn *aof.Txn) error { return txn.Put(aof.Meta, row.key, row.value) }
			if err := s.aof.Commit(put); err != nil {
				t.Fatal(err)
			}
			var c *CorruptError
			if err := s.loadFollows(); !errors.As(err, &c) {
				t.Fatalf("read: %v", err)
			}
		})
	}
}

func testTopic(n int) identitytest.Topic { return identitytest.NewTopicOf(n, 4096) }

// It is the first thing that a store knows after it was opened.
func TestFollowIsRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	var topics [2]*Topic
	for round := range 2 {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range topics {
			topic := testTopic(i + 1)
			if topics[i], err = s.Join(topic.Genesis, topic.Keys, ""); err != nil {
				t.Fatal(err)
			}
		}
		if round == 0 {
			if _, err := s.Follow(topics[0].ID, numbered(2), false); err != nil {
				t.Fatal(err)
			}
		}
		names, all := s.Followed(topics[0].ID)
		if _, other := s.Followed(topics[1].ID); all || !slices.Equal(names, numbered(2)) || !other {
			t.Errorf("round %d: %v, all %v; the other topic: all %v", round, names, all, other)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
