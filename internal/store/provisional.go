// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Rule: a data log that the roster does not admit is provisional: it can be read, and
// passed on, and is in no digest. One of somebody else is stored only if its record 0
// asks for what the roster held could grant, and within bounds; it stays as it is
// when the roster changes its mind. The committer judges that before it writes, so
// that no row tells of a log that was refused.

// Bounds of provisional logs of others.
const (
	perInvite  = 16      // logs that one invite brings
	perAccount = 4       // logs that an account asks for as those of its devices
	perLog     = 4 << 20 // bytes of the events of one
)

// Provisional reports whether the roster does not admit the log: it can be read, and
// is in no digest.
func (l *Log) Provisional() bool { return l.provisional.Load() }

// needsAdmission reports whether a log counts only if the roster names it.
func needsAdmission(t *Topic, n identity.LogName) bool {
	return n.Kind == identity.KindData && !isOpen(t, n)
}

// isCounted reports whether the roster says if a log is in digests: data that needs its
// admission, and boxes, which count if their leg does. Those of a leg that a later term
// made void stay, as what they hold opens events, and nobody else has to hold them.
func isCounted(t *Topic, n identity.LogName) bool {
	return needsAdmission(t, n) || n.Kind == identity.KindBoxes && !t.Genesis.Policy.Has(identity.PolicyOpen)
}

// isNamed is needsAdmission for a log of which only the name is known.
func (s *Store) isNamed(n identity.LogName) bool {
	t, err := s.Topic(n.Topic)
	return err == nil && needsAdmission(t, n)
}

// outside reports whether a log is in no digest by what of the roster is carried out.
func (s *Store) outside(n identity.LogName, id digest.Hash) (bool, error) {
	if n.Kind == identity.KindRoster {
		return false, nil
	}
	t, err := s.Topic(n.Topic)
	if err != nil || !isCounted(t, n) {
		return false, err
	}
	r, err := s.rulingsOf(t)
	if err != nil {
		return false, err
	}
	s.catalog.setMu.Lock()
	admitted, founded := r.admitted[id] != notAdmitted, r.founded
	s.catalog.setMu.Unlock()
	if !admitted && founded { // the owner may have another log than those that count anyway
		err = s.askRoster(t, func(st *roster.State) { _, admitted = st.LogAt(id, roster.Position{Size: foundingCount}) })
	}
	return !admitted, err
}

// provisionals returns the provisional logs of a topic, by increasing ids.
func (s *Store) provisionals(t *Topic) (ids []digest.Hash, err error) {
	named, err := s.namedLogs(t.ID)
	if err != nil || len(named) == 0 {
		return nil, err
	}
	r, err := s.rulingsOf(t)
	if err != nil {
		return nil, err
	}
	s.catalog.setMu.Lock()
	for ; !r.founded && r.looked < len(named); r.looked++ {
		if id := named[r.looked]; r.admitted[id] == notAdmitted {
			r.outside[id] = true
		}
	}
	if ids = slices.Collect(maps.Keys(r.outside)); r.founded {
		ids = named
	}
	s.catalog.setMu.Unlock()
	ids = slices.Clone(ids)
	slices.SortFunc(ids, compareHashes)
	return slices.Compact(ids), nil
}

// namedLogs returns the logs of a topic that count only if the roster names them.
func (s *Store) namedLogs(topic digest.Hash) ([]digest.Hash, error) {
	if _, err := s.topicIDs(topic); err != nil {
		return nil, err
	}
	s.catalog.topicMu.Lock()
	defer s.catalog.topicMu.Unlock()
	if l := s.catalog.topics[topic]; l != nil {
		return l.named, nil
	}
	return nil, nil
}

// Provisional yields the provisional logs of a topic that hold events.
func (v Source) Provisional(topic digest.Hash, yield func(syncer.LogInfo) bool) error {
	t, err := v.s.Topic(topic)
	if err != nil {
		return err
	}
	ids, err := v.s.provisionals(t)
	if err != nil {
		return err
	}
	for _, id := range ids {
		info, err := v.s.idle(id)
		if err != nil {
			return err
		}
		if info.Provisional && (info.Size > 0 || info.Frozen) && !yield(info) {
			return nil
		}
	}
	return nil
}

