// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A Topic is a set of logs that are shared together, as this store joined it.
type Topic = layout.Topic

type topics struct {
	mu      sync.RWMutex // guards all, offered, last and first; whoever holds it takes no other lock
	all     map[digest.Hash]*Topic
	offered []*syncer.Topic // see Offered
	last    uint32          // the largest number of a topic
	first   digest.Hash
	wanted  digest.Hash // that the store was created to join first, and did not

	followMu sync.RWMutex                  // guards follows
	follows  map[digest.Hash][]digest.Hash // of topics that are not followed whole; increasing
}

func (s *Store) loadTopics() error {
	s.topics.all = map[digest.Hash]*Topic{}
	return s.aof.View(func(v *aof.View) error {
		var err error
		if s.topics.first, _, err = aof.Row(v, layout.Defaults, layout.Only{}); err != nil {
			return err
		}
		err = aof.EachRow(v, layout.Topics, func(num uint32, t *Topic) error {
			if twice := s.topics.all[t.ID]; twice != nil {
				return &CorruptError{Where: "aof, topics", What: fmt.Sprintf("topic %s is there twice, as number %d and %d", t.ID, twice.Num, num)}
			}
			s.topics.all[t.ID], s.topics.last = t, num
			return nil
		})
		if s.topics.all[s.topics.first] == nil {
			s.topics.first, s.topics.wanted = digest.Hash{}, s.topics.first
		}
		return err
	})
}

// A Join is a topic on its way into the store, with this store's log in it. The
// first topic is the default one, and gives that to the first that is joined if nobody
// used it until then. Joining again takes up a topic that was left, or takes the keys of
// another invite; it keeps its name.
type Join struct {
	Topic *Topic // as it is stored, once the change is made

	row    aof.LogRow  // of the log, if it is created
	key    *signer     // of its author
	unused digest.Hash // the default topic, if it gives that up to one that is joined
	first  digest.Hash

	home    *layout.Home       // if it is the home topic, which is no default
	instead digest.Hash        // of this one, if not zero
	begins  []beginning        // logs of this store that begin with it
	place   *identity.Position // of the roster, that the invite named
	kems    []layout.KEMKey

	recovery []byte // the account's secret, boxed for the words; nil if there are none
	epochs   map[digest.Hash]layout.EpochSecret
}

// NewJoin returns the change that joins a topic.
func (s *Store) NewJoin(genesis *identity.Genesis, keys identity.TopicKeys, name string) *Join {
	pageBytes := int(genesis.PageBytes)
	if pageBytes == 0 {
		pageBytes = s.format.PageBytes
	}
	j := newJoin(&Topic{ID: genesis.ID(), Genesis: genesis, Keys: keys, Name: name}, s.device.AuthorKey(genesis), pageBytes)
	j.unused = s.unusedDefault()
	return j
}

// NewInvited returns the change that joins the topic of an invite. In a topic of members
// this store becomes a new account in it, whose log begins with what asks the steward to
// admit it. The error is ErrInviteRole for an invite that is for another device.
func (s *Store) NewInvited(inv *identity.Invite, now time.Time) (*Join, error) {
	j := s.NewJoin(&inv.Genesis, inv.Keys, inv.Name)
	j.place = inv.Roster
	switch _, err := s.Topic(j.Topic.ID); {
	case err == nil && inv.Genesis.Policy.Has(identity.PolicyHome) && !s.IsHome(j.Topic.ID):
		return nil, ErrHome // it left that person's
	case err == nil || inv.Genesis.Policy.Has(identity.PolicyOpen):
		return j, nil
	}
	if inv.Role == identity.RoleDevice && inv.Genesis.Policy.Has(identity.PolicyHome) {
		return s.newLinked(inv, now)
	}
	if inv.Role == identity.RoleDevice {
		return nil, ErrInviteRole
	}
	if err := s.wasDeleted(&inv.Genesis); err != nil {
		return nil, err
	}
	account, err := identity.NewAccountSecret(nil)
	if err != nil {
		return nil, err
	}
	j.Topic.Account = account
	if j.recovery, err = s.RecoveryBox(j.Topic.ID, account); err != nil {
		return nil, err
	}
	return j, j.ask(inv, account, now)
}

// ErrDeleted is returned for an invite to a topic of members of which this store deleted
// what it held.
var ErrDeleted = errors.New("what this store held of the topic was deleted, and others hold a log of its that cannot begin again from nothing: join from a new directory")

// wasDeleted returns ErrDeleted if this device had a log in the topic that it deleted.
func (s *Store) wasDeleted(g *identity.Genesis) error {
	return s.aof.View(func(v *aof.View) error {
		_, found, err := aof.Row(v, layout.Formers, layout.FormerKey{Topic: g.ID(), Author: s.device.AuthorID(g)})
		if err == nil && found {
			err = ErrDeleted
		}
		return err
	})
}

// ErrInviteRole is returned for an invite that links a device of a person in one topic
// only. Devices are linked by their home topic, which brings all topics.
var ErrInviteRole = errors.New("the invite links a device in one topic only: ask for an invite that links it to all of a person's, or for one as writer, reader or replica")

