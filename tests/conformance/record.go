// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A recording is sessions as they went, one JSON object a line: one for each topic
// of the suite, one for the program if its keys are known, and then of each session
// one that begins it, and one for each message of its control stream.
type recording struct {
	mu  *sync.Mutex // guards out
	out *json.Encoder
	n   int // the session that this is
	all *int

	holds func(suite identity.PeerID) []recordedTopic // what the program holds now; nil: that is not known
}

// A recordedLine is a line of a recording. Bytes are in hexadecimal.
type recordedLine struct {
	Topic  string `json:"topic,omitempty"` // id of one of the suite's
	Lobby  string `json:"lobby_key,omitempty"`
	Join   string `json:"join_key,omitempty"`
	Invite string `json:"invite,omitempty"` // of those that the program is in

	Seed       string `json:"seed,omitempty"` // of the program: its keys derive from both
	Generation string `json:"generation,omitempty"`

	Session  int             `json:"session,omitempty"`
	Scenario string          `json:"scenario,omitempty"` // of a line that begins a session
	Binding  string          `json:"binding,omitempty"`  // of the channel
	Suite    string          `json:"suite,omitempty"`    // peer id of the suite, which dials,
	Program  string          `json:"program,omitempty"`  // and of the program
	Holds    []recordedTopic `json:"holds,omitempty"`    // what the program holds when it begins
	From     string          `json:"from,omitempty"`     // suite or program
	Body     string          `json:"body,omitempty"`     // of a frame
}

// A recordedTopic is what a program holds of a topic. The events of a log are those of
// it in EVENTS of earlier sessions, and the proof of a fork is in a FORK of these.
type recordedTopic struct {
	Topic  string         `json:"topic"`
	Logs   []recordedLog  `json:"logs"`             // with events, and not forked
	Forks  []string       `json:"forks,omitempty"`  // logs that are
	Agreed *[]recordedLog `json:"agreed,omitempty"` // what it held when it last agreed with this peer; absent if it did not
}

type recordedLog struct {
	Log  string `json:"log"`
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

// newRecording returns a recording of a program that is in the first topics.
func newRecording(w io.Writer, topics []*topic) *recording {
	r := &recording{mu: &sync.Mutex{}, out: json.NewEncoder(w), all: new(int)}
	for i, t := range topics {
		k := t.invite.Keys
		l := recordedLine{Topic: t.id.String(), Lobby: hex.EncodeToString(k.Lobby[:]), Join: hex.EncodeToString(k.Join[:])}
		if i < joined {
			l.Invite = t.text()
		}
		r.out.Encode(l)
	}
	return r
}

// program writes the keys of the program, and takes what asks it for what it holds.
func (r *recording) program(d identity.Device, holds func(suite identity.PeerID) []recordedTopic) {
	r.holds = holds
	r.out.Encode(recordedLine{Program: d.PeerID().String(), Seed: hex.EncodeToString(d.Seed[:]), Generation: hex.EncodeToString(d.Generation[:])})
}

// session begins a session.
func (r *recording) session(scenario string, conn transport.Conn, as identity.Device) *recording {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	*r.all++
	one := &recording{mu: r.mu, out: r.out, all: r.all, n: *r.all}
	l := recordedLine{
		Session: one.n, Scenario: scenario, Binding: hex.EncodeToString(conn.Binding()), Suite: as.PeerID().String(), Program: conn.Peer().String(),
	}
	if r.holds != nil {
		l.Holds = r.holds(as.PeerID())
	}
	one.out.Encode(l)
	return one
}

// frame writes a message.
func (r *recording) frame(from string, body []byte) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Encode(recordedLine{Session: r.n, From: from, Body: hex.EncodeToString(body)})
}
