// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"crypto/ed25519"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

func listOf(more bool, entries ...messages.LogState) *messages.Diff {
	return &messages.Diff{Rung: messages.RungFrontier, More: more, Entries: entries}
}

func TestHostileDiff(t *testing.T) {
	_, l := peerLog(20)
	honest := stateOf(l.state())
	for name, c := range map[string]struct {
		want  messages.Code
		spoil func(e *messages.LogState)
	}{
		"a size over the head's": {messages.CodeBadHead, func(e *messages.LogState) { e.Size++ }},
		"a signature":            {messages.CodeBadHead, func(e *messages.LogState) { e.Head.Sig[1] ^= 1 }},
		"a root":                 {messages.CodeBadHead, func(e *messages.LogState) { e.Head.Root[1] ^= 1 }},
		"a larger head":          {messages.CodeBadHead, func(e *messages.LogState) { e.Head.Size += 100 }},
		"another author":         {messages.CodeBadHead, func(e *messages.LogState) { e.Author[9] ^= 1 }},
		"another log":            {messages.CodeBadHead, func(e *messages.LogState) { e.Log[9] ^= 1 }},
		"a page size that cannot be": {messages.CodeBadHead, func(e *messages.LogState) {
			e.PageBytes = 1 << 17
			e.Log = DataLog(twinTopic.ID(), e.Author, e.PageBytes)
		}},
		"an author of small order": {messages.CodeBadHead, func(e *messages.LogState) {
			e.Author = [32]byte{1}
			e.Log = DataLog(twinTopic.ID(), e.Author, e.PageBytes)
		}},
	} {
		for _, part := range []bool{false, true} {
			v := newVictim(t, newPageTwin(1), Limits{})
			e := honest
			c.spoil(&e)
			m := listOf(false, e)
			m.Part = part
			got, _ := v.hears(t, m)
			if got == nil || got.Code != c.want {
				t.Errorf("%s, part %v: %v, want %q", name, part, got, c.want)
			}
		}
	}
}

// A list may not go on for ever: not with logs that are made up, nor with one
// again and again, nor with nothing.
func TestHostileDiffWithoutEnd(t *testing.T) {
	const limit = 50
	made := func(n int) messages.LogState {
		e := messages.LogState{PageBytes: twinPage}
		key := ed25519.NewKeyFromSeed(seedOf(n))
		e.Author = [32]byte(key.Public().(ed25519.PublicKey))
		e.Log = DataLog(twinTopic.ID(), e.Author, e.PageBytes)
		return e
	}
	for name, next := range map[string]func(n int) *messages.Diff{
		"many logs": func(n int) *messages.Diff { return listOf(true, made(n)) },
		"many logs in parts": func(n int) *messages.Diff {
			m := listOf(false, made(n))
			m.Part = true
			return m
		},
		"one log":  func(int) *messages.Diff { return listOf(true, made(0)) },
		"nothing":  func(int) *messages.Diff { return listOf(true) },
		"one list": func(n int) *messages.Diff { return listOf(true, made(4*n), made(4*n+1), made(4*n+2), made(4*n+3)) },
	} {
		v := newVictim(t, newPageTwin(1), Limits{MaxLogs: limit})
		var got *Fail
		n := 0
		for ; got == nil && n <= 2*limit; n++ {
			got, _ = v.hears(t, next(n))
		}
		if got == nil || got.Code != messages.CodeLimit || n > limit+1 {
			t.Errorf("%s: %v after %d messages, want a limit", name, got, n)
		}
	}
}

// The limit is on what the peer brings up, not on what is held here.
func TestLimitDoesNotCountOurs(t *testing.T) {
	st := newPageTwin(1)
	var ours []messages.LogState
	for i := range 10 {
		l := st.own(byte(i + 1))
		l.write(10, "x")
		ours = append(ours, stateOf(l.state()))
	}
	_, l := peerLog(3)
	v := newVictim(t, st, Limits{MaxLogs: 1})
	if got, _ := v.hears(t, listOf(false, append(ours, stateOf(l.state()))...)); got != nil {
		t.Error(got)
	}
}

// Two heads of one size with different roots are reported, and the log is left
// alone; the session goes on.
func TestForkAtOneSize(t *testing.T) {
	w, l := peerLog(5)
	st := newPageTwin(1)
	if err := st.ingest(Verified{Info: l.info, Count: 5, Records: w.eventsOf(l, 0, 1<<20).Records, Head: l.Head}); err != nil {
		t.Fatal(err)
	}
	e := stateOf(l.state())
	forged := e
	forged.Head.Root[0] ^= 1
	got, _ := newVictim(t, st, Limits{}).hears(t, listOf(false, forged))
	mustFail(t, got, messages.CodeBadHead)

	other := e
	other.Head.Root = digest.Sum([]byte("another history"))
	other.Head.Sig = proof.Sign(l.Key, e.Log, 5, other.Head.Root).Sig
	v := newVictim(t, st, Limits{})
	got, outs := v.hears(t, listOf(false, other))
	if got != nil || forks(outs) != 1 {
		t.Fatalf("%v, %d forks reported, want one", got, forks(outs))
	}
	for range 8 {
		l.write(10, "more")
	}
	if got, outs = v.hears(t, w.eventsOf(l, 5, 1<<20)); got != nil || len(st.logs[e.Log].Leaves) != 5 {
		t.Errorf("%v %v: events of a log that forked are taken", got, outs)
	}
}

func forks(outs []Output) (n int) {
	for _, o := range outs {
		switch o.(type) {
		case Fork, Diverged:
			n++
		}
	}
	return n
}

// An author who shows one history to some and another to others does not part
// them: the log is left alone, and all others go on.
func TestForkingAuthorDoesNotPartPeers(t *testing.T) {
	w, l := peerLog(12)
	st := newPageTwin(1)
	other := newPageTwin(200).own(201)
	for range 7 {
		other.add(twinRecord(60, "another history"))
	}
	other.SignAll()
	st.put(other)
	other.info.Own = false

	v := newVictim(t, st, Limits{})
	good := w.own(203)
	good.write(10, "of an honest author")
	got, outs := v.hears(t, w.eventsOf(l, 7, 1<<20), w.eventsOf(good, 0, 1<<20))
	if got != nil || forks(outs) != 1 {
		t.Fatalf("%v, %d forks reported, want one", got, forks(outs))
	}
	if n := len(st.logs[l.info.Log].Leaves); n != 7 {
		t.Errorf("%d events of the forked log, want the 7 of before", n)
	}
	if st.logs[good.info.Log] == nil {
		t.Error("the honest author's log did not come")
	}
}

// Events held here under the very same head excuse nothing.
func TestLieUnderAKnownHead(t *testing.T) {
	w, l := peerLog(12)
	st := newPageTwin(1)
	part := w.eventsOf(l, 0, 400)
	if err := st.ingest(Verified{Info: l.info, Count: int(part.Count), Records: part.Records, Head: l.Head, Right: part.Right}); err != nil {
		t.Fatal(err)
	}
	m := w.eventsOf(l, uint64(part.Count), 1<<20)
	m.Records[len(m.Records)-1] ^= 1
	got, _ := newVictim(t, st, Limits{}).hears(t, m)
	mustFail(t, got, messages.CodeBadEvents)
}

func seedOf(n int) []byte {
	h := digest.Sum([]byte{byte(n), byte(n >> 8)})
	return h[:]
}