// ask begins this store's log with an xf/join.
func (j *Join) ask(inv *identity.Invite, account identity.AccountSecret, now time.Time) error {
	t := j.Topic
	card, err := j.card(account, j.key.key, j.row.PageBytes)
	if err != nil {
		return err
	}
	key := inv.Key()
	j.kems = append(j.kems, layout.KEMKey{Recipient: identity.PublicKey(key), Seed: inv.KEMSeed()})
	return j.beginWith(roster.NewJoin(t.ID, card, account.Key(), j.key.key, key), now)
}

// beginWith has this store's log begin with an ask.
func (j *Join) beginWith(ask roster.Ask, now time.Time) error {
	body, err := roster.EncodeAsk(nil, ask)
	if err != nil {
		return err
	}
	return j.begin(j.row.Name(), []roster.Raw{{Type: ask.Type(), Time: now.UnixMilli(), Body: body}})
}

func newJoin(t *Topic, author ed25519.PrivateKey, pageBytes int) *Join {
	j := &Join{Topic: t, key: newSigner(author)}
	j.row = aof.NewLogRow(identity.DataLog(t.ID, identity.PublicKey(author), uint32(pageBytes)), true)
	t.Log = j.row.ID
	return j
}

// Join joins a topic in a store whose actors do not run.
func (s *Store) Join(genesis *identity.Genesis, keys identity.TopicKeys, name string) (*Topic, error) {
	j := s.NewJoin(genesis, keys, name)
	return j.Topic, s.Do(j)
}

func (j *Join) write(c *Committer, txn *aof.Txn) error {
	t := j.Topic
	gives, err := c.gives(txn, j.unused)
	if err != nil {
		return err
	}
	if !t.Genesis.Policy.Has(identity.PolicyHome) && (c.defaultID.IsZero() || gives) {
		c.defaultID = t.ID
	}
	if err := j.putHome(txn); err != nil {
		return err
	}
	if old, err := c.topic(t.ID); err == nil {
		t.Num, t.Log, t.Account, t.Kept = old.Num, old.Log, old.Account, old.Kept
		if stay, err := c.s.keepsKeys(old, j.place); err != nil {
			return err
		} else if stay {
			t.Keys = old.Keys
		}
		if old.Name != "" {
			t.Name = old.Name
		}
	} else {
		t.Num = c.number(t.ID)
		if err := j.writeBegins(txn); err != nil {
			return err
		}
	}
	if j.first = c.defaultID; j.first != c.s.defaultTopic() {
		if err := aof.PutRow(txn, layout.Defaults, layout.Only{}, j.first); err != nil {
			return err
		}
	}
	if _, found, err := txn.Log(t.Log); err != nil {
		return err
	} else if !found {
		row := j.row
		if err := txn.PutLog(&row); err != nil {
			return err
		}
	}
	if err := putInvited(txn, t.ID, j.place); err != nil {
		return err
	}
	return c.putTopic(txn, t)
}

// keepsKeys reports whether the keys that are here of a topic are newer than those of an
// invite, which may be old, and named that place. By a higher term than the one that is here
// they are not: they may be of a part that is void.
func (s *Store) keepsKeys(t *Topic, place *identity.Position) (newer bool, err error) {
	if newer, err = s.hasNewestKey(t); err != nil || !newer || place == nil {
		return newer, err
	}
	err = s.askRoster(t, func(st *roster.State) { newer = place.Term <= st.Position().Term })
	return newer, err
}

// writeBegins puts what comes with the topic into the transaction.
func (j *Join) writeBegins(txn *aof.Txn) error {
	for i := range j.begins {
		if _, err := j.begins[i].write(txn); err != nil {
			return err
		}
	}
	for id, e := range j.epochs {
		if err := aof.PutRow(txn, layout.EpochSecrets, layout.EpochKey{Topic: j.Topic.ID, Epoch: id}, e); err != nil {
			return err
		}
	}
	if len(j.kems) == 0 {
		return nil
	}
	return aof.PutRow(txn, layout.KEMKeys, j.Topic.ID, j.kems)
}

// topic returns a topic as the transaction under way has it so far.
func (c *Committer) topic(id digest.Hash) (*Topic, error) {
	if t := c.topics[id]; t != nil {
		return t, nil
	}
	return c.s.Topic(id)
}

func (c *Committer) putTopic(txn *aof.Txn, t *Topic) error {
	c.topics[t.ID] = t
	return aof.PutRow(txn, layout.Topics, t.Num, t)
}

// number returns the number of a topic that is joined in the transaction under way.
func (c *Committer) number(topic digest.Hash) uint32 {
	num := c.joining[topic]
	if num == 0 {
		num = c.s.lastTopic() + uint32(len(c.joining)) + 1
		c.joining[topic] = num
	}
	return num
}

func (s *Store) lastTopic() uint32 {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	return s.topics.last
}

