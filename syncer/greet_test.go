// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A greeting is two sessions of peers that met before, step by step.
type greeting struct {
	t      *testing.T
	ends   [2]*Session
	in     [2][]messages.Message
	pushed [2]map[digest.Hash]uint64
	said   map[string]int
}

func greet(t *testing.T, stores ...*shelf) *greeting {
	g := &greeting{t: t, said: map[string]int{}}
	for i, w := range stores {
		s := New(Config{
			Dialer: i == 0, Self: PeerOf(identity.Seed{byte(1 + i)}), Peer: PeerOf(identity.Seed{byte(2 - i)}), Binding: []byte("b"),
			Topics: TopicsOf(twinTopic), Store: w, History: w,
		})
		g.ends[i], g.pushed[i] = s, map[digest.Hash]uint64{}
	}
	g.step(0, Start{})
	g.step(1, Start{})
	return g
}

func (g *greeting) step(i int, what Input) {
	g.t.Helper()
	for _, o := range g.ends[i].Step(what) {
		switch o := o.(type) {
		case Send:
			if d, ok := o.Message.(*messages.Diff); ok {
				g.said[saying(d)]++
			}
			g.in[1-i] = append(g.in[1-i], o.Message)
		case Push:
			if from, twice := g.pushed[i][o.Log]; twice {
				g.t.Errorf("side %d pushes a log from %d and from %d", i, from, o.From)
			}
			g.pushed[i][o.Log] = o.From
		case Fail:
			g.t.Fatalf("side %d fails: %s: %s", i, o.Code, o.Text)
		}
	}
}

func (g *greeting) hear(i int) {
	g.t.Helper()
	m := g.in[i][0]
	g.in[i] = g.in[i][1:]
	g.step(i, Received{m})
}

func (g *greeting) rest() {
	g.t.Helper()
	for len(g.in[0])+len(g.in[1]) > 0 {
		for i := range g.in {
			if len(g.in[i]) > 0 {
				g.hear(i)
			}
		}
	}
}

func (g *greeting) brings(what string, a, b *shelf) {
	g.t.Helper()
	if !maps.Equal(g.pushed[0], behind(a, b)) || !maps.Equal(g.pushed[1], behind(b, a)) {
		g.t.Errorf("%s: other pushes than the obvious, after %v", what, g.said)
	}
}

// Of peers that met before, who is ahead of one that is where both were brings
// what is missing as soon as it hears HELLO, and nothing else is said.
func TestGreetingTellsWhatIsMissing(t *testing.T) {
	for _, n := range []int{1, 3, 200} {
		for ahead := range 2 {
			w := make([]*shelf, 2)
			w[ahead], w[1-ahead] = shelves(rand.New(rand.NewPCG(uint64(n), 1)), n, 0)
			for id := range w[ahead].was {
				if w[ahead].sizes[id]++; id[0] >= 128 {
					w[ahead].sizes[digest.Sum(id[:])] = 7
				}
			}
			g := greet(t, w...)
			g.hear(ahead)
			g.brings("at HELLO", w[0], w[1])
			g.rest()
			g.brings("at the end", w[0], w[1])
			if len(g.said) != 1 || g.said["Cursor"] != 1 {
				t.Errorf("%d logs: %v were said, want one list", n, g.said)
			}
		}
	}
}

// Events appended while the greetings are on their way are brought too, and
// nothing twice.
func TestGreetingsCross(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		a, b := shelves(r, 20, 0)
		w := [2]*shelf{a, b}
		made := 0
		change := func(g *greeting) {
			for i := range w {
				if r.IntN(2) > 0 {
					continue
				}
				made++
				id := digest.Sum([]byte{byte(made)})
				w[i].sizes[id], w[i].set = 1+r.Uint64N(9), digest.Set{}
				if g != nil {
					g.step(i, Advanced{Log: id})
				}
			}
		}
		change(nil)
		g := greet(t, a, b)
		for range 3 {
			change(g)
			for i := range g.in {
				if len(g.in[i]) > 0 && r.IntN(2) == 0 {
					g.hear(i)
				}
			}
		}
		g.rest()
		g.brings("crossing", a, b)
	}
}

// A peer that restored a copy that is where both were, but with another instance, is
// not believed, and one that forgot what both held learns it as if both never met.
func TestGreetingOfAnotherCopy(t *testing.T) {
	a, b := shelves(rand.New(rand.NewPCG(1, 3)), 1200, 40)
	b.sizes, b.was = maps.Clone(a.was), nil
	g := greet(t, a, b)
	g.rest()
	g.brings("the listener forgot", a, b)
	if g.said["Symbols"] == 0 {
		t.Errorf("%v were said, want a sketch", g.said)
	}
}

// A list before PEAKS is bound as any other, and taken once.
func TestHostileForetelling(t *testing.T) {
	strange := make([]messages.ShortState, 100)
	for i := range strange {
		strange[i] = messages.ShortState{ID: uint64(i), Size: 1}
	}
	a, _ := shelves(rand.New(rand.NewPCG(1, 4)), 20, 0)
	since, _ := a.Remembered(identity.PeerID{}, digest.Hash{})
	cursor := func(more bool, b messages.CursorBody) messages.Message {
		b.Since = since
		return bodyOf(1, 0, more, &b)
	}
	for name, c := range map[string]struct {
		want messages.Code
		msgs []messages.Message
	}{
		"too many logs":     {messages.CodeLimit, []messages.Message{cursor(true, messages.CursorBody{Logs: strange})}},
		"two salts":         {messages.CodeMalformed, []messages.Message{cursor(true, messages.CursorBody{}), cursor(true, messages.CursorBody{Salt: sketch.Salt{1}})}},
		"another state":     {messages.CodeUnexpectedMessage, []messages.Message{bodyOf(1, 0, false, &messages.CursorBody{Since: digest.Set{Count: 1}})}},
		"again and again":   {0, []messages.Message{cursor(false, messages.CursorBody{}), cursor(false, messages.CursorBody{}), cursor(false, messages.CursorBody{})}},
		"logs from nowhere": {0, []messages.Message{cursor(false, messages.CursorBody{Logs: strange[:9]}), &messages.Peaks{Digest: digest.Hash{1}}}},
	} {
		s := New(Config{
			Dialer: true, Self: PeerOf(identity.Seed{1}), Peer: PeerOf(identity.Seed{2}), Binding: []byte("b"),
			Topics: TopicsOf(twinTopic), Store: a, History: a, Limits: Limits{MaxLogs: 50},
		})
		s.Step(Start{})
		s.Step(Received{&messages.Hello{Version: Version, Peer: PeerOf(identity.Seed{2}), Offers: []messages.Offer{twinTopic.Offer("b", false)}}})
		var got messages.Code
		for _, m := range c.msgs {
			for _, o := range s.Step(Received{m}) {
				if f, ok := o.(Fail); ok {
					got = f.Code
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
