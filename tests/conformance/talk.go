// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// pullPages is from how many full pages on a peer pulls: "Push or pull".
const pullPages = 64

// A standing is what a side states of a topic.
type standing struct {
	roster identity.Position
	set    digest.Set
}

// A conversation is the suite's side of a shared topic, as docs/xsp.md has it.
type conversation struct {
	t      *topic
	number uint32
	names  map[digest.Hash]bool // what the suite follows; nil is all

	stated      standing // in PEAKS,
	peaks       *standing
	leads       bool
	round       *round
	rounds      uint64
	known       bool // what differs is known
	listed      bool // the suite's full list is sent and not answered
	expects     map[digest.Hash]uint64
	theirForks  map[digest.Hash]bool // that the program lists as forked
	theirList   map[digest.Hash]bool // in its full list so far
	heard, said *standing            // of SYNC_DONE

	cursors, bodies, pushed, asks int // that the program sent, for scenarios
}

func (c *conversation) follows(id digest.Hash) bool {
	return c.names == nil || c.names[id] || c.names[c.t.truth[id].Author]
}

// standing is what the suite holds of a topic. It has no roster.
func (p *peer) standing(c *conversation) standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return standing{set: c.t.set(p.has[c.t], c.follows)}
}

// share begins a topic that both have offered: its PEAKS go out.
func (p *peer) share(t *topic, holds holding, names ...digest.Hash) (*conversation, error) {
	err := p.await(ruleOfferBack, "the program's offer of topic "+t.name, func(messages.Message) (bool, error) {
		_, ok := p.judge.number(t)
		return ok, nil
	})
	if err != nil {
		return nil, err
	}
	n, _ := p.judge.number(t)
	p.mu.Lock()
	p.has[t] = holds
	p.mu.Unlock()
	c := &conversation{t: t, number: n, theirForks: map[digest.Hash]bool{}, theirList: map[digest.Hash]bool{}, expects: map[digest.Hash]uint64{}}
	p.talks[t] = c
	if names != nil {
		c.names = map[digest.Hash]bool{}
		for _, name := range names {
			c.names[name] = true
		}
		if err := p.send(&messages.Subscribe{Topic: n, Names: names}); err != nil {
			return nil, err
		}
	}
	c.stated = p.standing(c)
	return c, p.send(&messages.Peaks{Topic: n, Logs: c.stated.set.Count, Digest: c.stated.set.Sum})
}

// met greets with one topic and begins it.
func (p *peer) met(t *topic, holds holding) (*conversation, error) {
	if err := p.hello(t); err != nil {
		return nil, err
	}
	return p.share(t, holds)
}

// agreed takes part until both sides state what the suite has in the end, and
// that is want.
func (p *peer) agreed(c *conversation, want holding) error {
	final := c.t.set(want, c.follows)
	if err := p.rest(c); err != nil {
		return err
	}
	if c.done(final) {
		return nil
	}
	err := p.await(ruleDone, "agreement on topic "+c.t.name, func(messages.Message) (bool, error) { return c.done(final), nil })
	if b, ok := err.(*broken); ok && b.rule == ruleDone {
		b.what += c.apart(p.standing(c).set, final)
	}
	return err
}

// apart says in what two states differ from what was stated.
func (c *conversation) apart(has, final digest.Set) string {
	heard := "nothing"
	if c.heard != nil {
		heard = fmt.Sprintf("%d logs, digest %s", c.heard.set.Count, c.heard.set.Sum.Short())
	}
	return fmt.Sprintf(": the program states %s; the suite holds %d logs, digest %s; in the end it is to be %d logs, digest %s",
		heard, has.Count, has.Sum.Short(), final.Count, final.Sum.Short())
}

func (c *conversation) done(final digest.Set) bool {
	return c.said != nil && c.heard != nil && c.said.set == final && c.heard.set == final
}

// take acts on a message of the program.
func (p *peer) take(m messages.Message) error {
	n, ok := messages.TopicOf(m)
	if !ok {
		if ping, ok := m.(*messages.Ping); ok {
			return p.send(&messages.Pong{Nonce: ping.Nonce})
		}
		return nil
	}
	for _, c := range p.talks {
		if c.number == n {
			if err := p.takeOf(c, m); err != nil {
				return err
			}
			return p.rest(c)
		}
	}
	return nil // before the scenario begins the topic: the judge keeps it
}

