// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A replay is a session of ours that is given what the program was sent.
type replay struct {
	*stock
	s    *Session
	pace Pace
	said [][]byte // that was not compared yet
	tick bool
	now  time.Time
}

func (p *tape) replay(session int) *replay {
	p.t.Helper()
	begin := p.sessions[session][0]
	peerID := func(text string) identity.PeerID {
		id, err := identity.ParsePeerID(text)
		if err != nil {
			p.t.Fatal(err)
		}
		return id
	}
	r := &replay{stock: p.stock(session), now: time.Unix(0, 0)}
	hello := p.hello(session)
	c := Config{
		Self: peerID(begin.Program), Peer: peerID(begin.Suite), Binding: p.unhex(begin.Binding),
		Store: r.stock, History: r.stock, Capabilities: Capabilities{},
	}
	for _, o := range hello.Offers { // in which order is the program's to choose
		for _, t := range p.topics {
			if t.Prover().CheckLobby(o.Lobby, c.Binding, false) {
				c.Topics = append(c.Topics, t)
			}
		}
	}
	for _, o := range hello.Caps { // as is this, and the parameter of RUN is random
		if o.Name != messages.CapSync {
			c.Capabilities[o.Name] = o.Param
		}
	}
	r.s = New(c)
	r.step(Start{})
	return r
}

// hello is the program's.
func (p *tape) hello(session int) *messages.Hello {
	p.t.Helper()
	for _, l := range p.sessions[session][1:] {
		if h, ok := p.message(l).(*messages.Hello); ok && l.From == "program" {
			return h
		}
	}
	p.t.Fatal("no HELLO of the program")
	return nil
}

func (r *replay) step(in Input) {
	r.t.Helper()
	for _, o := range r.s.Step(in) {
		r.do(o)
	}
}

// do carries out at once what a session asks for.
func (r *replay) do(o Output) {
	r.t.Helper()
	switch o := o.(type) {
	case Send:
		r.say(o.Message)
	case Push:
		send := func(m messages.Message) error { r.say(m); return nil }
		if _, err := PushEvents(send, r.stock, o.Topic, o.Log, o.From, o.To, &r.pace); err != nil {
			r.t.Error(err)
		}
	case Ingest:
		r.ingest(o.Verified)
	case Agreed:
		if o.Now && !o.Partial {
			r.agree(o.Topic, o.Set)
		}
	case Forked:
		r.freeze(o.Fork)
	case TellFork:
		r.say(&messages.Fork{Topic: o.Topic, Proof: r.logs[o.Log].fork})
	case WantTick:
		r.tick = true
	case Fail:
		r.say(&messages.Error{Code: o.Code, Text: o.Text})
	case Pull, Fork, Diverged, OwnAhead, Closed:
		r.t.Errorf("not in any of these sessions: %#v", o)
	}
}

func (r *replay) say(m messages.Message) {
	r.t.Helper()
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		r.t.Fatal(err)
	}
	r.said = append(r.said, frame[4:])
}

func (r *replay) ingest(v Verified) {
	r.t.Helper()
	before := r.log(v.Info).Size()
	if err := r.stock.ingest(v); err != nil {
		r.t.Fatal(err)
	}
	r.step(Advanced{v.Info.Log, before})
	r.step(Stored{v.Info.Topic, v.Info.Log, v.First + uint64(v.Count)})
}

func (r *replay) freeze(f proof.Fork) {
	l := r.log(LogInfo{Log: f.Log(), Topic: f.Topic, Author: f.Author, PageBytes: f.PageBytes})
	if l.fork == nil {
		before := uint64(len(l.Leaves))
		l.fork = f.Encode()
		r.step(Advanced{f.Log(), before})
	}
}

// hears compares a message of the program with the next of ours of its kind. What is
// sent by others than the session, which are events and forks, comes in any order
// between the rest.
func (r *replay) hears(want []byte) error {
	m, err := messages.Decode(want)
	if err != nil {
		return err
	}
	for ticks := 0; ; ticks++ {
		i := slices.IndexFunc(r.said, func(b []byte) bool { return sameWay(r.t, m, b, want) })
		switch {
		case i >= 0 && bytes.Equal(r.said[i], want):
			r.said = slices.Delete(r.said, i, i+1)
			return nil
		case i >= 0:
			return fmt.Errorf("says\n\t%x, and the recorded program\n\t%x", r.said[i], want)
		case !r.tick || ticks > 60:
			return fmt.Errorf("does not say %s: %x", m.Type(), want)
		}
		r.tick, r.now = false, r.now.Add(time.Second)
		r.step(Tick{r.now})
	}
}

// sameWay reports whether what we say takes the same way as a message of the program.
func sameWay(t *testing.T, m messages.Message, said, want []byte) bool {
	t.Helper()
	ours, err := messages.Decode(said)
	if err != nil {
		t.Fatal(err)
	}
	aside := func(m messages.Message) bool { return m.Type() == messages.TypeEvents || m.Type() == messages.TypeFork }
	if aside(m) || aside(ours) {
		return bytes.Equal(said, want)
	}
	return true
}

// Our own session says what the recorded program said when it is told what that one
// was told, byte for byte.
func TestRecordedSessionsAgain(t *testing.T) {
	p := readTape(t)
	if len(p.sessions) < 8 {
		t.Fatalf("%d sessions", len(p.sessions))
	}
	for i, lines := range p.sessions {
		t.Run(fmt.Sprintf("%d %s", i+1, lines[0].Scenario), func(t *testing.T) {
			p.t = t
			r, heard := p.replay(i), 0
			for _, l := range lines[1:] {
				if l.From == "suite" {
					r.step(Received{p.message(l)})
				} else if err := r.hears(p.unhex(l.Body)); err != nil {
					t.Fatalf("message %d of %d: it %v", heard+1, len(lines)-1, err)
				}
				heard++
			}
			for _, b := range r.said {
				m, _ := messages.Decode(b)
				t.Errorf("it says in the end: %s %+v", m.Type(), m)
			}
		})
	}
}
