// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A log that a commit made, and has not listed yet, can be read: a ref to it waits for
// the commit, so that no event is stamped as if it was not there.
func TestRefWaitsForACommitUnderWay(t *testing.T) {
	s, first := founded(t)
	if _, err := s.topicIDs(first.ID); err != nil {
		t.Fatal(err)
	}
	made := digest.Sum([]byte("a log of a peer"))
	s.catalog.creating.Lock()
	found := make(chan bool)
	go func() {
		_, ok, err := s.named(first.ID, [event.ShortBytes]byte(made[:]))
		found <- ok && err == nil
	}()
	select {
	case <-found:
		t.Error("it did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	s.added(identity.LogName{Topic: first.ID}, made)
	s.catalog.creating.Unlock()
	if !<-found {
		t.Error("the log is listed by now, and is not found")
	}
}
