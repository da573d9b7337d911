// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// Rule: what a store can open of a sealed topic follows from the rows of its KEM keys
// and epochs' secrets, and from the roster and the boxes that it holds. A box that does
// not hold what the roster says of its epoch is as none.

// ErrSealed is returned for events that this store has no key of, and for appends to a
// topic of whose newest epoch it has none: the steward's boxes for this device are not
// here yet, or there are none for it.
var ErrSealed = errors.New("no key of this epoch is here: it comes with the roster from a member that has it, once this device is admitted")

// keyrings are what this store can open, of the topics that somebody asked of.
type keyrings struct {
	mu  sync.Mutex // guards all, and each ring in it; whoever holds it takes rosters.mu and loads legs and boxes
	all map[digest.Hash]*keyring
	// What this device asked for in topics whose newest epoch it cannot open, by topic: it
	// shows itself by that, so that the ask is heard though it has no join key.
	renewing map[digest.Hash]*roster.DeviceAsk

	turn atomic.Uint64 // goes up when a ring grew: keys that were found before are looked up again
}

// maxOpeners bounds the keys that are kept ready, each for one log under one epoch, at
// about 1 KB.
const maxOpeners = 1024

// A keyring is what this store can open of a topic.
type keyring struct {
	ring  *seal.Ring
	size  int // of ring, when ready was cleared
	keys  []layout.KEMKey
	ready map[opener]*seal.Key
	// How this store seals now; nil if that is to be found out again.
	sealing *sealing
}

type opener struct {
	epoch [8]byte
	log   digest.Hash
}

type sealing struct {
	epoch digest.Hash
	keys  map[digest.Hash]*seal.Key // by log
}

