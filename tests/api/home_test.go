// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
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
	_, err = a.CreateTopic(ctx, "square", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	words(t, a)
	invite, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)

	b, addr := listening(t, "b", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
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

// TestUnusedTopicIsNotListed: what a device founded for itself before it was linked is
// told to others once somebody uses it, though it is the default no more.
func TestUnusedTopicIsNotListed(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), &xaeroflux.Options{Kind: xaeroflux.PrivateTopic})
	_, err := a.Append(ctx, xaeroflux.Event{Payload: []byte("used")})
	Must(t, err)
	words(t, a)
	b, addr := listening(t, "b", &xaeroflux.Options{Kind: xaeroflux.PrivateTopic})
	own := b.Topics()[0]
	invite, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = b.Join(ctx, invite)
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, addr)
		return len(b.Topics()) == 2
	})
	for _, joined := range b.Topics() {
		if joined.ID() != own.ID() {
			Must(t, b.SetDefault(ctx, joined.ID()))
		}
	}
	_, err = b.CreateTopic(ctx, "told", nil)
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, addr)
		return topicNamed(a, "told") != nil // behind all that was to be told before it
	})
	if n := len(a.Topics()); n != 2 {
		t.Errorf("%d topics", n)
	}
	_, err = own.Append(ctx, xaeroflux.Event{Payload: []byte("used, too")})
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, addr)
		return len(a.Topics()) == 3
	})
}

