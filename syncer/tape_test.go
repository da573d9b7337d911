// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

const recordedFile = "../tests/testdata/sessions/recorded.jsonl"

// A recordedLine is a line of recordedFile: "Conformance" of docs/xsp.md.
type recordedLine struct {
	Topic, Invite              string
	Session                    int
	Scenario, Binding          string
	Suite, Program, From, Body string
	Holds                      []struct {
		Topic  string
		Logs   []recordedLog
		Forks  []string
		Agreed *[]recordedLog
	}
}

type recordedLog struct {
	Log  string
	Size uint64
	Root string
}

// A tape is a recorded file: its topics, and its sessions with their lines, of which
// the first says how the session begins.
type tape struct {
	t        *testing.T
	topics   map[digest.Hash]*Topic
	sessions [][]recordedLine
}

func readTape(t *testing.T) *tape {
	t.Helper()
	f, err := os.Open(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &tape{t: t, topics: map[digest.Hash]*Topic{}}
	for dec := json.NewDecoder(bufio.NewReader(f)); dec.More(); {
		var l recordedLine
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		switch {
		case l.Invite != "":
			inv, err := identity.ParseInvite(l.Invite)
			if err != nil {
				t.Fatal(err)
			}
			p.topics[inv.Topic()] = &Topic{ID: inv.Topic(), Keys: inv.Keys, Policy: inv.Genesis.Policy}
		case l.Scenario != "":
			p.sessions = append(p.sessions, []recordedLine{l})
		case l.Session > 0:
			p.sessions[l.Session-1] = append(p.sessions[l.Session-1], l)
		}
	}
	return p
}

func (p *tape) unhex(s string) []byte {
	p.t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *tape) hash(s string) digest.Hash { return digest.Hash(p.unhex(s)) }

func (p *tape) message(l recordedLine) messages.Message {
	p.t.Helper()
	m, err := messages.Decode(p.unhex(l.Body))
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// A stock is what the program holds. It remembers what it held when it agreed with the
// peer.
type stock struct {
	*tape
	*pageTwin
	agreed map[digest.Hash]digest.Set
	past   map[digest.Hash]map[digest.Hash]uint64 // sizes of logs then
}

// stock is what the program holds when a session begins: the events are of earlier ones.
func (p *tape) stock(session int) *stock {
	p.t.Helper()
	s := &stock{p, newPageTwin(1), map[digest.Hash]digest.Set{}, map[digest.Hash]map[digest.Hash]uint64{}}
	seen := p.seenBefore(session)
	for _, h := range p.sessions[session][0].Holds {
		topic := p.hash(h.Topic)
		for _, l := range h.Logs {
			have := s.logs[s.take(p.t, seen, topic, p.hash(l.Log), l.Size)].state()
			if have.Root != p.hash(l.Root) {
				p.t.Fatalf("log %s of %d events has the root %s, want %s", l.Log, l.Size, have.Root, l.Root)
			}
		}
		for _, id := range h.Forks {
			f := seen.forks[p.hash(id)]
			s.log(LogInfo{Log: f.Log(), Topic: f.Topic, Author: f.Author, PageBytes: f.PageBytes}).fork = f.Encode()
		}
		if h.Agreed == nil {
			continue
		}
		var set digest.Multiset
		s.past[topic] = map[digest.Hash]uint64{}
		for _, l := range *h.Agreed {
			set.Add(p.hash(l.Log), l.Size, p.hash(l.Root))
			s.past[topic][p.hash(l.Log)] = l.Size
		}
		s.agreed[topic] = set.Set()
	}
	return s
}

// A seen is what went over the wire before a session.
type seen struct {
	events map[digest.Hash][]*messages.Events
	forks  map[digest.Hash]proof.Fork
}

func (p *tape) seenBefore(session int) seen {
	p.t.Helper()
	s := seen{map[digest.Hash][]*messages.Events{}, map[digest.Hash]proof.Fork{}}
	for _, l := range slices.Concat(p.sessions[:session]...) {
		if l.Scenario != "" {
			continue
		}
		switch m := p.message(l).(type) {
		case *messages.Events:
			s.events[m.Log] = append(s.events[m.Log], m)
		case *messages.Fork:
			f, err := proof.ParseFork(m.Proof)
			if err != nil {
				p.t.Fatal(err)
			}
			if _, told := s.forks[f.Log()]; !told {
				s.forks[f.Log()] = f
			}
		}
	}
	return s
}

// take stores the first events of a log, under the head that came with the last of them.
func (w *pageTwin) take(t *testing.T, s seen, topic, id digest.Hash, size uint64) digest.Hash {
	t.Helper()
	for _, m := range s.events[id] {
		l := w.log(LogInfo{Log: m.Log, Topic: topic, Author: m.Author, PageBytes: m.PageBytes, Kind: m.Kind, Number: m.Number})
		if m.First <= l.Size() {
			if _, err := l.Take(m.First, int(m.Count), m.Records, size); err != nil {
				t.Fatal(err)
			}
		}
		if m.First+uint64(m.Count) == size {
			l.Head, l.Right = proof.Head{Log: id, Size: m.Head.Size, Root: m.Head.Root, Sig: m.Head.Sig}, m.Right
		}
	}
	if l := w.logs[id]; l == nil || uint64(len(l.Leaves)) != size {
		t.Fatalf("log %s: no earlier session brings %d events", id, size)
	} else if err := l.proven(); err != nil {
		t.Fatal(err)
	}
	return id
}

// The stock is a History, too.

func (s *stock) Met(_ identity.PeerID, topic digest.Hash) bool {
	_, found := s.agreed[topic]
	return found
}

func (s *stock) Remembered(_ identity.PeerID, topic digest.Hash) (digest.Set, bool) {
	set, found := s.agreed[topic]
	return set, found
}

func (s *stock) Changes(topic digest.Hash, since digest.Set) (all []Change, known bool, err error) {
	if set, found := s.agreed[topic]; !found || set != since {
		return nil, false, nil
	}
	for _, id := range s.room(topic).keys {
		if n, old := uint64(len(s.logs[id].Leaves)), s.past[topic][id]; n != old {
			all = append(all, Change{id, old})
		}
	}
	return all, true, nil
}

// agree takes note that the peer holds what is held now.
func (s *stock) agree(topic digest.Hash, set digest.Set) {
	s.agreed[topic], s.past[topic] = set, map[digest.Hash]uint64{}
	for _, id := range s.room(topic).keys {
		s.past[topic][id] = s.logs[id].Size()
	}
}
