// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"testing"
	"time"
)

// A pulseTest plays a Pulse: each step is a time and what happens then, and the
// beat that a look then gives.
type pulseTest struct {
	name           string
	listens, dozes bool
	steps          []pulseStep
	phase          pulsePhase
	next           time.Duration // after the steps; 0: none
}

type pulseStep struct {
	at   time.Duration
	do   string // "heard", "pushed", "changed", "sign", "sent"; else it is only looked
	want Beat
}

const second = time.Second

func TestPulse(t *testing.T) {
	for _, x := range []pulseTest{
		{name: "a peer that speaks is not asked", steps: []pulseStep{
			{14 * second, "heard", Silent}, {28 * second, "heard", Silent}, {42 * second, "", Silent},
		}, phase: pulseResting, next: 43 * second},
		{name: "one that is silent is asked", steps: []pulseStep{
			{15*second - 1, "", Silent}, {15 * second, "", AskNow}, {15 * second, "", Silent},
		}, phase: pulseAsking, next: 21 * second},
		{name: "and answers", steps: []pulseStep{
			{15 * second, "", AskNow}, {16 * second, "heard", Silent},
		}, phase: pulseResting, next: 31 * second},
		{name: "or is gone", steps: []pulseStep{
			{15 * second, "", AskNow}, {15 * second, "sent", Silent}, {21*second - 1, "", Silent}, {21 * second, "", Gone}, {22 * second, "heard", Silent}, {60 * second, "", Silent},
		}, phase: pulseGone},
		{name: "a word from before the PING is no answer", steps: []pulseStep{
			{15 * second, "", AskNow}, {15 * second, "sent", Silent}, {14 * second, "heard", Silent}, {21 * second, "", Gone},
		}, phase: pulseGone},
		{name: "a sign without a word is asked again", steps: []pulseStep{
			{15 * second, "", AskNow}, {15 * second, "sent", Silent}, {16 * second, "sign", Silent}, {21 * second, "", AskNow}, {21 * second, "sent", Silent}, {27 * second, "", Gone},
		}, phase: pulseGone},
		{name: "a PING that waits behind the stream says nothing of the peer", steps: []pulseStep{
			{15 * second, "", AskNow}, {21 * second, "", Silent}, {26 * second, "sent", Silent}, {27 * second, "", Gone},
		}, phase: pulseGone},
		{name: "a listener leaves it to the dialer", listens: true, steps: []pulseStep{
			{17 * second, "", Silent}, {18 * second, "", AskNow}, {18 * second, "sent", Silent}, {24 * second, "", Gone},
		}, phase: pulseGone},
		{name: "a push without a sign is followed by a PING", steps: []pulseStep{
			{second, "pushed", Silent}, {2 * second, "pushed", Silent}, {4*second - 1, "", Silent}, {4 * second, "", AskNow}, {4 * second, "sent", Silent}, {10 * second, "", Gone},
		}, phase: pulseGone},
		{name: "one with a sign is not", steps: []pulseStep{
			{second, "pushed", Silent}, {2 * second, "sign", Silent}, {4 * second, "", Silent},
		}, phase: pulseResting, next: 15 * second},
		{name: "nor one with a word", steps: []pulseStep{
			{second, "pushed", Silent}, {2 * second, "heard", Silent}, {4 * second, "", Silent},
		}, phase: pulseResting, next: 17 * second},
		{name: "a change asks at once", steps: []pulseStep{
			{second, "changed", AskNow}, {second, "sent", Silent}, {2 * second, "changed", Silent}, {3*second - 1, "", Silent}, {3 * second, "", Gone},
		}, phase: pulseGone},
		{name: "and is answered", steps: []pulseStep{
			{second, "changed", AskNow}, {2 * second, "heard", Silent},
		}, phase: pulseResting, next: 17 * second},
		{name: "a change while an answer is awaited asks anew", steps: []pulseStep{
			{15 * second, "", AskNow}, {16 * second, "changed", AskNow}, {16 * second, "sent", Silent}, {18 * second, "", Gone},
		}, phase: pulseGone},
		{name: "who dozes is asked seldom", dozes: true, steps: []pulseStep{
			{119 * second, "", Silent}, {120 * second, "", AskNow}, {120 * second, "sent", Silent}, {126 * second, "", Gone},
		}, phase: pulseGone},
		{name: "but a push is looked after", dozes: true, listens: true, steps: []pulseStep{
			{second, "pushed", Silent}, {4 * second, "", AskNow},
		}, phase: pulseAsking, next: 10 * second},
	} {
		t.Run(x.name, x.play)
	}
}

func (x pulseTest) play(t *testing.T) {
	var p Pulse
	var signs Signs
	start := time.Unix(1_700_000_000, 0)
	if p.Look(start, signs) != Silent || !p.Next().IsZero() {
		t.Error("it beats before it began")
	}
	p.Begin(start, !x.listens, x.dozes)
	for i, s := range x.steps {
		at := start.Add(s.at)
		switch s.do {
		case "heard":
			p.Heard(at)
		case "pushed":
			p.Pushed(at, signs)
		case "changed":
			p.Changed()
		case "sign":
			signs.Heard++
		case "sent":
			signs.Asked++
		}
		if got := p.Look(at, signs); got != s.want {
			t.Fatalf("step %d, %v %s: %d, want %d", i, s.at, s.do, got, s.want)
		}
	}
	want := time.Time{}
	if x.next != 0 {
		want = start.Add(x.next)
	}
	if p.phase != x.phase || !p.Next().Equal(want) {
		t.Errorf("%s until %v, want %s until %v", p.phase, p.Next().Sub(start), x.phase, x.next)
	}
}

// A peer that gives signs and never a word is given up at last.
func TestPulseWithoutAWord(t *testing.T) {
	var p Pulse
	now := time.Unix(1_700_000_000, 0)
	p.Begin(now, true, false)
	asked := 0
	for n := uint64(1); ; n++ {
		now = p.Next()
		beat := p.Look(now, Signs{Heard: n, Asked: n})
		if beat == Gone {
			break
		}
		if asked++; beat != AskNow || asked > maxPings {
			t.Fatalf("%d after %d questions", beat, asked)
		}
	}
	if asked != maxPings {
		t.Errorf("given up after %d questions, want %d", asked, maxPings)
	}
}

// The times together: whatever happens, a peer that is not there is noticed in
// time for another connection within half a minute of its last word.
func TestPulseNoticesInTime(t *testing.T) {
	for _, dialer := range []bool{true, false} {
		for gone := range 30 { // each second that may be its last, after a sign that came late
			t.Run(fmt.Sprint(dialer, gone), func(t *testing.T) {
				var p Pulse
				start := time.Unix(1_700_000_000, 0)
				last := start.Add(time.Duration(gone) * second)
				var signs Signs
				p.Begin(start, dialer, false)
				for now := start; ; now = now.Add(second / 2) {
					switch p.Look(now, signs) {
					case AskNow:
						if signs.Asked++; now.Before(last) {
							p.Heard(now.Add(second / 10))
						}
					case Gone:
						if took := now.Sub(last); took > 25*second {
							t.Errorf("noticed %v after its last word", took)
						}
						return
					}
					if now.After(last.Add(time.Minute)) {
						t.Fatal("never noticed")
					}
				}
			})
		}
	}
}
