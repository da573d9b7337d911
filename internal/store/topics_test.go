// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Topics come while logs are loaded and events are committed; no order in which
// the three take their locks may make them wait for each other.
func TestTopicsComeWhileLogsAreLoaded(t *testing.T) {
	s, first := newStore(t)
	c := s.NewCommitter()
	var wg sync.WaitGroup
	ids := make(chan *Topic, 200)
	for range 4 {
		wg.Go(func() {
			for range 25 {
				topic, err := s.Found("", Founding{PageBytes: 4096}, time.UnixMilli(1))
				if err != nil {
					t.Error(err)
					return
				}
				ids <- topic
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			topic := <-ids
			if _, err := s.Log(topic.Log); err != nil {
				t.Error(err)
			}
			if _, err := s.Log(topic.Roster().ID()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for i := range 100 {
			a := batchAt(t, first.Log, int64(i))
			if done, err := c.Commit(&Work{Appends: []*messages.Append{a}}); err != nil || done.Appends[0].Refused != nil {
				t.Error(done, err)
			}
		}
	})
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("they wait for each other")
	}
}

// A topic has one row, however often it is joined in one transaction or again later,
// and a store in which one has two says so.
func TestATopicHasOneRow(t *testing.T) {
	s, dir := emptyStore(t)
	join := func(n int, name string) *Join {
		topic := testTopic(n)
		return s.NewJoin(topic.Genesis, topic.Keys, name)
	}
	done, err := s.NewCommitter().Commit(&Work{Changes: []Change{join(1, "a"), join(2, ""), join(1, "b")}})
	if err := errors.Join(append(done.Changes, err)...); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(join(2, "again")); err != nil {
		t.Fatal(err)
	}
	rows := map[uint32]string{}
	var second *Topic
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Topics, func(num uint32, topic *Topic) error {
			rows[num], second = topic.Name, topic
			return nil
		})
	}))
	if len(rows) != 2 || rows[1] != "a" || rows[2] != "again" { // a name that was given stays
		t.Errorf("the rows are %v", rows)
	}
	must(s.aof.Commit(func(txn *aof.Txn) error { return aof.PutRow(txn, layout.Topics, 7, second) }))
	must(s.Close())
	if s, err := Open(dir, Options{}); !errors.Is(err, aof.ErrCorrupt) {
		t.Errorf("a store in which a topic has two rows is opened: %v", err)
		must(s.Close())
	}
}

// All heads are stored when a store is closed, however many they are.
func TestCloseStoresAllHeads(t *testing.T) {
	s, _ := emptyStore(t)
	c, joins, appends := s.NewCommitter(), &Work{}, &Work{}
	logs := map[digest.Hash]bool{}
	for i := range 2*closingRows + 7 {
		j := s.NewJoin(testTopic(i+1).Genesis, testTopic(i+1).Keys, "")
		joins.Changes, appends.Appends = append(joins.Changes, j), append(appends.Appends, batchAt(t, j.row.ID, 1))
		logs[j.row.ID] = true
	}
	for _, w := range []*Work{joins, appends} {
		if _, err := c.Commit(w); err != nil {
			t.Fatal(err)
		}
	}
	for id := range logs {
		if a, err := s.stored(id); err != nil {
			t.Fatal(err)
		} else if _, err := s.Publish(a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Close(&Work{}); err != nil {
		t.Fatal(err)
	}
	unsaid := 0
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			if row.HeadSize != row.Size {
				unsaid++
			}
			return nil
		})
	})
	if err != nil || unsaid > 0 {
		t.Errorf("%d of %d heads are not stored (%v)", unsaid, len(logs), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
