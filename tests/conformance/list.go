// SPDX-License-Identifier: MPL-2.0

package main

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// log returns the log that the program names.
func (c *conversation) log(id digest.Hash, author [32]byte, bytes uint32, kind identity.LogKind, number uint64) (*evilpeer.Log, error) {
	if identity.LogID(c.t.id, author, bytes, kind, number) != id {
		return nil, ruleName.broken("log %s is not what follows from its name", id.Short())
	}
	l := c.t.truth[id]
	if l == nil {
		return nil, rulePush.broken("log %s is none that the suite brought: the program must have appended nothing to topic %q", id.Short(), c.t.name)
	}
	if !c.follows(id) {
		return nil, ruleFollowed.broken("log %s is not followed by the suite", id.Short())
	}
	return l, nil
}

// checkHead verifies a head by the author's key, and by what is true.
func checkHead(l *evilpeer.Log, h messages.Head) error {
	head := proof.Head{Log: l.ID, Size: h.Size, Root: h.Root, Sig: h.Sig}
	if err := head.Verify(l.Author[:]); err != nil {
		return ruleHead.broken("log %s: the head at %d: %v", l.ID.Short(), h.Size, err)
	}
	if n := uint64(len(l.Leaves)); h.Size > n || h.Root != l.Root(h.Size) {
		return ruleTree.broken("log %s: the head at %d has another root than its author's", l.ID.Short(), h.Size)
	}
	return nil
}

// tell states what the suite holds of a log.
func (p *peer) tell(c *conversation, l *evilpeer.Log) error {
	d := evilpeer.Part(l.State())
	d.Topic = c.number
	return p.send(d)
}

func (p *peer) takeDiff(c *conversation, m *messages.Diff) error {
	if len(m.Body) > 0 {
		return p.takeBody(c, m)
	}
	for i := range m.Entries {
		if err := p.takeEntry(c, &m.Entries[i], m.Part); err != nil {
			return err
		}
		if !m.Part {
			c.theirList[m.Entries[i].Log] = true
		}
	}
	if m.Part || m.More {
		return nil
	}
	return p.listed(c)
}

// listed ends a full list of the program: what is not in it, the program lacks.
func (p *peer) listed(c *conversation) error {
	if !c.listed {
		if err := p.list(c); err != nil {
			return err
		}
	}
	p.mu.Lock()
	ids := p.has[c.t].ids()
	p.mu.Unlock()
	for _, id := range ids {
		if c.theirList[id] {
			continue
		}
		if err := p.bring(c, id, 0); err != nil {
			return err
		}
	}
	c.listed, c.round, c.known = false, nil, true
	clear(c.theirList)
	return nil
}

// list sends a full list.
func (p *peer) list(c *conversation) error {
	d := evilpeer.List()
	d.Topic = c.number
	p.mu.Lock()
	for _, id := range p.has[c.t].ids() {
		if p.has[c.t][id] > 0 && c.follows(id) || c.t.forked[id] {
			d.Entries = append(d.Entries, p.stateOf(c, id))
		}
	}
	p.mu.Unlock()
	return p.send(d)
}

// stateOf is a log's state; mu is held.
func (p *peer) stateOf(c *conversation, id digest.Hash) messages.LogState {
	if !c.t.forked[id] {
		return c.t.at(p.has[c.t], id).State()
	}
	l := c.t.truth[id]
	return messages.LogState{Log: id, Author: l.Author, PageBytes: uint32(l.PageBytes), Kind: l.Kind, Number: l.Number, End: messages.Forked}
}

// takeEntry acts on what the program says of one log.
func (p *peer) takeEntry(c *conversation, e *messages.LogState, part bool) error {
	if e.End == messages.Forked {
		c.theirForks[e.Log] = true
		if l := c.t.truth[e.Log]; l == nil || !c.t.forked[e.Log] {
			return ruleForkedList.broken("log %s is listed as forked, of which no fork was told", e.Log.Short())
		}
		return nil
	}
	l, err := c.log(e.Log, e.Author, e.PageBytes, e.Kind, e.Number)
	if err != nil {
		return err
	}
	if c.t.forked[e.Log] {
		return ruleForkedList.broken("log %s is listed with %d events", e.Log.Short(), e.Size)
	}
	if e.Size > 0 {
		if err := checkHead(l, e.Head); err != nil {
			return err
		}
	}
	if e.Size > e.Head.Size || e.Pages != uint64(l.Cut(int(e.Size)).Pages()) {
		return ruleState.broken("log %s: %d events, %d full pages and a head at %d", e.Log.Short(), e.Size, e.Pages, e.Head.Size)
	}
	p.mu.Lock()
	has := p.has[c.t][e.Log]
	ours := c.t.at(p.has[c.t], e.Log)
	p.mu.Unlock()
	switch {
	case e.Size < has:
		return p.bring(c, e.Log, e.Size)
	case e.Size == has:
		return nil
	case e.Pages >= uint64(ours.Pages())+pullPages:
		delete(c.expects, e.Log)
		return p.pull(c, l, has)
	}
	c.expects[e.Log] = e.Size
	if !part || c.pushed > 0 {
		return nil // it pushes what it knows that the suite lacks
	}
	return p.tell(c, ours)
}
