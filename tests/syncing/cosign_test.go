// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Peers cosign what they hold; a policy takes a head with enough of them and
// none with fewer, and what was collected is kept.
func TestPeersCosign(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, t.TempDir()+"/a", o)
	p, atP := storetest.JoinedAt(t, a, o, "p")
	q, atQ := storetest.JoinedAt(t, a, o, "q")
	storetest.MustAppend(t, a, 100, "event %d")
	for _, at := range []string{atP, atQ} {
		if err := a.Connect(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	text, err := a.Cosigned(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	vkey := a.Head().VKey()
	both := proof.Policy{K: 2, Witnesses: []note.Verifier{storetest.WitnessOf(t, p), storetest.WitnessOf(t, q)}}
	h, _, err := proof.VerifyCosigned(text, vkey, both)
	if err != nil || xaeroflux.LogID(h.Log) != a.Head().Log || xaeroflux.Hash(h.Root) != a.Head().Root {
		t.Errorf("%+v, %v of\n%s", h, err, text)
	}
	if _, _, err := proof.VerifyCosigned(a.Head().Checkpoint(), vkey, both); !errors.Is(err, xaeroflux.ErrWitnesses) {
		t.Errorf("a head that nobody cosigned: %v", err)
	}
	if both.Witnesses[1] = storetest.WitnessOf(t, a); storetest.WitnessOf(t, a) == storetest.WitnessOf(t, p) {
		t.Error("two stores are one witness")
	}
	if _, _, err := proof.VerifyCosigned(text, vkey, both); !errors.Is(err, xaeroflux.ErrWitnesses) {
		t.Errorf("a witness who did not cosign: %v", err)
	}
	l, err := q.Log(a.Head().Log) // who holds the log can have it cosigned too
	if err != nil {
		t.Fatal(err)
	}
	few, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := l.Cosigned(few, 3); !errors.Is(err, xaeroflux.ErrWitnesses) {
		t.Errorf("three of two peers: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = storetest.Open(t, a.Dir(), o)
	if again, err := a.Cosigned(ctx, 0); err != nil || len(again) != len(text) {
		t.Errorf("%v, kept are\n%s, had\n%s", err, again, text)
	}
}

// A forked log is not cosigned, by whoever holds whichever branch.
func TestForkedLogIsNotCosigned(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 2, 1, 1)
	_, atP := storetest.JoinedAt(t, a, o, "p")
	if _, err := a.Cosigned(ctx, 1); !errors.Is(err, xaeroflux.ErrWitnesses) {
		t.Errorf("without a peer: %v", err)
	}
	storetest.MustSync(t, a, atP)
	if _, err := a.Cosigned(ctx, 1); err != nil {
		t.Error(err)
	}
	storetest.MustSync(t, copied, atP)
	if _, err := copied.Cosigned(ctx, 1); !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("a frozen log: %v", err)
	}
}

// A peer that cosigned a head cosigns no older one any more
// (https://c2sp.org/tlog-cosignature).
func TestCosigningNeverGoesBack(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, t.TempDir()+"/a", o)
	_, atP := storetest.JoinedAt(t, a, o, "p")
	q, _ := storetest.JoinedAt(t, a, o, "q")
	r, _ := storetest.JoinedAt(t, a, o, "r")
	storetest.MustAppend(t, a, 10, "event %d")
	if _, err := a.Sync(ctx, atP); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*xaeroflux.DB{q, r} {
		topic, err := db.Topic(xaeroflux.TopicID{})
		if err == nil {
			_, err = db.Sync(ctx, atP)
		}
		if err == nil {
			err = topic.Follow(ctx) // so that it stays behind
		}
		if err == nil {
			_, err = db.Sync(ctx, atP)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	older := func(db *xaeroflux.DB, want string) {
		l, err := db.Log(a.Head().Log)
		if err != nil {
			t.Fatal(err)
		}
		few, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err = l.Cosigned(few, 2); !errors.Is(err, xaeroflux.ErrWitnesses) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want that %s", err, want)
		}
	}
	older(q, "1 of 2 cosigned")
	storetest.MustAppend(t, a, 10, "more %d")
	if _, err := a.Cosigned(ctx, 1); err != nil {
		t.Fatal(err)
	}
	older(r, "0 of 2 cosigned")
}
