// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
)

var update = flag.Bool("update", false, "record "+recordedFile+" anew")

const recordedFile = "../testdata/sessions/recorded.jsonl"

// recordable is scenarios that say little.
var recordable = regexp.MustCompile("^(no topic|both hold|the program is behind by events|each lacks|events are|a part|topics come|a fork|PING)")

// A session is what was said in one session.
type session struct {
	begin recordedLine
	lines []recordedLine
}

func readSessions(t *testing.T, record []byte) (all []*session) {
	t.Helper()
	in := bufio.NewScanner(bytes.NewReader(record))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l recordedLine
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.Session == 0 { // a topic, or the program
			continue
		}
		if l.Scenario != "" {
			all = append(all, &session{begin: l})
			continue
		}
		all[l.Session-1].lines = append(all[l.Session-1].lines, l)
	}
	return all
}

// judged replays a session: each side's messages are legal in their order.
func (r *session) judged(t *testing.T) error {
	t.Helper()
	binding, err := hex.DecodeString(r.begin.Binding)
	if err != nil {
		t.Fatal(err)
	}
	program, err := identity.ParsePeerID(r.begin.Program)
	if err != nil {
		t.Fatal(err)
	}
	j := newJudge(binding, program, true, newSuite().topics)
	for _, l := range r.lines {
		body, err := hex.DecodeString(l.Body)
		if err != nil {
			t.Fatal(err)
		}
		m, err := messages.Decode(body)
		if err != nil {
			return ruleDecode.broken("%v", err)
		}
		if l.From == "suite" {
			j.sent(m)
			continue
		}
		if err := j.hear(m); err != nil {
			return err
		}
	}
	if !j.heard {
		return ruleFirst.broken("the program said nothing")
	}
	return nil
}

// The recorded sessions are legal, and are not once a message of the program is
// missing, or comes twice, if that matters.
func TestRecordedSessions(t *testing.T) {
	if *update {
		record(t)
	}
	raw, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	all := readSessions(t, raw)
	if len(all) < 8 {
		t.Errorf("%d sessions", len(all))
	}
	noticed := 0
	for _, r := range all {
		if err := r.judged(t); err != nil {
			t.Errorf("%s: %v", r.begin.Scenario, err)
		}
		for i, l := range r.lines {
			if l.From != "program" {
				continue
			}
			without := &session{r.begin, append(append([]recordedLine{}, r.lines[:i]...), r.lines[i+1:]...)}
			twice := &session{r.begin, append(append([]recordedLine{}, r.lines[:i+1]...), r.lines[i:]...)}
			for _, spoiled := range []*session{without, twice} {
				if err := spoiled.judged(t); errors.As(err, new(*broken)) {
					noticed++
				}
			}
		}
	}
	if noticed < 3*len(all) { // HELLO and PEAKS, gone and twice
		t.Errorf("%d of the spoiled sessions were noticed, in %d", noticed, len(all))
	}
}

// record plays the scenarios against a node and keeps what was said.
func record(t *testing.T) {
	t.Helper()
	s := newSuite()
	db := joinedNode(t, s)
	addr, err := db.Listen(t.Context(), "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.record = newRecording(&out, s.topics)
	h := &holder{t: t, s: s, db: db, out: &out, agreed: map[string][]recordedLog{}}
	s.record.program(program(), h.holds)
	_, s.reach.tcp = identity.SplitScheme(addr.Host)
	s.reach.peer = db.PeerID().String()
	runSuite(t, s, recordable)
	if err := os.WriteFile(recordedFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A holder says what a node holds when a session begins.
type holder struct {
	t      *testing.T
	s      *suite
	db     *xaeroflux.DB
	out    *bytes.Buffer            // what was recorded so far
	agreed map[string][]recordedLog // by peer and topic: what the node held at the end of the last session that came to agree
}

func (h *holder) holds(suite identity.PeerID) (all []recordedTopic) {
	now := map[string]recordedTopic{}
	for _, t := range h.s.topics[:joined] {
		now[t.id.String()] = h.topic(t)
	}
	if sessions := readSessions(h.t, h.out.Bytes()); len(sessions) > 0 {
		last := sessions[len(sessions)-1]
		for _, id := range last.agreed(h.t, h.s.topics) {
			h.agreed[last.begin.Suite+id] = now[id].Logs
		}
	}
	for _, t := range h.s.topics[:joined] {
		r := now[t.id.String()]
		if logs, ok := h.agreed[suite.String()+r.Topic]; ok {
			r.Agreed = &logs
		}
		all = append(all, r)
	}
	return all
}

func (h *holder) topic(t *topic) recordedTopic {
	r := recordedTopic{Topic: t.id.String(), Logs: []recordedLog{}}
	here, err := h.db.Topic(xaeroflux.TopicID(t.id))
	if err != nil {
		h.t.Fatal(err)
	}
	logs, err := here.Logs()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range logs {
		root, size := l.Root()
		if _, frozen := l.Frozen(); frozen {
			r.Forks = append(r.Forks, l.ID().String())
		} else if size > 0 {
			r.Logs = append(r.Logs, recordedLog{l.ID().String(), size, root.String()})
		}
	}
	slices.SortFunc(r.Logs, func(a, b recordedLog) int { return strings.Compare(a.Log, b.Log) })
	slices.Sort(r.Forks)
	return r
}

// agreed returns the topics of which both sides followed all and stated the same in
// the end.
func (r *session) agreed(t *testing.T, topics []*topic) (ids []string) {
	said := map[string]map[uint32]*messages.SyncDone{"suite": {}, "program": {}}
	partial, offered := map[uint32]bool{}, []string{}
	for _, l := range r.lines {
		switch m := l.message(t).(type) {
		case *messages.SyncDone:
			said[l.From][m.Topic] = m
		case *messages.Subscribe:
			partial[m.Topic] = true
		case *messages.Hello:
			if l.From == "suite" {
				offered = append(offered, r.offered(t, m.Offers, topics)...)
			}
		case *messages.Topics:
			if l.From == "suite" {
				offered = append(offered, r.offered(t, m.Offers, topics)...)
			}
		}
	}
	for n, ours := range said["suite"] {
		theirs := said["program"][n]
		if theirs != nil && !partial[n] && *ours == *theirs {
			ids = append(ids, offered[n])
		}
	}
	return ids
}

// offered returns the topics that the suite offers, the dialer, whose numbers count.
func (r *session) offered(t *testing.T, offers []messages.Offer, topics []*topic) (ids []string) {
	binding := unhex(t, r.begin.Binding)
	for _, o := range offers {
		i := slices.IndexFunc(topics, func(x *topic) bool { return x.prover().CheckLobby(o.Lobby, binding, true) })
		if i < 0 {
			t.Fatal("an offer of a topic that is none of the suite's")
		}
		ids = append(ids, topics[i].id.String())
	}
	return ids
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (l *recordedLine) message(t *testing.T) messages.Message {
	t.Helper()
	m, err := messages.Decode(unhex(t, l.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
