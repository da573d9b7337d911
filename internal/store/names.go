// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"sync"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/naming"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// Rule: what a person wants to be called is said in the logs of the person's devices, and
// the newest of that counts, as far as those logs do. Such events are rare: of each log it
// is kept how far it was read, with the root there, so that it is read once.

// namings are what was read of names in data logs.
type namings struct {
	mu   sync.Mutex                   // guards all and kept; held while logs are read
	all  map[digest.Hash]layout.Named // by log
	kept map[digest.Hash]uint64       // how far a log was read by its row
}

// namedEvents is how many more events are worth a row.
const namedEvents = 4096

// nameType is the type of a name inside of what is sealed.
const nameType = "name"

// A Claim is what a person wants to be called, and the event that says so.
type Claim struct {
	Name string // "" for nothing any more
	Time int64  // milliseconds since 1970
	Log  digest.Hash
	Seq  uint64
}

// Claims returns what those who belong to a topic, or did, want to be called, by account,
// as far as that can be read here; and the change that keeps how far logs were read, or nil
// if that is not worth it. In an open topic nobody is known by account.
func (s *Store) Claims(t *Topic) (map[roster.Key]Claim, Change, error) {
	claims := map[roster.Key]Claim{}
	if t.Genesis.Policy.Has(identity.PolicyOpen) {
		return claims, nil, nil
	}
	st, err := s.Roster(t.ID)
	if err != nil {
		return nil, nil, err
	}
	s.namings.mu.Lock()
	defer s.namings.mu.Unlock()
	if s.namings.all == nil {
		s.namings.all, s.namings.kept = map[digest.Hash]layout.Named{}, map[digest.Hash]uint64{}
	}
	var rows Puts
	for l, err := range s.TopicLogs(t.ID) {
		if err != nil {
			return nil, nil, err
		}
		d, known := st.Device(l.Author)
		if !known || l.Provisional() {
			continue
		}
		n, err := s.namedIn(l)
		if err != nil {
			return nil, nil, err
		}
		if n.To >= s.namings.kept[l.ID]+namedEvents {
			s.namings.kept[l.ID] = n.To
			rows = append(rows, putOf(layout.NamedLogs, l.ID, n))
		}
		if c, ok := s.claim(l, n); ok && c.newer(claims[d.Account]) {
			claims[d.Account] = c
		}
	}
	if len(rows) == 0 {
		return claims, nil, nil
	}
	return claims, rows, nil
}

// newer reports whether c counts and not another claim of the same person.
func (c Claim) newer(than Claim) bool {
	return c.Time > than.Time || c.Time == than.Time && bytes.Compare(c.Log[:], than.Log[:]) >= 0
}

// namedIn returns what is said in a log by now; s.namings.mu is held.
func (s *Store) namedIn(l *Log) (layout.Named, error) {
	n, begun := s.namings.all[l.ID]
	if !begun {
		err := s.aof.View(func(v *aof.View) (err error) {
			n, _, err = aof.Row(v, layout.NamedLogs, l.ID)
			n.Body = bytes.Clone(n.Body)
			return err
		})
		if err != nil {
			return n, err
		}
		s.namings.kept[l.ID] = n.To
	}
	p := l.State()
	if n.To == p.Size && n.Root == p.Root {
		s.namings.all[l.ID] = n
		return n, nil
	}
	if n.To > 0 {
		if root, err := s.rootAt(l, n.To); n.To > p.Size || err != nil || root != n.Root {
			n, s.namings.kept[l.ID] = layout.Named{}, 0 // a cut took some of it back, or it is another branch
		}
	}
	if err := s.readNames(l, &n, p.Size); err != nil {
		return n, err
	}
	n.To, n.Root = p.Size, p.Root
	s.namings.all[l.ID] = n
	return n, nil
}

// readNames takes n on to a size of its log.
func (s *Store) readNames(l *Log, n *layout.Named, to uint64) error {
	return s.Read(l, n.To, to, func(run Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(seq uint64, rec *event.Record) error {
			if string(rec.Type) == roster.NameType && !rec.Erased() {
				if _, err := roster.DecodeName(rec.Payload); err == nil { // else it says nothing
					n.Seq, n.Time, n.Body = seq, rec.Time, bytes.Clone(rec.Payload)
				}
			}
			return nil
		})
	})
}

// claim returns what an author wants to be called; false if nothing is said, or it cannot
// be read here.
func (s *Store) claim(l *Log, n layout.Named) (c Claim, ok bool) {
	if n.Body == nil {
		return c, false
	}
	body, err := roster.DecodeName(n.Body)
	if err != nil {
		return c, false
	}
	t, err := s.Topic(l.Topic)
	if err != nil || t.Genesis.Policy.Has(identity.PolicySealed) != (body.Sealed != nil) {
		return c, false
	}
	if body.Sealed != nil {
		rec := event.Record{Flags: event.FlagSealedPayload | event.FlagSealedHeader, Payload: body.Sealed}
		p, err := s.Open(l, &rec)
		if err != nil || string(p.Type) != nameType || len(p.Key) > 0 || roster.CheckName(string(p.Payload)) != nil {
			return c, false
		}
		body.Clear = string(p.Payload)
	}
	return Claim{Name: body.Clear, Time: n.Time, Log: l.ID, Seq: n.Seq}, true
}

// NameBody returns the body of the event by which this store's person says what to be
// called, sealed if the topic is. The error is ErrSealed as of SealingKey.
func (s *Store) NameBody(t *Topic, name string) ([]byte, error) {
	n := roster.Name{Clear: name}
	if t.Genesis.Policy.Has(identity.PolicySealed) {
		b, err := s.Seal(t, t.Log, &seal.Plain{Type: []byte(nameType), Payload: []byte(name)})
		if err != nil {
			return nil, err
		}
		n = roster.Name{Sealed: b}
	}
	return n.Append(nil), nil
}

// NewPetname returns the change that keeps what this store's person calls somebody in a
// topic, or nil if something newer is kept. Of two that were given at once, the one that is
// behind in the order of bytes counts.
func (s *Store) NewPetname(topic digest.Hash, account roster.Key, p naming.Petname) (Change, error) {
	key := layout.PetnameKey{Topic: topic, Account: account}
	var kept naming.Petname
	err := s.aof.View(func(v *aof.View) (err error) {
		kept, _, err = aof.Row(v, layout.Petnames, key)
		return err
	})
	if err != nil || !p.Newer(kept) {
		return nil, err
	}
	return Puts{putOf(layout.Petnames, key, p)}, nil
}

// Petnames returns what this store's person called people in a topic, by account; "" is for
// nothing any more.
func (s *Store) Petnames(topic digest.Hash) (map[roster.Key]naming.Petname, error) {
	all := map[roster.Key]naming.Petname{}
	err := s.aof.View(func(v *aof.View) error {
		return aof.EachRowOf(v, layout.Petnames, topic[:], func(k layout.PetnameKey, p naming.Petname) error {
			all[k.Account] = p
			return nil
		})
	})
	return all, err
}
