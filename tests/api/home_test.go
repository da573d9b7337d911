// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// words gives a store words, and returns them.
func words(t *testing.T, db *xaeroflux.DB) (phrase string) {
	t.Helper()
	Must(t, db.Words(ctx, func(p string) error { phrase = p; return nil }))
	return phrase
}

// listening opens a store that listens.
func listening(t *testing.T, name string, o *xaeroflux.Options) (*xaeroflux.DB, string) {
	t.Helper()
	db := Open(t, filepath.Join(t.TempDir(), name), o)
	addr, err := db.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	return db, addr.String()
}

// topicNamed returns a topic by its name, or nil.
func topicNamed(db *xaeroflux.DB, name string) *xaeroflux.Topic {
	for _, t := range db.Topics() {
		if t.Name() == name {
			return t
		}
	}
	return nil
}

// TestWordsAreMadeOnce: words that were not confirmed leave nothing, and there is one set.
func TestWordsAreMadeOnce(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	if _, err := a.LinkDevice(ctx, nil); !errors.Is(err, xaeroflux.ErrNoWords) {
		t.Errorf("a link before words: %v", err)
	}
	refused := errors.New("not written down")
	if err := a.Words(ctx, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if _, err := a.Devices(); !errors.Is(err, xaeroflux.ErrNoWords) {
		t.Errorf("devices before words: %v", err)
	}
	words(t, a)
	if err := a.Words(ctx, func(string) error { return nil }); !errors.Is(err, xaeroflux.ErrWordsKept) {
		t.Errorf("a second time: %v", err)
	}
	if n := len(a.Topics()); n != 1 {
		t.Errorf("%d topics", n)
	}
	all, err := a.Devices()
	Must(t, err)
	if len(all) != 1 || !all[0].Self {
		t.Errorf("devices are %+v", all)
	}
}

// TestLinkedDevice: a further device of a person has the person's topics, and writes in
// them as that person.
func TestLinkedDevice(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	_, err = at.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("of the first")})
	Must(t, err)
	_, err = a.CreateTopic(ctx, "square", nil)
	Must(t, err)
	words(t, a)
	invite, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)

	b, addr := listening(t, "b", &xaeroflux.Options{Invite: invite})
	Await(t, func() bool {
		meet(t, a, addr)
		return topicNamed(b, "family") != nil && topicNamed(b, "square") != nil
	})
	bt := topicNamed(b, "family")
	Await(t, func() bool { return texts(t, bt)["note:of the first"] })
	_, err = bt.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("of the second")})
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, addr)
		members, err := at.Members()
		Must(t, err)
		return texts(t, at)["note:of the second"] && len(members) == 1 && len(members[0].Devices) == 2
	})
	for _, db := range []*xaeroflux.DB{a, b} {
		all, err := db.Devices()
		Must(t, err)
		if len(all) != 2 {
			t.Errorf("devices are %+v", all)
		}
	}
}
