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
// of the suite, and then of each session one that begins it, and one for each
// message of its control stream.
type recording struct {
	mu  *sync.Mutex // guards out
	out *json.Encoder
	n   int // the session that this is
	all *int
}

// A recordedLine is a line of a recording. Bytes are in hexadecimal.
type recordedLine struct {
	Topic string `json:"topic,omitempty"` // id of one of the suite's
	Lobby string `json:"lobby_key,omitempty"`
	Join  string `json:"join_key,omitempty"`

	Session  int    `json:"session,omitempty"`
	Scenario string `json:"scenario,omitempty"` // of a line that begins a session
	Binding  string `json:"binding,omitempty"`  // of the channel
	Suite    string `json:"suite,omitempty"`    // peer id of the suite, which dials,
	Program  string `json:"program,omitempty"`  // and of the program
	From     string `json:"from,omitempty"`     // suite or program
	Body     string `json:"body,omitempty"`     // of a frame
}

func newRecording(w io.Writer, topics []*topic) *recording {
	r := &recording{mu: &sync.Mutex{}, out: json.NewEncoder(w), all: new(int)}
	for _, t := range topics {
		k := t.invite.Keys
		r.out.Encode(recordedLine{Topic: t.id.String(), Lobby: hex.EncodeToString(k.Lobby[:]), Join: hex.EncodeToString(k.Join[:])})
	}
	return r
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
	one.out.Encode(recordedLine{
		Session: one.n, Scenario: scenario, Binding: hex.EncodeToString(conn.Binding()), Suite: as.PeerID().String(), Program: conn.Peer().String(),
	})
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