// Awaits reports whether a log that does not count may be stored as a provisional one:
// its record 0 decides when it comes.
func (v Source) Awaits(n identity.LogName) (bool, error) { return v.s.isNamed(n), nil }

// A claim is whose word brings a provisional log: an invite's or an account's.
type claim struct {
	key roster.Key
	max int // logs that it may bring
}

// claimOf returns who is to answer for a log with that record 0: false if it asks for
// nothing, or in the name of another log.
func claimOf(st *roster.State, id digest.Hash, rec *event.Record) (roster.Ask, claim, bool) {
	if rec.Flags != 0 || len(rec.Key) > 0 {
		return nil, claim{}, false
	}
	ask, err := roster.DecodeAsk(string(rec.Type), rec.Payload)
	if err != nil {
		return nil, claim{}, false
	}
	switch a := ask.(type) {
	case *roster.Join:
		return a, claim{a.By.Invite, perInvite}, a.Log(st.Topic()) == id
	case *roster.DeviceAsk:
		x := &a.Device
		c := claim{x.Card.Account, perAccount}
		if _, invited := st.Invite(x.Signer); invited {
			c = claim{x.Signer, perInvite}
		}
		return a, c, x.Card.Log(st.Topic()) == id
	}
	return nil, claim{}, false
}

// mayAsk returns why a log that asks for something is not stored before the steward
// grants it; empty if it is.
func mayAsk(st *roster.State, ask roster.Ask) roster.Void {
	switch a := ask.(type) {
	case *roster.Join:
		return st.ProvisionalJoin(a)
	case *roster.DeviceAsk:
		return st.ProvisionalDevice(a)
	}
	return roster.VoidAsk
}

// newcomers are the provisional logs of others that a committer takes. All but claims is
// of the work under way.
type newcomers struct {
	claims  map[digest.Hash]roster.Key // of logs that are held, as far as somebody asked
	coming  map[digest.Hash]roster.Key // of those that are created
	taken   map[digest.Hash]*taken
	refused map[digest.Hash]error
}

// A taken is how much there is of a log, with what is about to come.
type taken struct {
	size  uint64
	bytes int
}

// reset begins with another work.
func (n *newcomers) reset() {
	if n.claims == nil {
		n.claims = map[digest.Hash]roster.Key{}
	}
	n.coming, n.taken, n.refused = map[digest.Hash]roster.Key{}, map[digest.Hash]*taken{}, map[digest.Hash]error{}
}

// admit returns why events of somebody else are not stored, if the roster does not
// admit their log: an error that is syncer.ErrUnadmitted, or why that cannot be told.
func (c *Committer) admit(a *messages.Append) error {
	l := c.logs[a.Log]
	switch {
	case a.Remote == nil && (l != nil || a.Create == nil || a.Create.Own), l != nil && (l.Own || !l.provisional.Load()):
		return nil
	case l != nil && l.Row().Size > 0:
		return c.fits(a, l)
	case a.Create == nil:
		return nil // that is said where it would be created
	}
	n := a.Create.LogName
	if n.Kind == identity.KindRoster && n.Number > 0 && len(a.Leaves) == 0 {
		return unadmitted(a.Log, "no record begins it as a leg")
	}
	t, err := c.s.Topic(n.Topic)
	if err != nil || !needsAdmission(t, n) {
		return nil // whether it is known is said where it is created
	}
	if counts, err := c.s.Source().Counts(n); err != nil || counts {
		return err
	}
	if _, again := c.newcomers.coming[a.Log]; !again {
		if err := c.welcome(t, a); err != nil {
			return err
		}
	}
	return c.fits(a, nil)
}

