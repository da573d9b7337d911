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
	"testing"

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
		if l.Topic != "" {
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
	addr, err := joinedNode(t, s).Listen(t.Context(), "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.record = newRecording(&out, s.topics)
	_, s.reach.tcp = identity.SplitScheme(addr.Host)
	runSuite(t, s, recordable)
	if err := os.WriteFile(recordedFile, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