// keyringOf returns a topic's keyring; s.keyrings.mu is held.
func (s *Store) keyringOf(t *Topic) (*keyring, error) {
	if k := s.keyrings.all[t.ID]; k != nil {
		return k, nil
	}
	k := &keyring{ring: seal.NewRing(), ready: map[opener]*seal.Key{}}
	err := s.aof.View(func(v *aof.View) (err error) {
		if k.keys, _, err = aof.Row(v, layout.KEMKeys, t.ID); err != nil {
			return err
		}
		return aof.EachRowOf(v, layout.EpochSecrets, t.ID[:], func(at layout.EpochKey, e layout.EpochSecret) error {
			if !e.Secret.IsZero() {
				return k.ring.Learn(secretInfo(at.Epoch, e), seal.Secret(e.Secret))
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("keys of topic %s: %w", t.ID.Short(), err)
	}
	s.keyrings.all[t.ID] = k
	return k, s.link(t, k)
}

func secretInfo(id digest.Hash, e layout.EpochSecret) seal.Info {
	return seal.Info{ID: id, Number: e.Number, JoinHash: seal.JoinKeyHash(seal.Secret(e.Join)), Readers: e.Readers}
}

func epochInfo(e *roster.Epoch) seal.Info {
	return seal.Info{ID: e.ID, Number: e.Number, JoinHash: e.Join, Readers: e.Readers}
}

// link tells a ring of the roster's epochs that lead to older ones.
func (s *Store) link(t *Topic, k *keyring) error {
	return s.askRoster(t, func(st *roster.State) {
		epochs := st.Epochs()
		for i := 1; i < len(epochs); i++ {
			if e := &epochs[i].Epoch; len(e.Step) == seal.StepBytes {
				k.ring.Add(seal.Link{Info: epochInfo(e), Parent: epochInfo(&epochs[i-1].Epoch), Step: seal.Step(e.Step)})
			}
		}
		s.ringGrew(k)
	})
}

// ringGrew makes whoever has a key of a ring that grew ask for it again: of two epochs that
// share a prefix neither opens anything. s.keyrings.mu is held.
func (s *Store) ringGrew(k *keyring) {
	if n := k.ring.Size(); n != k.size {
		k.size = n
		clear(k.ready)
		s.keyrings.turn.Add(1)
	}
}

// rosterTurned makes a topic's keyring look at the roster again.
func (s *Store) rosterTurned(topic digest.Hash) {
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	if k := s.keyrings.all[topic]; k != nil {
		k.sealing = nil
	}
}

// SealingKey returns the key that events of a log of ours are sealed with: that of the
// newest epoch of the roster. The error is ErrSealed if this store does not have it.
func (s *Store) SealingKey(t *Topic, log digest.Hash) (*seal.Key, error) {
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	if err != nil {
		return nil, err
	}
	if k.sealing == nil {
		if err := s.newestEpoch(t, k); err != nil {
			return nil, err
		}
	}
	key := k.sealing.keys[log]
	if key == nil {
		secret, ok := k.ring.Secret(k.sealing.epoch)
		if !ok {
			return nil, fmt.Errorf("%w (topic %s)", ErrSealed, t.ID.Short())
		}
		key = seal.NewKey(secret, k.sealing.epoch, log)
		k.sealing.keys[log] = key
	}
	return key, nil
}

// Seal seals an event of a log of ours under the newest epoch of the roster. The error is
// ErrSealed as of SealingKey.
func (s *Store) Seal(t *Topic, log digest.Hash, p *seal.Plain) ([]byte, error) {
	key, err := s.SealingKey(t, log)
	if err != nil {
		return nil, err
	}
	return key.Seal(nil, p, true)
}

// newestEpoch finds the newest epoch of the roster.
func (s *Store) newestEpoch(t *Topic, k *keyring) error {
	var newest digest.Hash
	err := s.askRoster(t, func(st *roster.State) {
		if e, ok := st.Epoch(); ok {
			newest = e.ID
		}
	})
	if err == nil {
		err = s.link(t, k)
	}
	if err == nil {
		k.sealing = &sealing{newest, map[digest.Hash]*seal.Key{}}
	}
	return err
}

// hasNewestKey reports whether the join key that is kept of a topic is that of the newest
// epoch of its roster.
func (s *Store) hasNewestKey(t *Topic) (is bool, err error) {
	if t.Genesis.Policy.Has(identity.PolicyOpen) {
		return false, nil
	}
	err = s.askRoster(t, func(st *roster.State) {
		e, ok := st.Epoch()
		is = ok && e.Join == seal.JoinKeyHash(seal.Secret(t.Keys.Join))
	})
	return is, err
}

// A Keys is a change that keeps what this store learned of a topic's epochs.
type Keys struct {
	topic  digest.Hash
	learnt map[digest.Hash]layout.EpochSecret // by epoch id
	join   identity.Secret                    // of the newest epoch, if it is another one; else zero
	edit   *TopicEdit
}

// LearnKeys opens what boxes are here for this store, and with keys that are lent to it
// and kept nowhere. It returns what is to be kept of that, or nil if nothing is new.
func (s *Store) LearnKeys(topic digest.Hash, lent ...layout.KEMKey) (*Keys, error) {
	t, err := s.Topic(topic)
	if err != nil || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return nil, err
	}
	st, err := s.Roster(topic)
	if err != nil {
		return nil, err
	}
	epochs := st.Epochs()
	if len(epochs) == 0 {
		return nil, nil
	}
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	if err != nil {
		return nil, err
	}
	if err := s.link(t, k); err != nil {
		return nil, err
	}
	if len(lent) > 0 {
		with := *k // the ring is the same
		with.keys = append(slices.Clone(k.keys), lent...)
		k = &with
	}
	n := &Keys{topic: t.ID, learnt: map[digest.Hash]layout.EpochSecret{}}
	// The newest leads to all before it if newcomers read history; else each is opened.
	for i := len(epochs) - 1; i >= 0; i-- {
		if err := s.learnEpoch(t, k, n, &epochs[i].Epoch, i == len(epochs)-1); err != nil {
			return nil, err
		}
	}
	if err := s.learnFromAdmissions(t, k, n, st); err != nil {
		return nil, err
	}
	s.ringGrew(k)
	if newest, ok := n.learnt[epochs[len(epochs)-1].ID]; ok && newest.Join != t.Keys.Join {
		n.join = newest.Join
		if n.edit, err = s.newEdit(topic, func(t *Topic) { t.Keys.Join = n.join }); err != nil {
			return nil, err
		}
	}
	if len(n.learnt) == 0 {
		return nil, nil
	}
	return n, nil
}

// learnEpoch opens the box of an epoch that is for this store, unless its secret is here.
func (s *Store) learnEpoch(t *Topic, k *keyring, n *Keys, e *roster.Epoch, newest bool) error {
	if _, ok := k.ring.Secret(e.ID); ok && !(newest && seal.JoinKeyHash(seal.Secret(t.Keys.Join)) != e.Join) {
		return nil
	}
	for _, key := range k.keys {
		box, err := s.findBox(&e.Boxes, roster.Key(key.Recipient))
		if err != nil {
			return err
		}
		if box != nil && n.open(t, k, e, key, box) {
			return nil
		}
	}
	return nil
}

// open opens a box with a key, and reports whether it held what the epoch's record says.
func (n *Keys) open(t *Topic, k *keyring, e *roster.Epoch, key layout.KEMKey, b *roster.Box) bool {
	info := epochInfo(e)
	sealed := seal.Box{Kind: b.Kind, Epoch: b.Epoch, Recipient: seal.Recipient(b.Recipient), Sealed: b.Sealed}
	private := seal.NewPrivateKey(seal.Secret(key.Seed))
	learnt := layout.EpochSecret{Number: e.Number, Readers: e.Readers}
	if b.Kind == roster.BoxJoin {
		join, err := sealed.OpenJoin(private, t.ID)
		if err != nil || info.CheckJoin(join) != nil {
			return false
		}
		learnt.Join = identity.Secret(join)
		n.learnt[e.ID] = learnt
		return true
	}
	secret, join, err := sealed.OpenAll(private, t.ID)
	if err != nil || info.CheckJoin(join) != nil || k.ring.Learn(info, secret) != nil {
		return false
	}
	learnt.Secret, learnt.Join = identity.Secret(secret), identity.Secret(join)
	n.learnt[e.ID] = learnt
	return true
}

// findBox returns the box of a recipient among those that a record names, which lie in
// the order of their recipients; nil if there is none, or it is not here yet.
func (s *Store) findBox(b *roster.Boxes, recipient roster.Key) (found *roster.Box, err error) {
	l, err := s.knownLog(b.Log)
	if l == nil || err != nil || b.First+uint64(b.Count) > l.State().Size {
		return nil, err
	}
	at := sort.Search(int(b.Count), func(i int) bool {
		box, e := s.boxAt(l, b.First+uint64(i))
		if err = errors.Join(err, e); box == nil {
			return false
		}
		return bytes.Compare(box.Recipient[:], recipient[:]) >= 0
	})
	if err != nil || at == int(b.Count) {
		return nil, err
	}
	box, err := s.boxAt(l, b.First+uint64(at))
	if box != nil && box.Recipient != recipient {
		box = nil
	}
	return box, err
}

// boxAt reads a box; nil if it was erased or is none.
func (s *Store) boxAt(l *Log, seq uint64) (box *roster.Box, err error) {
	err = s.Read(l, seq, seq+1, func(run Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(_ uint64, rec *event.Record) error {
			if b, err := roster.DecodeBox(bytes.Clone(rec.Payload)); err == nil {
				box = b
			}
			return nil
		})
	})
	return box, err
}

// learnFromAdmissions opens the boxes that came with the admission of this device or
// account, or with the invite that it joins by: they are of the epoch that was the
// newest then.
func (s *Store) learnFromAdmissions(t *Topic, k *keyring, n *Keys, st *roster.State) error {
	epochs := map[uint64]*roster.Epoch{}
	for _, e := range st.Epochs() {
		if _, ok := k.ring.Secret(e.ID); !ok && n.learnt[e.ID].Join.IsZero() {
			epochs[e.Number] = &e.Epoch
		}
	}
	if len(epochs) == 0 {
		return nil
	}
	chain, err := s.chain(t)
	if err != nil {
		return err
	}
	for _, leg := range chain {
		l, err := s.knownLog(leg.Log)
		if l == nil || err != nil {
			return err
		}
		raw, err := s.rawRecords(l)
		if err != nil {
			return err
		}
		for _, r := range raw {
			if err := s.learnFrom(t, k, n, r, epochs); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) learnFrom(t *Topic, k *keyring, n *Keys, r roster.Raw, epochs map[uint64]*roster.Epoch) error {
	body, err := roster.Decode(r.Type, r.Body)
	if err != nil {
		return nil
	}
	boxes, to := boxesOf(body)
	if boxes == nil {
		return nil
	}
	for _, key := range k.keys {
		for _, recipient := range to {
			if recipient != roster.Key(key.Recipient) {
				continue
			}
			box, err := s.findBox(boxes, recipient)
			if err != nil {
				return err
			}
			if box != nil && epochs[box.Epoch] != nil {
				n.open(t, k, epochs[box.Epoch], key, box)
			}
		}
	}
	return nil
}

func (n *Keys) write(c *Committer, txn *aof.Txn) error {
	for id, e := range n.learnt {
		if err := aof.PutRow(txn, layout.EpochSecrets, layout.EpochKey{Topic: n.topic, Epoch: id}, e); err != nil {
			return err
		}
	}
	if n.edit != nil {
		return n.edit.write(c, txn)
	}
	return nil
}

func (n *Keys) made(s *Store) error {
	s.keyrings.mu.Lock()
	delete(s.keyrings.all, n.topic) // it is read from the rows again
	s.keyrings.mu.Unlock()
	if n.edit == nil {
		return nil
	}
	return n.edit.made(s)
}
