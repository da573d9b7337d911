// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"crypto/ed25519"
	"math/big"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// told sends EVENTS that would be true but for what spoil does to them.
func told(name string, want messages.Code, spoil func(f *foe, m *messages.Events)) attack {
	return greeted(name, dropped, want, func(f *foe) error {
		m := f.log.Events(0, 100)
		spoil(f, m)
		return f.Send(m)
	})
}

// listed sends a DIFF that would be true but for what spoil does to its entry.
func listed(name string, want messages.Code, spoil func(f *foe, e *messages.LogState)) attack {
	return greeted(name, dropped, want, func(f *foe) error {
		e := f.log.State()
		spoil(f, &e)
		return f.Send(evilpeer.List(e))
	})
}

// malleable is another signature that a lax verifier takes for the same: the
// group order added to its scalar.
func malleable(sig [64]byte) [64]byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	copy(sig[32:], sum)
	return sig
}

// identityPoint is an Ed25519 key of order one, for which the signature
// (identity, 0) holds for every text.
var identityPoint = [32]byte{1}

// forgeries are events and heads of nobody, or of somebody else.
func forgeries() []attack {
	small := func(f *foe) messages.LogState {
		return messages.LogState{
			Log: identity.DataLog(f.topic.Topic(), identityPoint, 4096).ID(), Author: identityPoint, PageBytes: 4096, Size: 1, Pages: 0,
			Head: messages.Head{Size: 1, Root: f.log.Leaves[0], Sig: [64]byte{1}},
		}
	}
	return []attack{
		told("a forged event", messages.CodeBadEvents, func(_ *foe, m *messages.Events) { m.Records[20] ^= 1 }),
		told("a forged payload", messages.CodeBadEvents, func(_ *foe, m *messages.Events) { m.Records[len(m.Records)-1] ^= 1 }),
		told("a forged proof", messages.CodeBadEvents, func(_ *foe, m *messages.Events) { m.Right[0][0] ^= 1 }),
		told("events in another order", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			m.Records = slices.Concat(f.log.Records[1], f.log.Records[0])
			m.Records = append(m.Records, slices.Concat(f.log.Records[2:100]...)...)
		}),
		told("an event left out", messages.CodeBadRange, func(f *foe, m *messages.Events) {
			m.Records, m.Count = slices.Concat(f.log.Records[:99]...), 99
		}),
		greeted("an event without its payload", shrugged, 0, func(f *foe) error {
			m := f.log.Events(0, 100)
			r, n, err := event.DecodeRecord(m.Records)
			storetest.Must(f.t, err)
			m.Records = append(r.AppendErased(nil), m.Records[n:]...)
			return f.Send(m)
		}),
		told("bytes after the last event", messages.CodeBadEvents, func(_ *foe, m *messages.Events) { m.Records = append(m.Records, 0) }),
		told("half an event", messages.CodeBadEvents, func(_ *foe, m *messages.Events) { m.Records = m.Records[:len(m.Records)-3] }),
		told("a forged head", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Head.Sig[3] ^= 1 }),
		told("a head that somebody else signed", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			h := proof.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), m.Log, m.Head.Size, m.Head.Root)
			m.Head.Sig = h.Sig
		}),
		told("a malleable signature", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Head.Sig = malleable(m.Head.Sig) }),
		told("an author who is not the log's", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Author[0] ^= 1 }),
		told("a log under another id", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Log = digest.Hash{1} }),
		told("a page size that is none", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			m.PageBytes = 2048
			m.Log = identity.DataLog(f.topic.Topic(), m.Author, m.PageBytes).ID()
		}),
		told("events of another topic", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			m.Log = identity.DataLog(identity.TopicID{5}, m.Author, m.PageBytes).ID()
			m.Head.Sig = proof.Sign(f.log.Key, m.Log, m.Head.Size, m.Head.Root).Sig
		}),
		told("a head of another log of the same author", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			other := identity.DataLog(f.topic.Topic(), m.Author, m.PageBytes)
			other.Number = 1
			m.Head.Sig = proof.Sign(f.log.Key, other.ID(), m.Head.Size, m.Head.Root).Sig
		}),
		told("a number that is not the log's", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Number = 1 }),
		told("a kind that is not the log's", messages.CodeBadHead, func(_ *foe, m *messages.Events) { m.Kind = identity.KindRoster }),
		told("events of another log under one's own head", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			m.Records = slices.Concat(f.bystander.Records[:100]...)
		}),
		told("one's own events in the victim's log", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			h := f.victim.Head()
			l, err := f.victim.Log(h.Log)
			storetest.Must(f.t, err)
			m.Log, m.Author, m.PageBytes = digest.Hash(h.Log), [32]byte(l.Author()), 4096
			m.First, m.Count, m.Records = h.Size, 1, f.log.Records[h.Size]
			m.Head.Size, m.Right = h.Size+1, nil
		}),
		told("a key of small order", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			e := small(f)
			*m = messages.Events{Log: e.Log, Author: e.Author, PageBytes: 4096, Count: 1, Head: e.Head, Records: f.log.Records[0]}
		}),
		listed("a key of small order in a list", messages.CodeBadHead, func(f *foe, e *messages.LogState) { *e = small(f) }),
		listed("a forged head in a list", messages.CodeBadHead, func(_ *foe, e *messages.LogState) { e.Head.Root[0] ^= 1 }),
		listed("a malleable signature in a list", messages.CodeBadHead, func(_ *foe, e *messages.LogState) { e.Head.Sig = malleable(e.Head.Sig) }),
		listed("a log of another topic in a list", messages.CodeBadHead, func(_ *foe, e *messages.LogState) {
			e.Log = identity.DataLog(identity.TopicID{5}, e.Author, e.PageBytes).ID()
		}),
		listed("more events than the head has", messages.CodeBadHead, func(_ *foe, e *messages.LogState) { e.Size = e.Head.Size + 1 }),
		listed("more of the victim's own log, signed by another", messages.CodeBadHead, func(f *foe, e *messages.LogState) {
			h := f.victim.Head()
			l, err := f.victim.Log(h.Log)
			storetest.Must(f.t, err)
			e.Log, e.Author = digest.Hash(h.Log), [32]byte(l.Author())
		}),
		greeted("a log twice in a list", dropped, messages.CodeLimit, func(f *foe) error {
			return f.Send(evilpeer.List(f.log.State(), f.log.State()))
		}),
	}
}

