// SPDX-License-Identifier: MPL-2.0

package store

import (
	"sync"
	"testing"
	"time"

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
				topic, err := s.Found("", 0, time.UnixMilli(1))
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
