// SPDX-License-Identifier: MPL-2.0

package main

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
)

// comeAndGo: the suite joins a topic within a session, leaves it, and joins it
// again; "Offers" and "Leaving".
func comeAndGo(s *suite) error {
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	one, err := p.met(s.one(), s.one().all())
	if err != nil {
		return err
	}
	if err := p.agreed(one, s.one().all()); err != nil {
		return err
	}
	for range 2 {
		if err := p.join(s.two()); err != nil {
			return err
		}
		two, err := p.share(s.two(), s.two().all())
		if err != nil {
			return err
		}
		if err := p.agreed(two, s.two().all()); err != nil {
			return err
		}
		if err := p.leave(two); err != nil {
			return err
		}
	}
	return p.alive(3) // the session goes on, with the first topic
}

// join offers a topic in TOPICS.
func (p *peer) join(t *topic) error {
	return p.send(&messages.Topics{Answers: p.judge.theirLists, Offers: []messages.Offer{p.offer(t)}})
}

// leave leaves a topic, and waits for the answer and for the program's new offer.
func (p *peer) leave(c *conversation) error {
	if err := p.send(&messages.Leave{Topic: c.number}); err != nil {
		return err
	}
	delete(p.talks, c.t)
	answered := false
	return p.await(ruleLeave, "the answer to LEAVE, and the topic's new offer", func(m messages.Message) (bool, error) {
		if l, ok := m.(*messages.Leave); ok && l.Topic == c.number {
			answered = true
		}
		_, again := p.judge.standing(them, c.t)
		return answered && again != nil, nil
	})
}

// listsInTurn: HELLO has more behind it, which comes once the program answered.
// That it knows none of most offers changes nothing.
func listsInTurn(s *suite) error {
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	first := p.greeting(p.offer(s.absent()))
	first.More = true
	if err := p.send(first); err != nil {
		return err
	}
	for list := uint32(1); list <= 3; list++ {
		err := p.await(ruleMore, "the answer to a list with more", func(messages.Message) (bool, error) { return p.judge.answered >= list, nil })
		if err != nil {
			return err
		}
		m := &messages.Topics{Answers: p.judge.theirLists, More: list < 3, Offers: []messages.Offer{{Lobby: named("stranger %d", list)}}}
		if list == 3 {
			m.Offers = []messages.Offer{p.offer(s.one())}
		}
		if err := p.send(m); err != nil {
			return err
		}
	}
	c, err := p.share(s.one(), s.one().all())
	if err != nil {
		return err
	}
	return p.agreed(c, s.one().all())
}

// forkTold: two heads of one size of a log that the program holds, and of one that
// it does not. From then on both count as forked.
func forkTold(s *suite) error {
	t := s.two()
	t.add(t.newLog(8, "event %d of a log whose author forks it"))
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	c, err := p.met(t, t.all())
	if err != nil {
		return err
	}
	if err := p.agreed(c, t.all()); err != nil {
		return err
	}
	for _, l := range []*evilpeer.Log{t.truth[t.all().ids()[0]], t.newLog(5, "event %d of a log that nobody holds")} {
		if err := p.send(&messages.Fork{Topic: c.number, Proof: forkOf(t, l).Encode()}); err != nil {
			return err
		}
		p.mu.Lock()
		t.add(l)
		t.forked[l.ID], p.has[t][l.ID] = true, uint64(len(l.Leaves))
		p.mu.Unlock()
		if err := p.agreed(c, p.has[t]); err != nil {
			return err
		}
	}
	p, err = s.connect(member(7)) // it holds nothing, and is told
	if err != nil {
		return err
	}
	if c, err = p.met(t, holding{}); err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// takeFork learns of a fork from the program.
func (p *peer) takeFork(c *conversation, m *messages.Fork) error {
	f, err := proof.ParseFork(m.Proof)
	if err == nil {
		err = f.Verify()
	}
	if err != nil {
		return ruleForkProof.broken("%v", err)
	}
	l := c.t.truth[f.Log()]
	if l == nil || !c.t.forked[f.Log()] || f.LogName != l.Name(c.t.id) {
		return ruleForkProof.broken("a fork of log %s, of which the suite told none", f.Log().Short())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has[c.t][l.ID] = uint64(len(l.Leaves))
	return nil
}

// forkOf is a proof that the author of a log forked it.
func forkOf(t *topic, l *evilpeer.Log) proof.Fork {
	other := t.logOf(l.Key, len(l.Leaves), "event %d of another history of a log")
	return proof.NewFork(l.Name(t.id), l.Head, other.Head, digest.Hash{}, nil)
}
