// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/proof"
)

// rows is the AOF under repair: the one that is there, or a new one that takes
// its place at the end.
type rows struct {
	r       *repairer
	aof     *aof.Store
	logs    map[digest.Hash]aof.LogRow  // that a.aof holds
	roots   map[digest.Hash]digest.Hash // of own logs, at the sizes of their rows
	rebuilt string                      // the directory of a new one, or ""
	old     *aof.Salvage                // what could be read of the damaged one, or nil
	dropped map[*layout.Kind]bool       // rows of these kinds were set aside
}

// openRows opens the AOF, or begins a new one if it is unusable. False says
// that it must stay as it is.
func (r *repairer) openRows() (bool, error) {
	r.topics, r.rows.roots = map[digest.Hash]*layout.Topic{}, map[digest.Hash]digest.Hash{}
	for _, v := range r.o.Invites {
		r.topics[v.Topic()] = &layout.Topic{ID: v.Topic(), Genesis: &v.Genesis, Keys: v.Keys, Name: v.Name}
	}
	a, err := r.openAOF(r.path(layout.AOFName), true)
	if err == nil {
		r.rows.aof = a
		if err := r.rows.load(); err != nil {
			return true, err
		}
		return true, r.meet()
	}
	if errors.Is(err, aof.ErrKey) {
		r.missing(digest.Hash{}, RemedyIdentity, "%v", err)
		return false, nil
	}
	if !errors.Is(err, aof.ErrCorrupt) && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if r.rows.old, err = aof.OpenSalvage(r.path(layout.AOFName), r.key); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	g, _ := oldRow(r.rows.old, layout.Generations)
	p, _ := oldRow(r.rows.old, layout.Places)
	if err := errors.Join(r.settle(g, p), r.meet()); err != nil {
		return false, err
	}
	return r.rows.begin()
}

// peers returns the rows of remembered peers, of a sound AOF or of what could
// be read of a damaged one. A row that cannot be read is one peer less to ask.
func (s *rows) peers() map[identity.PeerID][]byte {
	all := map[identity.PeerID][]byte{}
	if s.aof != nil {
		_ = s.aof.View(func(v *aof.View) error {
			return aof.EachRow(v, layout.Peers, func(p identity.PeerID, row []byte) error {
				all[p] = bytes.Clone(row)
				return nil
			})
		})
	} else if s.old != nil {
		for key, row := range s.old.Rows[aof.Peers] {
			if p, err := layout.Peers.ParseKey([]byte(key)); err == nil {
				all[p] = row
			}
		}
	}
	return all
}

func (s *rows) close() (err error) {
	if s.aof != nil {
		err = s.aof.Close()
	}
	if s.old != nil {
		err = errors.Join(err, s.old.Close())
	}
	return err
}

// load reads the rows of a sound AOF.
func (s *rows) load() error {
	s.logs = map[digest.Hash]aof.LogRow{}
	return s.aof.View(func(v *aof.View) error {
		g, err := rowOrNone(v, layout.Generations)
		p, err2 := rowOrNone(v, layout.Places)
		closed, err3 := rowOrNone(v, layout.Closings)
		s.r.older = s.r.closed > closed
		if err = errors.Join(err, err2, err3, s.r.settle(g, p)); err != nil {
			return err
		}
		err = eachSound(v, func(t *layout.Topic) { s.r.topics[t.ID] = t })
		return errors.Join(err, v.ForEachLog(func(row aof.LogRow) error {
			s.logs[row.ID] = row
			return nil
		}))
	})
}

// begin makes a new AOF beside the old one, with the topics that are known.
func (s *rows) begin() (bool, error) {
	topics := s.topics()
	if len(topics) == 0 {
		s.r.missing(digest.Hash{}, RemedyInvite, "the topic keys were in %s only", filepath.Join(layout.AOFName, layout.DataName))
		return false, nil
	}
	if s.r.fetch == nil && !s.r.o.AcceptLoss {
		s.r.missing(digest.Hash{}, RemedyLoss, "how far the own log was signed was in %s: appending to what is left of it could fork it", filepath.Join(layout.AOFName, layout.DataName))
		return false, nil
	}
	dir, err := s.r.files.Place("aof.new")
	if err != nil {
		return false, err
	}
	if dir == "" {
		return false, fmt.Errorf("%s is in the way", filepath.Join(s.r.files.Used(), "aof.new"))
	}
	s.rebuilt, s.logs = dir, map[digest.Hash]aof.LogRow{}
	if s.aof, err = s.r.openAOF(dir, false); err != nil {
		return false, err
	}
	return true, s.aof.Commit(func(t *aof.Txn) error { return s.putTopics(t, topics) })
}

