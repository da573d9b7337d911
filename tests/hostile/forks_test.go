// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// accused sends a fork proof that would be true but for what spoil does to it.
func accused(name string, want messages.Code, spoil func(f *foe, p *proof.Fork)) attack {
	return greeted(name, dropped, want, func(f *foe) error {
		l := f.log
		p := proof.NewFork(identity.DataLog(f.topic.Topic(), l.Author, uint32(l.PageBytes)), l.Head, l.Sign(l.Head.Size, digest.Hash{0xff}), digest.Hash{}, nil)
		spoil(f, &p)
		return f.Send(&messages.Fork{Proof: p.Encode()})
	})
}

// accusations are proofs of forks that were none, and cosignatures.
func accusations() []attack {
	return []attack{
		accused("a fork with a forged signature", messages.CodeFork, func(_ *foe, p *proof.Fork) { p.Old.Sig[3] ^= 1 }),
		accused("a fork of one head and itself", messages.CodeFork, func(_ *foe, p *proof.Fork) { p.Old = p.New }),
		accused("a fork of a head and its beginning", messages.CodeFork, func(f *foe, p *proof.Fork) {
			p.Old = f.log.Cut(4096).Head // a whole subtree, so that there are hashes enough to be had
			p.Root = p.Old.Root
		}),
		accused("a fork of somebody else's log", messages.CodeBadHead, func(_ *foe, p *proof.Fork) { p.Author[3] ^= 1 }),
		accused("a fork of a log in another topic", messages.CodeFork, func(_ *foe, p *proof.Fork) { p.Topic[0] ^= 1 }),
		accused("a fork by a key of small order", messages.CodeFork, func(_ *foe, p *proof.Fork) { p.Author = identityPoint }),
		greeted("a fork that is none", dropped, messages.CodeFork, func(f *foe) error {
			return f.Send(&messages.Fork{Proof: []byte("xaeroflux fork v1\n")})
		}),
		greeted("a log that is said to be forked", shrugged, 0, func(f *foe) error {
			e := f.bystander.State()
			e.Size, e.Pages, e.Head, e.End = 0, 0, messages.Head{}, messages.Forked
			return f.Send(&messages.Diff{Rung: messages.RungFrontier, Part: true, Entries: []messages.LogState{e}})
		}),
		greeted("a cosignature that nobody asked for", dropped, messages.CodeUnexpectedMessage, func(f *foe) error {
			return f.Send(&messages.CosignResponse{Log: f.log.ID, Time: 1})
		}),
	}
}

// A witness cosigns what it holds and nothing else.
func TestWitnessRefuses(t *testing.T) {
	a := newArena(t, "memory", storetest.Small())
	f := a.foe()
	defer f.Conn.CloseWithError(0, "")
	storetest.Must(t, f.Greet(ctx, a.topic))
	held := a.bystander
	good := messages.CosignRequest{Log: held.ID, Size: 100, Root: held.Root(100)}
	for _, c := range []struct {
		what  string
		spoil func(*messages.CosignRequest)
		want  bool
	}{
		{"less than it holds", func(m *messages.CosignRequest) { m.Size, m.Root = 70, held.Root(70) }, true},
		{"what it holds", func(*messages.CosignRequest) {}, true},
		{"the same again", func(*messages.CosignRequest) {}, true},
		{"less than before", func(m *messages.CosignRequest) { m.Size, m.Root = 70, held.Root(70) }, false},
		{"more events", func(m *messages.CosignRequest) { m.Size, m.Root = 101, held.Root(101) }, false},
		{"no events", func(m *messages.CosignRequest) { m.Size = 0 }, false},
		{"another root", func(m *messages.CosignRequest) { m.Root[0] ^= 1 }, false},
		{"another log", func(m *messages.CosignRequest) { m.Log[0] ^= 1 }, false},
		{"its own log", func(m *messages.CosignRequest) {
			h := a.victim.Head()
			m.Log, m.Size, m.Root = digest.Hash(h.Log), h.Size, digest.Hash(h.Root)
		}, false},
	} {
		req := good
		c.spoil(&req)
		storetest.Must(t, f.Send(&req))
		got := f.cosigned()
		if (got.Time != 0) != c.want || got.Log != req.Log || got.Size != req.Size {
			t.Errorf("%s: %+v", c.what, got)
		}
		if !c.want {
			continue
		}
		sig := proof.Cosignature{Witness: got.Witness, Time: got.Time, Sig: got.Sig}
		if err := sig.Verify(proof.Head{Log: got.Log, Size: got.Size, Root: got.Root}); err != nil || got.Witness != storetest.WitnessOf(t, a.victim).Key() {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// cosigned reads up to the answer of the witness.
func (f *foe) cosigned() *messages.CosignResponse {
	f.t.Helper()
	for {
		m, err := f.Read()
		storetest.Must(f.t, err)
		if a, ok := m.(*messages.CosignResponse); ok {
			return a
		}
	}
}