// welcome takes a provisional log that is not here yet.
func (c *Committer) welcome(t *Topic, a *messages.Append) error {
	if a.First > 0 || len(a.Leaves) == 0 {
		return unadmitted(a.Log, "its first record is not there")
	}
	rec, _, err := event.DecodeRecord(a.Records)
	if err != nil {
		return err
	}
	var by claim
	var why roster.Void
	var ours bool
	err = c.s.askRoster(t, func(st *roster.State) {
		var ask roster.Ask
		if ask, by, ours = claimOf(st, a.Log, &rec); ours {
			why = mayAsk(st, ask)
		}
	})
	switch {
	case err != nil:
		return err
	case !ours:
		return unadmitted(a.Log, "its first record asks for nothing")
	case why != "":
		return unadmitted(a.Log, string(why))
	}
	n, err := c.brought(t, by.key)
	if err == nil && n >= by.max {
		err = unadmitted(a.Log, fmt.Sprintf("%d are held that %s brought", n, by.key.Short()))
	}
	if err == nil {
		c.newcomers.coming[a.Log] = by.key
	}
	return err
}

// brought counts the provisional logs of others that a claim brought.
func (c *Committer) brought(t *Topic, by roster.Key) (n int, err error) {
	ids, err := c.s.provisionals(t)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		key, known := c.newcomers.claims[id]
		if !known {
			if key, err = c.s.heldClaim(t, id); err != nil {
				return 0, err
			}
			c.newcomers.claims[id] = key
		}
		if key == by {
			n++
		}
	}
	for _, key := range c.newcomers.coming {
		if key == by {
			n++
		}
	}
	return n, nil
}

// heldClaim returns who answers for a log that is held; nobody does for one of ours, nor
// for one whose record 0 asks for nothing.
func (s *Store) heldClaim(t *Topic, id digest.Hash) (key roster.Key, err error) {
	l, err := s.Log(id)
	if err != nil || l.Own || l.Whole().Size == 0 {
		return key, err
	}
	var rec event.Record
	err = s.Read(l, 0, 1, func(run Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			rec = r.Clone()
			return nil
		})
	})
	if err != nil {
		return key, err
	}
	err = s.askRoster(t, func(st *roster.State) {
		if _, by, ok := claimOf(st, id, &rec); ok {
			key = by.key
		}
	})
	return key, err
}

// fits returns why events of a provisional log of somebody else are more than is taken.
func (c *Committer) fits(a *messages.Append, l *Log) (err error) {
	h := c.newcomers.taken[a.Log]
	if h == nil {
		if h, err = c.s.takenOf(l); err != nil {
			return err
		}
		c.newcomers.taken[a.Log] = h
	}
	end := a.First + uint64(len(a.Leaves))
	if end <= h.size {
		return nil
	}
	news := a.Records
	if a.First < h.size {
		if news, err = event.SkipRecords(news, h.size-a.First); err != nil {
			return err
		}
	}
	if h.bytes+len(news) > perLog {
		return unadmitted(a.Log, fmt.Sprintf("it would have more than %d bytes", perLog))
	}
	h.size, h.bytes = end, h.bytes+len(news)
	return nil
}

// takenOf returns how much is committed of a log, which is nil if it is not here.
func (s *Store) takenOf(l *Log) (*taken, error) {
	h := &taken{}
	if l == nil {
		return h, nil
	}
	err := s.aof.View(func(v *aof.View) error {
		row, found, err := v.Log(l.ID)
		if err != nil || !found {
			return err
		}
		h.size, h.bytes = row.Size, int(min(row.SealedPages*uint64(row.PageBytes), perLog))
		return v.Events(row.Num, row.SealedSize, row.Size, func(_ uint64, _ int, records []byte) error {
			h.bytes += len(records)
			return nil
		})
	})
	return h, err
}

// unadmitted is the refusal of a log, or of more of it.
func unadmitted(log digest.Hash, why string) error {
	return fmt.Errorf("%w (log %s: %s)", syncer.ErrUnadmitted, log.Short(), why)
}