// linked opens a further device of a's person, which has all topics with these names.
func linked(t *testing.T, a *xaeroflux.DB, name string, topics ...string) (*xaeroflux.DB, string) {
	t.Helper()
	invite, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	b, addr := listening(t, name, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	awaitTopics(t, a, b, addr, topics...)
	return b, addr
}

func awaitTopics(t *testing.T, a, b *xaeroflux.DB, addr string, topics ...string) {
	t.Helper()
	Await(t, func() bool {
		meet(t, a, addr)
		for _, n := range topics {
			if topicNamed(b, n) == nil {
				return false
			}
		}
		return true
	})
}

// TestOwnersKeyIsTheWords: once there are words, no store keeps the owner's key, and the
// words take over in any of the person's.
func TestOwnersKeyIsTheWords(t *testing.T) {
	for _, kind := range []xaeroflux.TopicKind{xaeroflux.PrivateTopic, xaeroflux.PlainTopic} {
		t.Run(kind.String(), func(t *testing.T) { testOwnersKeyIsTheWords(t, kind) })
	}
}

func testOwnersKeyIsTheWords(t *testing.T, kind xaeroflux.TopicKind) {
	o := &xaeroflux.TopicOptions{Kind: kind}
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	before, err := a.CreateTopic(ctx, "before", o)
	Must(t, err)
	Must(t, before.TakeOver(ctx)) // the store that founded it can
	phrase := words(t, a)
	after, err := a.CreateTopic(ctx, "after", o)
	Must(t, err)
	for _, topic := range []*xaeroflux.Topic{before, after} {
		Await(t, func() bool { return errors.Is(topic.TakeOver(ctx), xaeroflux.ErrNotOwner) })
	}
	b, addr := linked(t, a, "b", "before", "after")
	other := Open(t, filepath.Join(t.TempDir(), "other"), nil)
	wrong := words(t, other)
	for _, name := range []string{"before", "after"} {
		topic := topicNamed(b, name)
		Await(t, func() bool {
			meet(t, a, addr)
			m, err := topic.Members()
			return err == nil && len(m) == 1 && len(m[0].Devices) == 2
		})
		if err := topic.TakeOver(ctx); !errors.Is(err, xaeroflux.ErrNotOwner) {
			t.Errorf("%s: a further device takes over: %v", name, err)
		}
		if err := topic.TakeOverByWords(ctx, "abandon"); !errors.Is(err, xaeroflux.ErrWords) {
			t.Errorf("%s: by one word: %v", name, err)
		}
		if err := topic.TakeOverByWords(ctx, wrong); !errors.Is(err, xaeroflux.ErrOtherWords) {
			t.Errorf("%s: by another person's words: %v", name, err)
		}
		Must(t, topic.TakeOverByWords(ctx, phrase))
		if r, err := topic.Roster(); err != nil || !r.Self {
			t.Errorf("%s: the roster is %+v, %v", name, r, err)
		}
	}
	if err := after.TakeOverByWords(ctx, phrase); err != nil {
		t.Errorf("the founding store, by words: %v", err)
	}
}

// TestTopicsOfEachDevice: what one device founds, joins, renames and leaves, before or
// after it was linked.
func TestTopicsOfEachDevice(t *testing.T) {
	friend := Open(t, filepath.Join(t.TempDir(), "friend"), nil)
	club, err := friend.CreateTopic(ctx, "club", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	_, err = club.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("of the friend")})
	Must(t, err)

	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	words(t, a)
	b, addr := listening(t, "b", nil)
	_, err = b.CreateTopic(ctx, "garden", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	invite, err := club.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = b.Join(ctx, invite)
	Must(t, err)
	meet(t, friend, addr)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = b.Join(ctx, link)
	Must(t, err)
	if _, err := b.Join(ctx, link); err != nil {
		t.Errorf("the same link again: %v", err)
	}
	awaitTopics(t, a, b, addr) // what b is in comes to a
	Await(t, func() bool {
		meet(t, a, addr)
		return topicNamed(a, "garden") != nil && topicNamed(a, "club") != nil
	})
	Await(t, func() bool { return texts(t, topicNamed(a, "club"))["note:of the friend"] })
	Await(t, func() bool {
		meet(t, friend, addr)
		meet(t, a, addr)
		m, err := club.Members()
		return err == nil && len(m) == 2 && len(m[0].Devices)+len(m[1].Devices) == 3
	})

	Must(t, topicNamed(a, "garden").Rename(ctx, "allotment"))
	awaitTopics(t, a, b, addr, "allotment")
	if err := topicNamed(b, "allotment").Leave(ctx, nil); !errors.Is(err, xaeroflux.ErrSteward) {
		t.Errorf("whoever writes the roster leaves: %v", err)
	}
	Must(t, b.SetDefault(ctx, topicNamed(b, "allotment").ID()))
	Must(t, topicNamed(b, "club").Leave(ctx, &xaeroflux.LeaveOptions{WithoutAsking: true}))
	_, err = a.CreateTopic(ctx, "late", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	awaitTopics(t, a, b, addr, "late")
	if topicNamed(b, "club") != nil {
		t.Error("a topic that was left is back")
	}
	if topicNamed(a, "club") == nil {
		t.Error("what one device left, another left too")
	}
}

// TestHomeIsNotShown: an application sees neither the home topic nor its logs, and the
// store checks and opens as ever.
func TestHomeIsNotShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	_, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	words(t, a)
	link, err := a.LinkDevice(ctx, nil)
	Must(t, err)
	inv, err := identity.ParseInvite(link)
	Must(t, err)
	home := xaeroflux.TopicID(inv.Topic())
	if _, err := a.Topic(home); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("the home topic: %v", err)
	}
	if err := a.SetDefault(ctx, home); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("as the default: %v", err)
	}
	for _, err := range a.Events(ctx, xaeroflux.Query{Topic: home}) {
		if !errors.Is(err, xaeroflux.ErrUnknownTopic) {
			t.Errorf("its events: %v", err)
		}
	}
	devices, err := a.Devices()
	Must(t, err)
	for _, err := range a.Events(ctx, xaeroflux.Query{Log: devices[0].Log}) {
		if !errors.Is(err, xaeroflux.ErrUnknownLog) {
			t.Errorf("events of its log: %v", err)
		}
	}
	if _, err := a.Log(devices[0].Log); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("its log: %v", err)
	}
	if unshared := a.SyncStatus().Unshared; len(unshared) != 2 {
		t.Errorf("unshared are %v", unshared)
	}
	Must(t, a.Close())
	CheckClean(t, dir)
	again := Open(t, dir, nil)
	if _, err := again.LinkDevice(ctx, nil); err != nil {
		t.Errorf("opened again: %v", err)
	}
	if err := again.Words(ctx, func(string) error { return nil }); !errors.Is(err, xaeroflux.ErrWordsKept) {
		t.Errorf("words of a store that was opened again: %v", err)
	}
}

// TestOnePerson: a store is one person's device.
func TestOnePerson(t *testing.T) {
	a, b := Open(t, filepath.Join(t.TempDir(), "a"), nil), Open(t, filepath.Join(t.TempDir(), "b"), nil)
	words(t, a)
	words(t, b)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	if _, err := b.Join(ctx, link); !errors.Is(err, xaeroflux.ErrWordsKept) {
		t.Errorf("a device of another person: %v", err)
	}
}