// topics returns the topics whose keys are known, the default first.
func (s *rows) topics() (all []*layout.Topic) {
	known := map[digest.Hash]*layout.Topic{}
	if s.old != nil {
		for key, value := range s.old.Rows[aof.Topics] {
			if layout.Topics.Check([]byte(key), value) != nil {
				continue
			}
			if _, t, err := layout.Topics.Parse([]byte(key), value); err == nil {
				known[t.ID], s.r.topics[t.ID] = t, t
			}
		}
	}
	for _, v := range s.r.o.Invites {
		if t := s.r.topics[v.Topic()]; known[t.ID] == nil {
			t.Log = s.ownLog(t).ID()
			known[t.ID] = t
		}
	}
	for _, t := range known {
		all = append(all, t)
	}
	first := s.first()
	slices.SortFunc(all, func(a, b *layout.Topic) int {
		if a.ID == first || b.ID == first {
			return map[bool]int{true: -1, false: 1}[a.ID == first]
		}
		return a.ID.Compare(b.ID)
	})
	return all
}

// first is the default topic.
func (s *rows) first() digest.Hash {
	if id, ok := oldRow(s.old, layout.Defaults); ok {
		return id
	}
	if len(s.r.o.Invites) > 0 {
		return s.r.o.Invites[0].Topic()
	}
	return digest.Hash{}
}

// ownLog names the log that this store appends to in a topic.
func (s *rows) ownLog(t *layout.Topic) identity.LogName {
	pages := t.Genesis.PageBytes
	if pages == 0 { // a topic of members leaves that to each device
		pages = uint32(s.r.format.PageBytes)
	}
	return identity.DataLog(t.ID, s.r.device.AuthorID(t.Genesis), pages)
}

// author returns the key with which this store signs in a topic, if that is
// known.
func (s *rows) author(topic digest.Hash) (author [32]byte) {
	if t := s.r.topics[topic]; t != nil {
		author = s.r.device.AuthorID(t.Genesis)
	}
	return author
}

func (s *rows) putTopics(t *aof.Txn, topics []*layout.Topic) error {
	for i, p := range topics {
		p.Num = uint32(i + 1)
		if err := aof.PutRow(t, layout.Topics, p.Num, p); err != nil {
			return err
		}
	}
	if err := errors.Join(device.Put(t, s.r.device.Generation, s.r.format.Place), aof.PutRow(t, layout.Closings, layout.Only{}, s.r.closed)); err != nil {
		return err
	}
	if err := s.putRest(t); err != nil {
		return err
	}
	return aof.PutRow(t, layout.Defaults, layout.Only{}, topics[0].ID)
}

// oldRow returns a row of the meta bucket of which there is one, as an old AOF
// has it.
func oldRow[V any](old *aof.Salvage, t *layout.Table[layout.Only, V]) (v V, ok bool) {
	if old == nil {
		return v, false
	}
	b, ok := old.Rows[aof.BucketOf(t.Kind)][string(t.Key(layout.Only{}))]
	if !ok {
		return v, false
	}
	v, err := t.ParseValue(layout.Only{}, b)
	return v, err == nil
}

// rowOrNone returns a row of which there is one; one that cannot be decoded is
// like none.
func rowOrNone[V any](v *aof.View, t *layout.Table[layout.Only, V]) (row V, err error) {
	row, _, err = aof.Row(v, t, layout.Only{})
	if errors.Is(err, corrupt.Err) {
		var none V
		return none, nil
	}
	return row, err
}

// eachSound calls fn with the topics of an AOF, each checked.
func eachSound(v *aof.View, fn func(*layout.Topic)) error {
	return v.ForEach(aof.Topics, nil, func(key, value []byte) error {
		if err := layout.Topics.Check(key, value); err != nil {
			return err
		}
		_, t, err := layout.Topics.Parse(key, value)
		if err == nil {
			fn(t)
		}
		return err
	})
}

// all returns the ids of the logs to look at: those with a row, in the AOF or
// in what is left of it, and those with a directory.
func (s *rows) all(dirs []digest.Hash) []digest.Hash {
	ids := slices.Clone(dirs)
	for id := range s.logs {
		ids = append(ids, id)
	}
	if s.old != nil {
		for id := range s.old.Logs {
			ids = append(ids, id)
		}
	}
	if s.rebuilt != "" {
		for _, t := range s.r.topics {
			ids = append(ids, s.ownLog(t).ID(), t.Roster().ID())
		}
	}
	slices.SortFunc(ids, digest.Hash.Compare)
	return slices.CompactFunc(ids, func(a, b digest.Hash) bool { return bytes.Equal(a[:], b[:]) })
}

