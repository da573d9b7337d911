// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// threeDevices opens three devices of one person, of which the first listens, wrote the topics
// "family" and "garden", and keeps the list; the others are connected to it. The phrase is
// the person's.
func threeDevices(t *testing.T) (a, phone, laptop *xaeroflux.DB, phrase string) {
	t.Helper()
	a, addr := listening(t, "a", nil)
	for _, name := range []string{"family", "garden"} {
		_, err := a.CreateTopic(ctx, name, nil)
		Must(t, err)
	}
	phrase = words(t, a)
	others := make([]*xaeroflux.DB, 2)
	for i, name := range []string{"phone", "laptop"} {
		link, err := a.LinkDevice(ctx, nil)
		Must(t, err)
		others[i] = Open(t, filepath.Join(t.TempDir(), name), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
		connected(t, others[i], addr)
	}
	for _, db := range []*xaeroflux.DB{a, others[0], others[1]} {
		for _, name := range []string{"family", "garden"} {
			Await(t, func() bool { at := topicNamed(db, name); return at != nil && len(devices(t, at)) == 3 })
		}
		Await(t, func() bool { all, err := db.Devices(); return err == nil && len(all) == 3 })
	}
	return a, others[0], others[1], phrase
}

// has reports whether a device of a topic signs the logs of a store.
func has(t *testing.T, topic *xaeroflux.Topic, key xaeroflux.AuthorKey) bool {
	t.Helper()
	return slices.ContainsFunc(devices(t, topic), func(d xaeroflux.Device) bool { return d.Key == key })
}

// keys are those of a store in its topics, by name.
func keys(db *xaeroflux.DB) map[string]xaeroflux.AuthorKey {
	all := map[string]xaeroflux.AuthorKey{}
	for _, t := range db.Topics() {
		all[t.Name()] = t.Log().Author()
	}
	return all
}

// removeEverywhere removes a device with another one, until each state is as wanted: what
// one says of its keys takes a moment to get to another.
func removeEverywhere(t *testing.T, by *xaeroflux.DB, device xaeroflux.AuthorKey, want map[string]xaeroflux.RemovalState) {
	t.Helper()
	Await(t, func() bool {
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		all, err := by.RemoveDeviceEverywhere(short, device)
		Must(t, err)
		got := map[string]xaeroflux.RemovalState{}
		for _, x := range all {
			got[x.Name] = x.State
			if (x.State == xaeroflux.RemovalRefused) != errors.Is(x.Err, xaeroflux.ErrRole) {
				t.Errorf("%+v", x)
			}
		}
		for name, state := range want {
			if got[name] != state {
				return false
			}
		}
		return true
	})
}

// TestRemovedEverywhere: a device of a person is removed from all topics and from the list
// by one that is the steward of none of them.
func TestRemovedEverywhere(t *testing.T) {
	a, phone, laptop, _ := threeDevices(t)
	lost, id := keys(phone), own(t, phone)
	if _, err := phone.RemoveDeviceEverywhere(ctx, id); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("itself: %v", err)
	}
	if _, err := laptop.RemoveDeviceEverywhere(ctx, xaeroflux.AuthorKey{1}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a stranger: %v", err)
	}
	Must(t, phone.Close())
	removeEverywhere(t, laptop, id, map[string]xaeroflux.RemovalState{"family": xaeroflux.RemovalDone, "garden": xaeroflux.RemovalDone, "": xaeroflux.RemovalDone})
	for _, db := range []*xaeroflux.DB{a, laptop} {
		for _, name := range []string{"family", "garden"} {
			if has(t, topicNamed(db, name), lost[name]) {
				t.Errorf("the device is still in %s", name)
			}
		}
		if all, err := db.Devices(); err != nil || len(all) != 2 {
			t.Errorf("the list is %+v, %v", all, err)
		}
	}
}

// TestStewardRemovedEverywhere: the device that wrote everything is stolen. It is removed by
// itself once another one writes the rosters, and keeps the list, by the words.
func TestStewardRemovedEverywhere(t *testing.T) {
	a, phone, laptop, phrase := threeDevices(t)
	lost, id := keys(a), own(t, a)
	Must(t, a.Close())
	addr, err := phone.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	connected(t, laptop, addr.String())
	removeEverywhere(t, laptop, id, map[string]xaeroflux.RemovalState{"family": xaeroflux.RemovalRefused, "garden": xaeroflux.RemovalRefused, "": xaeroflux.RemovalRefused})

	if err := laptop.KeepDevicesByWords(ctx, "abandon"); !errors.Is(err, xaeroflux.ErrWords) {
		t.Errorf("one word: %v", err)
	}
	Must(t, laptop.KeepDevicesByWords(ctx, phrase))
	Await(t, func() bool { all, err := phone.Devices(); return err == nil && len(all) == 2 })
	Must(t, topicNamed(phone, "family").TakeOverByWords(ctx, phrase)) // the other one hears what is to be removed
	for _, db := range []*xaeroflux.DB{phone, laptop} {
		Await(t, func() bool { return !has(t, topicNamed(db, "family"), lost["family"]) })
	}
	if !has(t, topicNamed(laptop, "garden"), lost["garden"]) {
		t.Error("the device was removed from a roster that it writes")
	}
}

// TestTheListMoves: the device that keeps a person's list hands it over, and is removed from
// it like any other then.
func TestTheListMoves(t *testing.T) {
	a, phone, laptop, _ := threeDevices(t)
	if err := laptop.RemoveDevice(ctx, own(t, a)); !errors.Is(err, xaeroflux.ErrRole) {
		t.Errorf("the one that keeps the list: %v", err)
	}
	Must(t, phone.KeepDevices(ctx))
	Must(t, phone.KeepDevices(ctx)) // it does
	Await(t, func() bool {
		all, err := laptop.Devices()
		i := slices.IndexFunc(all, func(d xaeroflux.Device) bool { return d.Steward })
		return err == nil && i >= 0 && all[i].Key == own(t, phone)
	})
	Must(t, laptop.RemoveDevice(ctx, own(t, a)))
	if all, err := laptop.Devices(); err != nil || len(all) != 2 {
		t.Errorf("the list is %+v, %v", all, err)
	}
	b := Open(t, filepath.Join(t.TempDir(), "b"), nil)
	if err := b.KeepDevices(ctx); !errors.Is(err, xaeroflux.ErrNoWords) {
		t.Errorf("without words: %v", err)
	}
}