// connected keeps two stores connected.
func connected(t *testing.T, db *xaeroflux.DB, addr string) {
	t.Helper()
	Must(t, db.Connect(ctx, addr))
}

// TestAnyDeviceLinks: a device that does not keep the list of devices links another one,
// which has its topics from it.
func TestAnyDeviceLinks(t *testing.T) {
	a, addr := listening(t, "a", nil)
	_, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	words(t, a)
	b, baddr := linked(t, a, "b", "family")
	connected(t, b, addr)
	bt := topicNamed(b, "family")
	Await(t, func() bool { m, err := bt.Members(); return err == nil && len(m) == 1 && len(m[0].Devices) == 2 })
	link, err := b.LinkDevice(ctx, nil)
	Must(t, err)
	c := Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	connected(t, c, baddr)
	Await(t, func() bool { return topicNamed(c, "family") != nil })
	Await(t, func() bool { // the roster comes with a session that shares the topic
		_, err := topicNamed(c, "family").Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("of the third")})
		if !errors.Is(err, xaeroflux.ErrSealed) {
			Must(t, err)
		}
		return err == nil
	})
	Await(t, func() bool {
		m, err := topicNamed(a, "family").Members()
		return err == nil && len(m) == 1 && len(m[0].Devices) == 3 && texts(t, topicNamed(a, "family"))["note:of the third"]
	})
	all, err := c.Devices()
	Must(t, err)
	if len(all) != 3 {
		t.Errorf("devices are %+v", all)
	}
}

// TestLinkIsForOne: a link that was used links nobody else.
func TestLinkIsForOne(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	_, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	words(t, a)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	b, addr := listening(t, "b", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	awaitTopics(t, a, b, addr, "family")
	Await(t, func() bool { all, err := a.Devices(); return err == nil && len(all) == 2 })
	c, caddr := listening(t, "c", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	Await(t, func() bool { // once the keys have turned, they share nothing
		_, err := a.Sync(ctx, caddr)
		return err != nil
	})
	if topicNamed(c, "family") != nil {
		t.Error("a second store has the topics")
	}
	if all, err := a.Devices(); err != nil || len(all) != 2 {
		t.Errorf("devices are %+v, %v", all, err)
	}
}

// TestACopyOfALinkedDevice: a copy of a person's store is one more device of the person,
// in the home topic too.
func TestACopyOfALinkedDevice(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	_, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	words(t, a)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	dir := filepath.Join(t.TempDir(), "b")
	b := Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	awaitTopics(t, a, b, addr.String(), "family")
	Await(t, func() bool { meet(t, a, addr.String()); all, err := b.Devices(); return err == nil && len(all) == 2 })
	Must(t, b.Close())
	c := Open(t, Copied(t, dir), nil)
	at, err := c.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, at.String())
		all, err := a.Devices()
		m, merr := topicNamed(a, "family").Members()
		return err == nil && merr == nil && len(all) == 3 && len(m) == 1 && len(m[0].Devices) == 3
	})
}

// TestWordsAreOnNoDisk: neither the words nor what they are made of is in any file.
func TestWordsAreOnNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := Open(t, dir, nil)
	_, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	phrase := words(t, a)
	_, err = a.LinkDevice(ctx, nil)
	Must(t, err)
	Must(t, a.Close())
	w, err := identity.ParseWords(phrase)
	Must(t, err)
	h, root := w.Home(), w.RootKEMSeed()
	account, kem := h.Account.Key().Seed(), h.Account.KEMSeed()
	secrets := map[string][]byte{"the words": []byte(phrase), "their bits": w.Secret[:], "the root key": root[:], "the home account's secret": h.Account.Secret[:], "its key": account, "its KEM key": kem[:]}
	found := false
	for name, b := range allFiles(t, dir) {
		for what, s := range secrets {
			if bytes.Contains(b, s) {
				t.Errorf("%s holds %s", name, what)
			}
		}
		id := h.Genesis.ID()
		found = found || bytes.Contains(b, id[:]) // that is in a row, and no secret
	}
	if !found {
		t.Error("the search finds nothing")
	}
}

// allFiles reads the files of a store.
func allFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	Must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	}))
	return all
}