// commit stores a log's row, with all events that are in no page: fill is
// called to add them.
func (s *rows) commit(row *aof.LogRow, fill func(*aof.Txn) error) error {
	err := s.aof.Commit(func(t *aof.Txn) error {
		if err := t.PutLog(row); err != nil {
			return err
		}
		if err := t.DropEventsFrom(row.Num, 0); err != nil {
			return err
		}
		return fill(t)
	})
	if err == nil {
		s.logs[row.ID] = *row
	}
	return err
}

// finish puts a new AOF in its place, if it has the own log of each topic.
func (s *rows) finish() error {
	if s.rebuilt == "" {
		return nil
	}
	whole, err := s.whole()
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	n, old := len(s.logs), s.old
	s.aof, s.old = nil, nil
	if !whole {
		return s.r.wire.RemoveAll(s.rebuilt) // of this run: the damaged one stays
	}
	if err := s.r.files.Move(layout.AOFName); err != nil {
		return err
	}
	if err := s.r.wire.Rename(s.rebuilt, s.r.path(layout.AOFName)); err != nil {
		return err
	}
	s.r.done(digest.Hash{}, "%s made again, with %d logs", filepath.Join(layout.AOFName, layout.DataName), n)
	s.tellLosses(old)
	return s.r.files.FS.SyncDir(s.r.dir)
}

func (s *rows) whole() (whole bool, err error) {
	whole = true
	err = s.eachTopic(func(t *layout.Topic) error {
		_, ok := s.logs[t.Log]
		whole = whole && ok
		return nil
	})
	return whole, err
}

func (s *rows) eachTopic(fn func(*layout.Topic) error) error {
	var all []*layout.Topic
	err := s.aof.View(func(v *aof.View) error {
		return eachSound(v, func(t *layout.Topic) { all = append(all, t) })
	})
	for _, t := range all {
		if err == nil {
			err = fn(t)
		}
	}
	return err
}

// retire lets the store go on as a new device, with a new log in each topic. Its
// logs so far become those of a peer, under heads that their key signs a last
// time, over events that it signed before. Everything changes in one transaction.
func (s *rows) retire() error {
	u := &device.Turn{Old: s.r.device, Next: identity.Device{Seed: s.r.device.Seed}, At: s.r.o.Now}
	var err error
	if u.Next.Generation, err = identity.NewGeneration(nil); err != nil {
		return err
	}
	if s.r.format.Place, err = device.PlaceOf(s.r.dir, s.r.o.Place); err != nil {
		return err
	}
	var topics []*layout.Topic
	if err := s.eachTopic(func(t *layout.Topic) error { topics = append(topics, t); return nil }); err != nil {
		return err
	}
	old := s.ownRows()
	m := &layout.Move{From: u.Old.PeerID(), To: u.Next.PeerID(), Why: "a repair could not keep all that it had signed", At: u.At}
	err = s.aof.Commit(func(t *aof.Txn) error {
		if err := u.PutOld(t, old); err != nil {
			return err
		}
		for _, topic := range topics {
			row, err := u.PutLog(t, topic, device.AccountKept(topic), old)
			if err != nil {
				return err
			}
			s.logs[row.ID] = row
		}
		return u.PutDevice(t, m, s.r.format.Place)
	})
	if err != nil {
		return err
	}
	s.r.done(digest.Hash{}, "a new device, with a new log in each topic: peers know this store by %s from now on", u.Next.PeerID())
	s.r.format.Generation = u.Next.Generation
	return device.WriteFormat(s.r.wire, s.r.dir, s.r.format, s.r.key)
}

// ownRows returns the rows of this store's logs as those of a peer.
func (s *rows) ownRows() (old []aof.LogRow) {
	for _, row := range s.logs {
		if row.Own {
			row.Own, row.HighWater = false, 0
			s.lastHead(&row)
			old = append(old, row)
		}
	}
	return old
}

// lastHead signs what a log holds, if its stored head is of less. A log whose
// key is lost ends at the head that is there.
func (s *rows) lastHead(row *aof.LogRow) {
	t, root := s.r.topics[row.Topic], s.roots[row.ID]
	if t == nil || root.IsZero() || row.Size == 0 {
		return
	}
	if key := s.r.device.AuthorKey(t.Genesis); identity.PublicKey(key) == row.Author {
		h := proof.Sign(key, row.ID, row.Size, root)
		row.HeadSize, row.HeadRoot, row.HeadSig, row.Right = h.Size, h.Root, h.Sig, nil
	}
}