// trees are lies about the shape of a tree, most of them signed by the author:
// only the shape can tell.
func trees() []attack {
	return []attack{
		told("a wrong size with the right root", messages.CodeBadHead, func(f *foe, m *messages.Events) {
			// Three leaves of which the last is an inner node have the root of four.
			four := f.log.Cut(4)
			*m = *four.Events(0, 2)
			m.Head.Size = 3
		}),
		told("a size too many, signed", messages.CodeBadRange, func(f *foe, m *messages.Events) {
			n := uint64(len(f.log.Leaves))
			*m = *f.log.Events(n-1, n)
			m.First, m.Count, m.Records = 0, uint32(n), slices.Concat(f.log.Records...)
			m.Head = evilpeer.Wire(f.log.Sign(n+1, f.log.Head.Root))
		}),
		told("an inner node for a leaf", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			// A tree of one, whose leaf is said to be the two hashes below a node.
			two := f.log.Cut(2)
			*m = *two.Events(0, 1)
			m.Right, m.Head = nil, evilpeer.Wire(f.log.Sign(1, two.Head.Root))
			m.Records = slices.Concat(make([]byte, event.HeaderBytes), two.Leaves[0][:], two.Leaves[1][:])
		}),
		told("a leaf for an inner node", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			four := f.log.Cut(4)
			*m = *four.Events(0, 2)
			m.Right = []digest.Hash{four.Leaves[2]} // of the node of leaves 2 and 3
		}),
		told("the last leaf of an odd tree twice", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			three := f.log.Cut(3)
			*m = *three.Events(0, 3)
			m.Records, m.Count = append(m.Records, three.Records[2]...), 4
			m.Head = evilpeer.Wire(f.log.Sign(4, three.Head.Root))
		}),
		told("hashes too many in a proof", messages.CodeBadRange, func(_ *foe, m *messages.Events) { m.Right = append(m.Right, digest.Hash{}) }),
		told("hashes too few in a proof", messages.CodeBadRange, func(_ *foe, m *messages.Events) { m.Right = m.Right[1:] }),
		told("a proof of another place", messages.CodeBadRange, func(f *foe, m *messages.Events) { m.Right = f.log.Events(0, 101).Right }),
		greeted("a log of 2^48 events of which none come", shrugged, 0, func(f *foe) error {
			e := f.log.State()
			e.Size, e.Pages, e.Head = messages.MaxCount, 1<<40, evilpeer.Wire(f.log.Sign(messages.MaxCount, digest.Hash{1}))
			if err := f.Send(evilpeer.List(e)); err != nil {
				return err
			}
			_, err := f.Answer(ctx, true)
			return err
		}),
		told("events up to 2^48 and no proof", messages.CodeBadRange, func(f *foe, m *messages.Events) {
			m.Head = evilpeer.Wire(f.log.Sign(messages.MaxCount, digest.Hash{1}))
		}),
		told("events under a forged proof up to 2^48", messages.CodeBadEvents, func(f *foe, m *messages.Events) {
			m.Right = make([]digest.Hash, merkleindex.RangeLen(100, messages.MaxCount))
			m.Head = evilpeer.Wire(f.log.Sign(messages.MaxCount, digest.Hash{1}))
		}),
	}
}

