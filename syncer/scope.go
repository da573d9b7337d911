// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A side may follow some logs of a topic only. Then both sides speak, in their
// session, of the logs that both follow, as if the topic had no others: that
// is its scope. Nothing else is brought without being asked for. A log outside
// can still be asked for by name. A frozen log is in every scope: that it was
// forked matters to everybody, and a digest shows who does not know.

// Follows is what a side follows of a topic: ids of logs and keys of authors.
// The nil one is everything.
type Follows map[digest.Hash]bool

func (f Follows) has(log digest.Hash, author [32]byte) bool {
	return f == nil || f[log] || f[author]
}

// FollowsOf returns what names, ids of logs and keys of authors, stand for.
func FollowsOf(names []digest.Hash) Follows {
	f := make(Follows, len(names))
	for _, n := range names {
		f[n] = true
	}
	return f
}

func (f Follows) names() []digest.Hash { return inOrder(f) }

// inOrder returns the keys of a map in their order: what a session does follows
// from its inputs alone, so that a run that went wrong can be had again.
func inOrder[V any](m map[digest.Hash]V) []digest.Hash {
	return slices.SortedFunc(maps.Keys(m), func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
}

// Listed is what a list of a topic's logs says of one: nothing of one without
// events, and of a frozen one only that it is.
func Listed(l LogInfo) (LogInfo, bool) {
	if l.Frozen {
		l.Size, l.Root, l.Pages, l.SealedSize = 0, digest.Empty, 0, 0
	}
	return l, l.Size > 0 || l.Frozen
}

// A scope is a Store of the logs of one topic that both sides follow. Its
// digest follows the store by what it is told of: a log that grew unnoticed
// enters with the next tick.
type scope struct {
	Store
	topic        digest.Hash
	ours, theirs Follows

	sum   digest.Multiset
	logs  map[digest.Hash]digest.Hash // those in sum, by id: root at size
	sizes map[digest.Hash]uint64
	stale map[digest.Hash]bool
	aside map[digest.Hash]bool // provisional logs, which may come to count
}

func newScope(st Store, topic digest.Hash, ours, theirs Follows) (*scope, error) {
	c := &scope{
		Store: st, topic: topic, ours: ours, theirs: theirs,
		logs: map[digest.Hash]digest.Hash{}, sizes: map[digest.Hash]uint64{}, stale: map[digest.Hash]bool{}, aside: map[digest.Hash]bool{},
	}
	return c, st.Logs(topic, func(l LogInfo) bool {
		if c.takes(l) {
			c.count(l)
		}
		return true
	})
}

// has reports whether both sides follow a log. Those of the steward, roster and
// boxes, are followed by everybody.
func (c *scope) has(kind identity.LogKind, log digest.Hash, author [32]byte) bool {
	return kind != identity.KindData || c.ours.has(log, author) && c.theirs.has(log, author)
}

// takes reports whether a log of the topic is in the scope's digest.
func (c *scope) takes(l LogInfo) bool {
	return !isRoster(l) && (l.Frozen || c.has(l.Kind, l.Log, l.Author))
}

// touch says that a log may have changed.
func (c *scope) touch(id digest.Hash) { c.stale[id] = true }

// touchAll looks at every log again.
func (c *scope) touchAll() {
	for id := range c.logs {
		c.stale[id] = true
	}
	for id := range c.aside {
		c.stale[id] = true
	}
}

func (c *scope) drop(id digest.Hash) {
	if root, ok := c.logs[id]; ok {
		c.sum.Remove(id, c.sizes[id], root)
		delete(c.logs, id)
		delete(c.sizes, id)
	}
}

func (c *scope) count(l LogInfo) {
	c.drop(l.Log)
	if l, ok := Listed(l); ok {
		c.sum.Add(l.Log, l.Size, l.Root)
		c.logs[l.Log], c.sizes[l.Log] = l.Root, l.Size
	}
}

func (c *scope) refresh() error {
	for id := range c.stale {
		l, found, err := c.Log(id)
		if err != nil {
			return err
		}
		if delete(c.aside, id); !found || l.Topic != c.topic {
		} else if l.Provisional {
			c.drop(id)
			c.aside[id] = true
		} else if c.takes(l) {
			c.count(l)
		}
		delete(c.stale, id)
	}
	return nil
}

// Summary is the digest of the logs in the scope.
func (c *scope) Summary(digest.Hash) (digest.Set, error) {
	if err := c.refresh(); err != nil {
		return digest.Set{}, err
	}
	return c.sum.Set(), nil
}

// Logs yields the logs in the scope.
func (c *scope) Logs(_ digest.Hash, yield func(LogInfo) bool) error {
	if err := c.refresh(); err != nil {
		return err
	}
	for _, id := range inOrder(c.logs) {
		l, found, err := c.Log(id)
		if err != nil {
			return err
		}
		if l, ok := Listed(l); found && ok && !yield(l) {
			return nil
		}
	}
	return nil
}

// follows reports whether both sides follow a log of the topic.
func (t *topic) follows(kind identity.LogKind, log digest.Hash, author [32]byte) bool {
	if t.reach != nil {
		return t.reach.Has(kind, log)
	}
	return t.scope == nil || t.scope.has(kind, log, author)
}

// touch says that a log of the topic may have changed.
func (t *topic) touch(id digest.Hash) {
	if t.scope != nil {
		t.scope.touch(id)
	}
}

// outside refuses what the peer says of a log that not both sides follow. A removed
// device may say more than it is told, which is passed over.
func (t *topic) outside(kind identity.LogKind, log digest.Hash, author [32]byte) (over bool, err error) {
	if t.follows(kind, log, author) {
		return false, nil
	}
	if t.reach.removed() {
		return true, nil
	}
	return false, violation(messages.CodeUnknownLog, "log %s is not followed by both sides", log.Short())
}

// subscribe takes what the peer follows.
func (s *Session) subscribe(t *topic, m *messages.Subscribe) error {
	if t.phase != unopened {
		return violation(messages.CodeUnexpectedMessage, "SUBSCRIBE of a topic that the peer follows whole, or again")
	}
	return s.open(t, FollowsOf(m.Names))
}

// open begins to reconcile a topic, once it is known what both sides follow.
func (s *Session) open(t *topic, theirs Follows) error {
	t.to(unmet)
	t.store = s.cfg.Store
	switch {
	case t.reach != nil:
		t.store = stewardStore{s.cfg.Store}
	case t.partial:
		var err error
		if t.scope, err = newScope(s.cfg.Store, t.id, t.offer.Follows, theirs); err != nil {
			return err
		}
		t.store = t.scope
		if err = s.eachNewcomer(t, func(l LogInfo) { t.scope.touch(l.Log) }); err != nil {
			return err
		}
	}
	now, err := s.standing(t)
	if err != nil {
		return err
	}
	t.stated, t.leads = now, s.cfg.Dialer
	r, err := s.foretell(t, now)
	if err != nil {
		return err
	}
	s.send(&messages.Peaks{Topic: t.number, Roster: now.roster, Logs: now.set.Count, Digest: now.set.Sum})
	if r == nil {
		return nil
	}
	return s.finish(t, r, nil)
}
