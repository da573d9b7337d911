// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A log that nobody holds is put out, and is what it was when it is asked for
// again, but for the epoch: what was under way of it then is not sealed any more.
func TestLogsArePutOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 16, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{MapBytes: 64 << 20, MaxLogs: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := s.NewCommitter()
	var topics []*Topic
	for i := range 40 {
		topic, err := s.Join(testTopic(i+1).Genesis, testTopic(i+1).Keys, "t")
		if err != nil {
			t.Fatal(err)
		}
		a := batchAt(t, topic.Log, 1)
		if done, err := c.Commit(&Work{Appends: []*messages.Append{a}}); err != nil || done.Appends[0].Refused != nil {
			t.Fatal(done, err)
		}
		to, err := s.stored(topic.Log)
		if err == nil {
			_, err = s.Publish(to) // as the stages would
		}
		if err != nil {
			t.Fatal(err)
		}
		topics = append(topics, topic)
	}
	held, err := s.Log(topics[0].Log)
	if err != nil {
		t.Fatal(err)
	}
	state, before := held.State(), held.epoch.Load()
	for _, topic := range topics[1:] {
		if _, err := s.Log(topic.Log); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	if n := len(s.catalog.kept); n > 4 {
		t.Errorf("%d logs are kept, want 4", n)
	}
	if again, err := s.Log(topics[0].Log); err != nil || again != held {
		t.Errorf("a log that is held is another one for others (%v)", err)
	}
	sum, err := s.Summary(topics[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	s.catalog.forget()
	again, err := s.Log(topics[0].Log)
	if err != nil {
		t.Fatal(err)
	}
	if p := again.State(); p.Size != state.Size || p.Root != state.Root || again.epoch.Load() == before {
		t.Errorf("loaded again it is %d %v of epoch %d, it was %d %v of epoch %d", p.Size, p.Root, again.epoch.Load(), state.Size, state.Root, before)
	}
	if now, err := s.Summary(topics[0].ID); err != nil || now != sum {
		t.Errorf("the topic's digest is another one: %v, was %v (%v)", now, sum, err)
	}
}

// A caller that asks while an earlier read finds nothing gets what there is now:
// the log may have been created meanwhile.
func TestLateAskerReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c logCache
		c.init(4)
		id, created := digest.Hash{1}, make(chan struct{})
		go c.load(id, func(digest.Hash) (*Log, error) {
			<-created
			return nil, ErrUnknownLog
		})
		synctest.Wait()
		go func() {
			want := &Log{ID: id}
			if l, err := c.load(id, func(digest.Hash) (*Log, error) { return want, nil }); l != want || err != nil {
				t.Errorf("the log that is there by now: %v, %v", l, err)
			}
		}()
		synctest.Wait()
		close(created)
		synctest.Wait()
	})
}

// A log that was just committed and cannot be read for the moment is committed, and
// counted once it can be read.
func TestCreatedLogThatCannotBeReadYet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 16, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	p := newParted(t, testTopic(1).ID(), 3)
	if err := os.Mkdir(filepath.Join(dir, "logs", p.info.Log.String()), 0o700); err != nil { // its files are looked for
		t.Fatal(err)
	}
	var exhausted bool
	fs := durable.NewFaulty(durable.OS, func(op durable.Op, name string) error {
		if exhausted && strings.Contains(name, p.info.Log.String()) {
			return syscall.EMFILE
		}
		return nil
	})
	s, err := Open(dir, Options{MapBytes: 64 << 20, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	topic, err := s.Join(testTopic(1).Genesis, testTopic(1).Keys, "t")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Summary(topic.ID); err != nil {
		t.Fatal(err)
	}
	exhausted = true
	done, err := s.NewCommitter().Commit(&Work{Appends: []*messages.Append{p.append(3)}})
	if err != nil || done.Appends[0].Refused != nil || done.Appends[0].Batch == nil {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := s.Log(p.info.Log); !errors.Is(err, syscall.EMFILE) {
		t.Fatalf("the log can be read: %v", err)
	}
	exhausted = false
	want := digest.Multiset{}
	want.Add(p.info.Log, 3, p.Head.Root)
	if set, err := s.Summary(topic.ID); err != nil || set != want.Set() {
		t.Errorf("the digest is %v, want %v (%v)", set, want.Set(), err)
	}
}