// histories are true words said at the wrong time, or to the wrong ears.
func histories() []attack {
	b := func(f *foe) *evilpeer.Log { return f.bystander }
	return []attack{
		greeted("events said again", shrugged, 0, func(f *foe) error { return f.Send(b(f).Events(0, 100), b(f).Events(50, 60)) }),
		greeted("an old head with its events", shrugged, 0, func(f *foe) error { return f.Send(b(f).Cut(50).Events(0, 50)) }),
		greeted("an old state in a list", shrugged, 0, func(f *foe) error { return f.Send(evilpeer.List(b(f).Cut(50).State())) }),
		greeted("a list that says nothing of what the peer had", shrugged, 0, func(f *foe) error {
			return f.Send(evilpeer.Part(b(f).Cut(50).State()), evilpeer.List())
		}),
		greeted("events far behind a gap", shrugged, 0, func(f *foe) error { return f.Send(f.log.Events(6000, 6100)) }),
		greeted("digests that are not true", shrugged, 0, func(f *foe) error {
			h := f.victim.Head()
			return f.Send(&messages.Peaks{Logs: 1, Digest: digest.Hash(h.Root)}, &messages.SyncDone{Logs: messages.MaxCount, Digest: digest.Hash(h.Root)}, &messages.SyncDone{Ask: true})
		}),
		greeted("events of a log one said not to have", shrugged, 0, func(f *foe) error {
			return f.Send(evilpeer.List(), b(f).Events(90, 100))
		}),
		greeted("events under a stolen head", dropped, messages.CodeBadEvents, func(f *foe) error {
			m := b(f).Events(100, 101)
			m.Records[len(m.Records)-1] ^= 1
			return f.Send(m)
		}),
		greeted("another history, signed", leftOut, messages.CodeFork, func(f *foe) error {
			fork := f.newLog(b(f).Key, 4096, 150, "event %d of another history")
			return f.Send(fork.Events(100, 150))
		}),
		greeted("another history of a whole list", leftOut, messages.CodeFork, func(f *foe) error {
			fork := f.newLog(b(f).Key, 4096, 150, "event %d of another history")
			if err := f.Send(evilpeer.List(fork.State())); err != nil {
				return err
			}
			return f.Send(fork.Events(100, 150))
		}),
	}
}
