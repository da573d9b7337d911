// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// scenarios is all there are, in the order in which they are played.
func scenarios() []scenario {
	return slices.Concat([]scenario{
		{"nobody is told who is here", knocks},
		{"no topic is shared", noTopic},
		{"both hold nothing", bothEmpty},
		{"the program is behind by events", behindByEvents},
		{"both hold the same", bothSame},
		{"each lacks something", eachLacks},
		{"events are pushed live", live},
		{"the program is behind by pages", behindByPages},
		{"the suite is behind by events and pages", suiteBehind},
		{"many logs, told by the program", manyLogs},
		{"a sketch", sketched},
		{"full lists of logs", fullLists},
		{"the suite remembers", remembers},
		{"a part is followed", followsPart},
		{"topics come and go", comeAndGo},
		{"lists of offers go in turn", listsInTurn},
		{"a fork is told", forkTold},
		{"PING is answered in order", pings},
		{"what is not known may be passed over", optional},
	}, requests(), refusals())
}

// noTopic: "No topic."
func noTopic(s *suite) error {
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	if err := p.hello(s.absent()); err != nil {
		return err
	}
	err = p.verdict(ruleNoTopic, messages.CodeNoSharedTopic)
	if err == nil && !p.judge.heard {
		err = ruleFirst.broken("it ends without HELLO")
	}
	return err
}

// same shares a topic of which both hold the same, and returns what was said of it.
func same(s *suite, t *topic, holds holding) (*conversation, error) {
	p, err := s.connect(member(1))
	if err != nil {
		return nil, err
	}
	c, err := p.met(t, holds)
	if err != nil {
		return nil, err
	}
	if err := p.agreed(c, holds); err != nil {
		return nil, err
	}
	if c.bodies > 0 || c.pushed > 0 {
		return nil, ruleEqual.broken("it sends %d bodies of DIFF and %d EVENTS though both hold the same", c.bodies, c.pushed)
	}
	return c, nil
}

func bothEmpty(s *suite) error {
	_, err := same(s, s.one(), holding{})
	return err
}

func bothSame(s *suite) error {
	_, err := same(s, s.one(), s.one().all())
	return err
}

// behindByEvents: the program leads, as it states fewer logs.
func behindByEvents(s *suite) error {
	t := s.one()
	t.add(t.newLog(10, "event %d of a short log"))
	t.add(t.newLog(300, "event %d of a log that fills a few pages of four kilobytes, but not many of them"))
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
	if c.rounds == 0 {
		return ruleLeads.broken("no round began, though the program stated fewer logs")
	}
	return nil
}

