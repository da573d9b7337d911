// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A chat is two stores that share a topic, with clocks of their own.
type chat struct {
	stores [2]*xaeroflux.DB
	topics [2]*xaeroflux.Topic
	now    [2]atomic.Int64 // ms
	addr   string
}

func newChat(t *testing.T, kind xaeroflux.TopicKind) *chat {
	t.Helper()
	c := &chat{}
	clock := func(i int) func() time.Time {
		c.now[i].Store(1_700_000_000_000)
		return func() time.Time { return time.UnixMilli(c.now[i].Load()) }
	}
	a := Open(t, filepath.Join(t.TempDir(), "a"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Now: clock(0)})
	at, err := a.CreateTopic(ctx, "chat", &xaeroflux.TopicOptions{Kind: kind})
	Must(t, err)
	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	b := Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite, Now: clock(1)})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	c.stores, c.topics, c.addr = [2]*xaeroflux.DB{a, b}, [2]*xaeroflux.Topic{at, TopicOf(t, b)}, addr.String()
	meet(t, a, c.addr)
	return c
}

func (c *chat) say(t *testing.T, who int, text string, later int64) {
	t.Helper()
	c.now[who].Add(later)
	_, err := c.topics[who].Append(ctx, xaeroflux.Event{Payload: []byte(text)})
	Must(t, err)
}

// read returns what a store has in the settled order.
func (c *chat) read(t *testing.T, who int) (all []string) {
	t.Helper()
	for r, err := range c.topics[who].Events(ctx, xaeroflux.Query{Order: xaeroflux.Settled}) {
		Must(t, err)
		if r.Late {
			t.Errorf("%s is late in what is there at once", r.Payload)
		}
		all = append(all, string(r.Payload))
	}
	return all
}

// TestAnAnswerComesAfterItsQuestion: what is appended after an event was read refers to
// it, without a word of the application, and comes after it in the settled order though the
// clock of its author is an hour behind.
func TestAnAnswerComesAfterItsQuestion(t *testing.T) {
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.OpenTopic, xaeroflux.PrivateTopic} {
		t.Run(kind.String(), func(t *testing.T) {
			c := newChat(t, kind)
			c.say(t, 0, "question", 3_600_000)
			c.say(t, 1, "before it was read", 0)
			meet(t, c.stores[0], c.addr)
			c.read(t, 1)
			c.say(t, 1, "answer", 1)
			c.say(t, 1, "and more", 1)
			meet(t, c.stores[0], c.addr)
			want := []string{"before it was read", "question", "answer", "and more"}
			for who := range 2 {
				if got := c.read(t, who); !slices.Equal(got, want) {
					t.Errorf("store %d has %q, want %q", who, got, want)
				}
			}
			if got := c.refs(t, 1); fmt.Sprint(got) != "[0 0 1 0]" {
				t.Errorf("refs of each event of the one who answers, with the engine's first: %v", got)
			}
		})
	}
}

// refs returns how many refs each event of a store's own log has.
func (c *chat) refs(t *testing.T, who int) (all []int) {
	t.Helper()
	for r, err := range c.topics[who].Events(ctx, xaeroflux.Query{Log: c.topics[who].Log().ID(), Engine: true}) {
		Must(t, err)
		all = append(all, len(r.Refs()))
	}
	if len(all) == 3 {
		all = append([]int{0}, all...) // an open topic's log begins with no event of the engine
	}
	return all
}

// TestRefsThatAreNotWanted: an event says itself what it comes after, or that it is
// nothing; many at once come after nothing.
func TestRefsThatAreNotWanted(t *testing.T) {
	c := newChat(t, xaeroflux.OpenTopic)
	c.say(t, 0, "question", 1)
	meet(t, c.stores[0], c.addr)
	c.read(t, 1)
	_, err := c.topics[1].Append(ctx, xaeroflux.Event{Payload: []byte("none"), Refs: []xaeroflux.Ref{}})
	Must(t, err)
	_, err = c.topics[1].AppendBatch(ctx, []xaeroflux.Event{{Payload: []byte("x")}, {Payload: []byte("y")}})
	Must(t, err)
	_, err = c.topics[1].AppendBatch(ctx, []xaeroflux.Event{{Payload: []byte("one")}})
	Must(t, err)
	if got := c.refs(t, 1); fmt.Sprint(got) != "[0 0 0 1]" {
		t.Errorf("refs: %v", got)
	}
}

// TestSubscribeSettled: an event is yielded once each log has passed it, or once it is as
// old as the reader says; what comes behind it then is late.
func TestSubscribeSettled(t *testing.T) {
	c := newChat(t, xaeroflux.OpenTopic)
	c.say(t, 0, "a1", 10)
	c.say(t, 1, "b1", 5)
	meet(t, c.stores[0], c.addr)
	sub, stop := context.WithCancel(ctx)
	defer stop()
	got := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		for r, err := range c.topics[0].Subscribe(sub, xaeroflux.Query{Order: xaeroflux.Settled, SettleAfter: time.Hour}) {
			if err != nil {
				done <- err
				return
			}
			text := string(r.Payload)
			if r.Late {
				text += " late"
			}
			got <- text
		}
		done <- nil
	}()
	next := func(want string) {
		t.Helper()
		select {
		case text := <-got:
			if text != want {
				t.Fatalf("got %q, want %q", text, want)
			}
		case <-time.After(Patience):
			t.Fatalf("nothing came, want %q", want)
		}
	}
	nothing := func() {
		t.Helper()
		select {
		case text := <-got:
			t.Fatalf("%q came before its time", text)
		case <-time.After(50 * time.Millisecond):
		}
	}
	next("b1") // a, which has said a1 since, says nothing earlier
	nothing()  // b may say more before a1
	c.say(t, 1, "b2", 10)
	meet(t, c.stores[0], c.addr)
	next("a1")
	nothing()                   // own events may be on their way to the disk, and b may say more at the time of b2
	c.now[0].Add(2 * 3_600_000) // an hour later nobody waits for b
	c.say(t, 0, "a2", 0)
	next("b2")
	nothing()
	c.now[0].Add(2 * 3_600_000)
	c.say(t, 0, "a3", 0)
	next("a2")
	c.say(t, 1, "b3", 1) // by a clock that is four hours behind
	meet(t, c.stores[0], c.addr)
	next("b3 late")
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestOrdersThatThereAreNot are refused.
func TestOrdersThatThereAreNot(t *testing.T) {
	db := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	for _, q := range []xaeroflux.Query{
		{Order: 7}, {Order: xaeroflux.Settled, Ranges: true}, {Order: xaeroflux.Settled, SettleAfter: -1}, {Order: xaeroflux.Settled, CaughtUp: func() {}},
	} {
		for name, events := range map[string]func(context.Context, xaeroflux.Query) func(func(xaeroflux.Record, error) bool){
			"events": func(ctx context.Context, q xaeroflux.Query) func(func(xaeroflux.Record, error) bool) {
				return db.Events(ctx, q)
			},
			"subscribe": func(ctx context.Context, q xaeroflux.Query) func(func(xaeroflux.Record, error) bool) {
				return db.Subscribe(ctx, q)
			},
		} {
			for _, err := range events(ctx, q) {
				if !errors.Is(err, xaeroflux.ErrOptions) {
					t.Errorf("%s of %+v: %v", name, q, err)
				}
			}
		}
	}
}
