// SPDX-License-Identifier: MPL-2.0

package storetest

import (
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// TopicOf returns the default topic of a store.
func TopicOf(t testing.TB, db *xaeroflux.DB) *xaeroflux.Topic {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	Must(t, err)
	return topic
}

// LogOf returns a log that the store has to know.
func LogOf(t testing.TB, db *xaeroflux.DB, id xaeroflux.LogID) *xaeroflux.Log {
	t.Helper()
	l, err := db.Log(id)
	Must(t, err)
	return l
}

// Heads returns size and root of every log that holds events.
func Heads(t testing.TB, db *xaeroflux.DB) map[xaeroflux.LogID]string {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	if err != nil {
		t.Fatal(err)
	}
	logs, err := topic.Logs()
	if err != nil {
		t.Fatal(err)
	}
	all := map[xaeroflux.LogID]string{}
	for _, l := range logs {
		if root, size := l.Root(); size > 0 {
			all[l.ID()] = fmt.Sprintf("%d %s", size, root)
		}
	}
	return all
}

// Same fails the test unless two stores hold the same logs.
func Same(t testing.TB, a, b *xaeroflux.DB) {
	t.Helper()
	x, y := Heads(t, a), Heads(t, b)
	if len(x) != len(y) {
		t.Errorf("%d logs and %d", len(x), len(y))
	}
	for id, h := range x {
		if y[id] != h {
			t.Errorf("log %s: %s and %s", id.Short(), h, y[id])
		}
	}
}

// Roots returns the root of each log that holds events.
func Roots(t *testing.T, db *xaeroflux.DB) map[digest.Hash]digest.Hash {
	t.Helper()
	logs, err := db.Topics()[0].Logs()
	if err != nil {
		t.Fatal(err)
	}
	all := map[digest.Hash]digest.Hash{}
	for _, l := range logs {
		root, size := l.Root()
		if size > 0 {
			all[digest.Hash(l.ID())] = digest.Hash(root)
		}
	}
	return all
}

// SameRoots opens a closed store and fails the test unless its roots are those.
func SameRoots(t *testing.T, dir string, want map[digest.Hash]digest.Hash) {
	t.Helper()
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, MustExist: true, Adopt: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := Roots(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("roots %v, want %v", got, want)
	}
}

// FrozenSize returns the proof by which a log is frozen, which has to be valid, and the
// size at which it is held.
func FrozenSize(t *testing.T, db *xaeroflux.DB, id xaeroflux.LogID) (text []byte, size uint64) {
	t.Helper()
	l, err := db.Log(id)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := l.Frozen()
	if !ok {
		t.Fatalf("log %s is not frozen", id.Short())
	}
	p, err := proof.ParseFork(f.Text)
	if err == nil {
		err = p.Verify()
	}
	if err != nil || f.Log != id || f.Log != xaeroflux.LogID(p.Log()) {
		t.Errorf("a proof of log %s, want %s: %v", f.Log.Short(), id.Short(), err)
	}
	return f.Text, l.Size()
}

// WitnessOf returns a store as one of the witnesses of a policy.
func WitnessOf(t *testing.T, db *xaeroflux.DB) proof.Witness {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := proof.ParseWitness(topic.WitnessKey())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Undisturbed fails if an actor had to be restarted.
func Undisturbed(t testing.TB, db *xaeroflux.DB) {
	t.Helper()
	for _, a := range db.Actors() {
		if a.Restarts != 0 || a.LastError != "" {
			t.Errorf("%s: %d restarts, last error %q", a.Name, a.Restarts, a.LastError)
		}
	}
}