func (j *Join) made(s *Store) error {
	o := s.offer(j.Topic)
	if j.home != nil {
		s.home.Store(j.home)
	}
	s.topics.mu.Lock()
	s.topics.first = j.first
	if old := s.topics.all[j.Topic.ID]; old == nil || old.Left {
		s.topics.offered = append(s.topics.offered, o)
	} else if old.Keys != j.Topic.Keys {
		s.topics.offerInstead(o)
	}
	s.topics.all[j.Topic.ID], s.topics.last = j.Topic, max(s.topics.last, j.Topic.Num)
	s.topics.mu.Unlock()
	s.invitedBy(j.Topic.ID, j.place)
	s.catalog.joined.put(j.row.ID, j.key)
	s.added(j.row.Name(), j.Topic.Log)
	for _, b := range j.begins {
		if b.name.Kind == identity.KindBoxes {
			s.added(b.name, b.name.ID())
		}
	}
	return nil
}

// defaultTopic returns the id of the default topic; zero if there is none yet.
func (s *Store) defaultTopic() digest.Hash {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	return s.topics.first
}

// Topic returns a topic that was joined, and may have been left; the zero id means the
// default.
func (s *Store) Topic(id digest.Hash) (*Topic, error) {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	if id.IsZero() {
		id = s.topics.first
	}
	if t := s.topics.all[id]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownTopic, id)
}

// Topics returns the topics that this store is in, the default first.
func (s *Store) Topics() []*Topic {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	var all []*Topic
	for _, t := range s.topics.all {
		if !t.Left {
			all = append(all, t)
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if (all[i].ID == s.topics.first) != (all[j].ID == s.topics.first) {
			return all[i].ID == s.topics.first
		}
		return bytes.Compare(all[i].ID[:], all[j].ID[:]) < 0
	})
	return all
}

// AllTopics returns the topics that this store is in or that it left, by their number.
func (s *Store) AllTopics() []*Topic {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.topics.all), func(a, b *Topic) int { return cmp.Compare(a.Num, b.Num) })
}

// TopicLogs yields the data logs of a topic that this store holds, ordered by id,
// or an error as the last. Its roster is none of them.
func (s *Store) TopicLogs(topic digest.Hash) iter.Seq2[*Log, error] {
	return func(yield func(*Log, error) bool) {
		ids, err := s.topicIDs(topic)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, id := range ids {
			l, err := s.Log(id)
			if err == nil && l.Kind != identity.KindData {
				continue
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// A topicList is the ids of a topic's logs.
type topicList struct {
	sorted []digest.Hash // never written to
	added  []digest.Hash // since; some may be in sorted too
	named  []digest.Hash // those that count if the roster names them; grows only, some may be there twice
}

// topicIDs returns the ids of a topic's logs in order. Those of all topics are read
// the first time somebody asks; a log that is created from then on is added by added.
func (s *Store) topicIDs(topic digest.Hash) ([]digest.Hash, error) {
	if ids, ok := s.listed(topic); ok {
		return ids, nil
	}
	s.catalog.creating.Lock()
	defer s.catalog.creating.Unlock()
	all, err := s.listTopics()
	if err != nil {
		return nil, err
	}
	s.catalog.topicMu.Lock()
	if s.catalog.topics == nil {
		s.catalog.topics = all
	}
	s.catalog.topicMu.Unlock()
	ids, _ := s.listed(topic)
	return ids, nil
}

// listed returns the ids of a topic's logs in order; false says that nobody asked
// for any topic's yet.
func (s *Store) listed(topic digest.Hash) (ids []digest.Hash, ok bool) {
	s.catalog.topicMu.Lock()
	defer s.catalog.topicMu.Unlock()
	l := s.catalog.topics[topic]
	if l == nil {
		return nil, s.catalog.topics != nil
	}
	if len(l.added) > 0 {
		slices.SortFunc(l.added, compareHashes)
		l.sorted, l.added = merged(l.sorted, l.added), nil
	}
	return l.sorted, true
}

// merged returns the ids of two ordered lists, each once.
func merged(a, b []digest.Hash) []digest.Hash {
	all := make([]digest.Hash, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compareHashes(a[0], b[0]) < 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return slices.Compact(append(append(all, a...), b...))
}

// listTopics reads which logs each topic has; catalog.creating is held.
func (s *Store) listTopics() (map[digest.Hash]*topicList, error) {
	all := map[digest.Hash]*topicList{}
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			if row.Kind != identity.KindRoster {
				listIn(all, row.Topic, row.ID, s.isNamed(row.Name()))
			}
			return nil
		})
	})
	return all, err
}

func listIn(topics map[digest.Hash]*topicList, topic, id digest.Hash, named bool) {
	if topics[topic] == nil {
		topics[topic] = &topicList{}
	}
	l := topics[topic]
	if l.added = append(l.added, id); named {
		l.named = append(l.named, id)
	}
}

// added takes note of a log that was just committed for the first time.
func (s *Store) added(n identity.LogName, id digest.Hash) {
	named := s.isNamed(n)
	s.catalog.topicMu.Lock()
	defer s.catalog.topicMu.Unlock()
	if s.catalog.topics != nil {
		listIn(s.catalog.topics, n.Topic, id, named)
	}
}

func compareHashes(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) }