func (p *peer) takeOf(c *conversation, m messages.Message) error {
	switch m := m.(type) {
	case *messages.Peaks:
		return p.takePeaks(c, m)
	case *messages.Diff:
		return p.takeDiff(c, m)
	case *messages.Events:
		return p.takeEvents(c, m)
	case *messages.Fork:
		return p.takeFork(c, m)
	case *messages.SyncDone:
		c.heard = &standing{m.Roster, digest.Set{Count: m.Logs, Sum: m.Digest}}
		if m.Ask {
			c.said = nil
		}
		if *c.heard == p.standing(c) {
			c.known = true
		}
	case *messages.Graft:
		for _, l := range m.Logs {
			if c.t.truth[l.Log] != nil {
				if err := p.bring(c, l.Log, l.Size); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// takePeaks compares digests, and begins a round if it is the suite's turn.
func (p *peer) takePeaks(c *conversation, m *messages.Peaks) error {
	c.peaks = &standing{m.Roster, digest.Set{Count: m.Logs, Sum: m.Digest}}
	if c.peaks.set == c.stated.set {
		c.known = true
		return nil
	}
	c.leads = c.stated.set.Count <= m.Logs // the suite is the dialer
	if c.leads && !c.known && c.round == nil {
		return p.lead(c)
	}
	return nil
}

// rest states what the suite holds if nothing is under way and that is news.
func (p *peer) rest(c *conversation) error {
	now := p.standing(c)
	p.settle(c)
	if !c.known || c.round != nil || c.listed || len(c.expects) > 0 || c.said != nil && *c.said == now {
		return nil
	}
	c.said = &now
	return p.send(&messages.SyncDone{Topic: c.number, Logs: now.set.Count, Digest: now.set.Sum})
}

// settle drops what is expected and has come.
func (p *peer) settle(c *conversation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, size := range c.expects {
		if p.has[c.t][id] >= size || c.t.forked[id] {
			delete(c.expects, id)
		}
	}
}

// bring gives the program what it lacks of a log: by a push, or by telling it to
// pull.
func (p *peer) bring(c *conversation, id digest.Hash, from uint64) error {
	p.mu.Lock()
	l := c.t.at(p.has[c.t], id)
	p.mu.Unlock()
	to := uint64(len(l.Leaves))
	if from >= to || c.t.forked[id] || !c.follows(id) {
		return nil
	}
	if l.Pages() >= l.Cut(int(from)).Pages()+pullPages {
		return p.tell(c, l)
	}
	for from < to {
		end, bytes := from, 0
		for end < to && (bytes == 0 || bytes+len(l.Records[end]) <= 256<<10) {
			bytes += len(l.Records[end])
			end++
		}
		m := l.Events(from, end)
		m.Topic = c.number
		if err := p.send(m); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// takeEvents verifies events by what is true.
func (p *peer) takeEvents(c *conversation, m *messages.Events) error {
	c.pushed++
	l, err := c.log(m.Log, m.Author, m.PageBytes, m.Kind, m.Number)
	if err != nil {
		return err
	}
	end := m.First + uint64(m.Count)
	if err := checkEvents(l, m.First, end, m.Head, m.Right, m.Records); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if has := p.has[c.t]; m.First <= has[m.Log] {
		has[m.Log] = max(has[m.Log], end)
	}
	return nil
}

// checkEvents holds events against the log that they are of.
func checkEvents(l *evilpeer.Log, first, end uint64, head messages.Head, right []digest.Hash, records []byte) error {
	if err := checkHead(l, head); err != nil {
		return err
	}
	if end > head.Size || !slices.Equal(right, l.Compact(end, head.Size)) {
		return ruleTree.broken("log %s: *right* behind event %d does not lead to the root at %d", l.ID.Short(), end, head.Size)
	}
	if string(records) != string(slices.Concat(l.Records[first:end]...)) {
		return ruleTree.broken("log %s: events %d to %d are others than its author's", l.ID.Short(), first, end)
	}
	return nil
}