// eachLacks: the suite states fewer logs and leads. It holds one of the program's
// logs, and more of it.
func eachLacks(s *suite) error {
	t := s.one()
	ids := t.all().ids()
	long := t.truth[ids[0]]
	grown := t.grow(long, 40)
	p, err := s.connect(member(2))
	if err != nil {
		return err
	}
	c, err := p.met(t, holding{long.ID: uint64(len(grown.Leaves))})
	if err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// live pushes events after both have agreed, some of them twice.
func live(s *suite) error {
	t := s.one()
	l := t.add(t.newLog(60, "event %d of a log that grows"))
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	has := t.all()
	delete(has, l.ID)
	c, err := p.met(t, has)
	if err != nil {
		return err
	}
	if err := p.agreed(c, has); err != nil {
		return err
	}
	for _, to := range []uint64{1, 2, 20, 60} {
		from := has[l.ID]
		if to == 20 {
			from = 0 // some is held already
		}
		m := l.Cut(int(to)).Events(from, to)
		m.Topic = c.number
		if err := p.send(m); err != nil {
			return err
		}
		p.mu.Lock()
		has[l.ID] = to
		p.mu.Unlock()
		if err := p.agreed(c, has); err != nil {
			return err
		}
	}
	return nil
}

// behindByPages: the program pulls.
func behindByPages(s *suite) error {
	t := s.one()
	t.add(t.newLog(9000, "event %d of a log that fills more than a hundred and twenty-eight pages of four kilobytes"))
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	c, err := p.met(t, t.all())
	if err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// suiteBehind holds nothing: the program pushes, and tells to pull.
func suiteBehind(s *suite) error {
	p, err := s.connect(member(3))
	if err != nil {
		return err
	}
	c, err := p.met(s.one(), holding{})
	if err != nil {
		return err
	}
	return p.agreed(c, s.one().all())
}

func manyLogs(s *suite) error {
	t := s.one()
	for range 1200 {
		t.add(t.newLog(1, "event %d, the only one of its log"))
	}
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	c, err := p.met(t, t.all())
	if err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// sketched: the suite lacks a few of many logs and has a few of its own; it leads
// by rung 2, and then follows what the program says of it.
func sketched(s *suite) error {
	t := s.one()
	has := t.all()
	for i, id := range has.ids() {
		if i%100 == 7 {
			delete(has, id)
		}
	}
	p, err := s.connect(member(4))
	if err != nil {
		return err
	}
	p.plays = map[messages.Rung]bool{messages.RungSketch: true}
	c, err := p.met(t, has)
	if err != nil {
		return err
	}
	if err := p.agreed(c, t.all()); err != nil {
		return err
	}
	for range 20 {
		t.add(t.newLog(2, "event %d of one of a few logs that are new"))
	}
	p, err = s.connect(member(5)) // the program states fewer logs, and many: it leads
	if err != nil {
		return err
	}
	if c, err = p.met(t, t.all()); err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// fullLists asks for one by sending one.
func fullLists(s *suite) error {
	t := s.two()
	for range 5 {
		t.add(t.newLog(30, "event %d of a log of the second topic"))
	}
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	if err := p.hello(t); err != nil {
		return err
	}
	c, err := p.share(t, t.all())
	if err != nil {
		return err
	}
	c.listed = true
	if err := p.list(c); err != nil {
		return err
	}
	if err := p.await(ruleList, "the program's full list", func(messages.Message) (bool, error) { return !c.listed, nil }); err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// remembers: the suite was here before, and knows what changed since.
func remembers(s *suite) error {
	t := s.one()
	before := t.all()
	was := t.set(before, func(digest.Hash) bool { return true })
	if _, err := same(s, t, before); err != nil {
		return err
	}
	l := t.add(t.newLog(12, "event %d of a log that came while the program was alone"))
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	p.since = func(d digest.Set) []change {
		if d != was {
			return nil
		}
		return []change{{l.ID, 0}}
	}
	c, err := p.met(t, t.all())
	if err != nil {
		return err
	}
	return p.agreed(c, t.all())
}

// followsPart: "Following a part."
func followsPart(s *suite) error {
	t := s.one()
	ids := t.all().ids()
	p, err := s.connect(member(6))
	if err != nil {
		return err
	}
	o := p.offer(t)
	o.Partial = true
	if err := p.send(p.greeting(o)); err != nil {
		return err
	}
	author := digest.Hash(t.truth[ids[1]].Author)
	names := []digest.Hash{ids[0], author}
	slices.SortFunc(names, func(a, b digest.Hash) int { return slices.Compare(a[:], b[:]) })
	c, err := p.share(t, holding{}, names...)
	if err != nil {
		return err
	}
	if err := p.agreed(c, t.all()); err != nil {
		return err
	}
	if n := len(p.has[t]); n != 2 {
		return ruleFollowed.broken("%d logs came, want the two that the suite follows", n)
	}
	return nil
}

// pings: three at once, and a proof that there is none between them.
func pings(s *suite) error {
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	if _, err := p.met(s.one(), s.one().all()); err != nil {
		return err
	}
	for i := range uint64(3) {
		if err := p.send(&messages.Ping{Nonce: 7 << 60 >> i}); err != nil {
			return err
		}
	}
	return p.alive(1)
}

// optional: a type that may be ignored, and fields that are not known.
func optional(s *suite) error {
	p, err := s.connect(member(1))
	if err != nil {
		return err
	}
	if err := p.raw(unknownFrame(255, 3)); err != nil {
		return err
	}
	if _, err := p.met(s.one(), s.one().all()); err != nil {
		return err
	}
	for _, typ := range []uint64{200, 128 + 17 + 30, 1000} {
		if err := p.raw(unknownFrame(typ, 2)); err != nil {
			return err
		}
	}
	p.judge.sent(&messages.Ping{Nonce: longNonce})
	if err := p.raw(longPing()); err != nil {
		return err
	}
	if err := p.alive(2); err != nil {
		return fmt.Errorf("%w\n    %s", err, ruleOptional)
	}
	return nil
}
