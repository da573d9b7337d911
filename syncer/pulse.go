// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"time"
)

// Times of a Pulse.
const (
	PingEvery  = 15 * time.Second // without a word of the peer
	DozeEvery  = 2 * time.Minute  // the same if one side dozes
	ListenMore = 3 * time.Second  // that a listener waits longer: the dialer keeps the connection
	PushWait   = 3 * time.Second  // for a sign after a push
	AnswerWait = 6 * time.Second  // for a sign after a PING,
	CheckWait  = 2 * time.Second  // and after a PING that follows a change of the network
)

// A Beat is what a Pulse says is to be done.
type Beat int

// The beats.
const (
	Silent Beat = iota // nothing
	AskNow             // send a PING
	Gone               // the peer is not there any more
)

// A pulsePhase is what a Pulse waits for.
type pulsePhase int

const (
	pulseOff     pulsePhase = iota // nothing: no topic is shared yet
	pulseResting                   // the time to ask
	pulseAsking                    // an answer
	pulseGone                      // nothing any more
)

var pulseNames = [...]string{"off", "resting", "asking", "gone"}

func (p pulsePhase) String() string {
	if p < 0 || int(p) >= len(pulseNames) {
		return fmt.Sprintf("phase %d", int(p))
	}
	return pulseNames[p]
}

// Signs is what a carrier counts below the streams (transport.Conn).
type Signs struct{ Heard, Asked uint64 }

// A Pulse is the one clock by which a session knows whether its peer is there.
// A word is a message of the peer; a sign is whatever its carrier hears, be it
// an acknowledgement. A peer without a word is asked by PING. It is gone if after
// a PING that went out there is no sign. One that gives signs and no word may be
// busy: it is asked again, as often as PINGs may wait for their answers.
//
// It has no clock of its own: whoever owns it calls Look by Next at the latest.
type Pulse struct {
	phase  pulsePhase
	every  time.Duration
	word   time.Time // when the peer last said something
	pushed time.Time // the first push that no sign followed yet; zero: none
	signs  Signs     // at the push or the PING

	at      time.Time     // of the PING
	wait    time.Duration // for a sign after it
	unheard int           // PINGs since the last word
	check   bool          // ask with the next look, and wait CheckWait only
}

// Begin starts the clock when a topic is shared.
func (p *Pulse) Begin(now time.Time, dialer, dozes bool) {
	if p.phase != pulseOff {
		return
	}
	p.phase, p.word, p.every = pulseResting, now, PingEvery
	if dozes {
		p.every = DozeEvery
	}
	if !dialer {
		p.every += ListenMore
	}
}

// Heard says that a message of the peer came at a time. One that came before the
// PING is no answer to it.
func (p *Pulse) Heard(at time.Time) {
	switch {
	case p.phase == pulseOff || p.phase == pulseGone || at.Before(p.word):
		return
	case p.phase == pulseAsking && at.Before(p.at):
		p.word = at
		return
	}
	p.phase, p.word, p.pushed, p.unheard = pulseResting, at, time.Time{}, 0
}

// Pushed says that events were sent to the peer.
func (p *Pulse) Pushed(now time.Time, signs Signs) {
	if p.phase == pulseResting && p.pushed.IsZero() {
		p.pushed, p.signs = now, signs
	}
}

// Changed says that the network may be another one: the peer is asked at once,
// and an answer is to come soon.
func (p *Pulse) Changed() {
	if p.phase == pulseResting || p.phase == pulseAsking && p.wait > CheckWait {
		p.check = true
	}
}

// Next returns when to look at the latest; zero: not before something happens.
func (p *Pulse) Next() time.Time {
	switch {
	case p.phase == pulseOff || p.phase == pulseGone:
		return time.Time{}
	case p.phase == pulseAsking:
		return p.at.Add(p.wait)
	case !p.pushed.IsZero() && p.pushed.Add(PushWait).Before(p.word.Add(p.every)):
		return p.pushed.Add(PushWait)
	}
	return p.word.Add(p.every)
}

// Look says what is to be done now.
func (p *Pulse) Look(now time.Time, signs Signs) Beat {
	switch {
	case p.phase == pulseOff || p.phase == pulseGone:
		return Silent
	case p.check:
		return p.ask(now, signs, CheckWait)
	case now.Before(p.Next()):
		return Silent
	case p.phase == pulseAsking:
		return p.missed(now, signs)
	case !p.pushed.IsZero() && signs.Heard != p.signs.Heard && now.Before(p.word.Add(p.every)):
		p.pushed = time.Time{} // it arrived
		return Silent
	}
	return p.ask(now, signs, AnswerWait)
}

func (p *Pulse) ask(now time.Time, signs Signs, wait time.Duration) Beat {
	if p.unheard == maxPings {
		p.phase = pulseGone
		return Gone
	}
	p.phase, p.at, p.wait, p.signs, p.check, p.pushed = pulseAsking, now, wait, signs, false, time.Time{}
	p.unheard++
	return AskNow
}

// missed is what follows if no word came in time.
func (p *Pulse) missed(now time.Time, signs Signs) Beat {
	switch {
	case signs.Heard != p.signs.Heard:
		return p.ask(now, signs, AnswerWait)
	case signs.Asked == p.signs.Asked: // it waits behind what the peer does not read
		p.at = now
		return Silent
	}
	p.phase = pulseGone
	return Gone
}

// Quiet returns since when there is no word of the peer.
func (p *Pulse) Quiet(now time.Time) time.Duration { return now.Sub(p.word) }
