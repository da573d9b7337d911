// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// ErrIdentity is returned for a store whose own logs were signed with other keys
// than its identity.key gives.
var ErrIdentity = errors.New("identity.key is not the one that this store's logs were written with: put back the one that belongs to it")

// A Log is one log of the store. Its published state is read by anybody at
// any time; who writes what is said at each field.
type Log struct {
	ID        digest.Hash
	Topic     digest.Hash
	Author    [32]byte
	Num       uint32 // its number in the AOF
	PageBytes int
	Kind      identity.LogKind
	Number    uint64
	Own       bool // this store appends to it

	genesis *identity.Genesis       // of the topic
	key     func() (*signer, error) // of the author, if Own; derived when it is first asked for
	derived atomic.Pointer[signer]  // key, once it was
	files   *segwriter.Log

	row   atomic.Pointer[aof.LogRow] // as last committed; changed by the Committer only
	pubMu sync.Mutex                 // held while pub, cut and counted change
	pub   atomic.Pointer[LogState]   // changed by the MMRIndexer only, once the log is loaded

	cut     atomic.Pointer[roster.Cut] // by the roster, as it is carried out; changed under catalog.setMu
	counted atomic.Pointer[LogState]   // what that leaves of pub; nil if it is all

	signMu sync.Mutex                 // held while a head of ours is signed
	signed atomic.Pointer[proof.Head] // the newest that was signed since the log was loaded

	grew atomic.Uint64 // size of the state before pub; changed with it

	// How far the segment and the tree stage forwarded the log since it was
	// loaded: where a stage that restarted takes its work from.
	segmented, treed atomic.Uint64

	told uint64 // size that those who wait for the log were told of; guarded by pubMu

	// As the log is counted in the topic's digest; changed under catalog.setMu.
	frozen      atomic.Bool
	provisional atomic.Bool // it is not
	mute        atomic.Bool // its author may read only

	sealMu sync.Mutex    // held while a seal is committed, and while epoch changes
	epoch  atomic.Uint64 // see messages.Batch

	openMu sync.Mutex // guards open
	open   *openTree  // the tree of the open page, for proofs
	high   highNodes  // tier-2 nodes that were read for proofs

	kept bool        // by the logCache, whose mu guards it
	used atomic.Bool // since the logCache looked last
}

// LogState is the state of a log that everybody sees: durable and under a
// root. It is immutable.
type LogState struct {
	Size  uint64
	Root  digest.Hash
	Peaks mmrindex.Peaks
	head  proof.Head    // that proves it, of at least Size; of our own logs it is signed when asked for, see Log.Head
	Right []digest.Hash // compact range [Size, HeadSize())

	// Pages and PagesSize are how far the page files can be read: events
	// below PagesSize are in pages below Pages, with their trees.
	Pages     uint64
	PagesSize uint64
}

// HeadSize returns how many events the head counts that proves the state.
func (p *LogState) HeadSize() uint64 { return p.head.Size }

// GrewFrom returns the size of the published state before this one.
func (l *Log) GrewFrom() uint64 { return l.grew.Load() }

// Row returns the log's row as last committed.
func (l *Log) Row() *aof.LogRow { return l.row.Load() }

// Name returns what the log's id follows from.
func (l *Log) Name() identity.LogName { return l.Row().Name() }

// AuthorKey returns the author's public key.
func (l *Log) AuthorKey() ed25519.PublicKey { return l.Author[:] }

// catalog is what is known of logs beyond their rows.
type catalog struct {
	logCache
	joined joinedKeys

	// Held while logs are created and made known, and while a topic's logs are
	// listed from rows: a list has no log that is not counted yet.
	creating sync.Mutex // guards the creation of logs against listing

	topicMu sync.Mutex                 // guards topics; whoever holds it takes no other lock
	topics  map[digest.Hash]*topicList // of all, once somebody asked; nil before

	setMu   sync.Mutex               // guards history and rulings, and what is in them
	history map[digest.Hash]*history // per topic, once somebody asked
	rulings map[digest.Hash]*rulings // per topic, once somebody asked

	legCuts map[digest.Hash]map[digest.Hash]*roster.Cut // of legs, per topic; guarded by setMu, and changed while rosters.mu is held
}

// Log returns the log with this id, or ErrUnknownLog. Two callers get the same
// *Log for as long as one of them holds it.
func (s *Store) Log(id digest.Hash) (*Log, error) {
	if l := s.catalog.find(id); l != nil {
		return l, nil
	}
	if s.aof.Lacks(id) {
		return nil, unknownLog(id)
	}
	return s.catalog.load(id, s.readRow)
}

// readRow makes a Log of what is stored.
func (s *Store) readRow(id digest.Hash) (*Log, error) {
	row, err := s.rowOf(id)
	if err != nil {
		return nil, err
	}
	l, err := s.newLog(row)
	if err != nil {
		return nil, &UnreadError{id, err}
	}
	return l, nil
}

// EmptyHead returns the head of a log of ours before its first event: whoever
// wants to see that it only grows needs one to begin with.
func (l *Log) EmptyHead() (h proof.Head, ok bool) {
	if !l.Own {
		return h, false
	}
	key, err := l.key()
	if err != nil {
		return h, false
	}
	h, err = key.sign(l.ID, 0, digest.Empty)
	return h, err == nil
}

// rowOf reads the row of a log; the error is ErrUnknownLog if there is none.
func (s *Store) rowOf(id digest.Hash) (*aof.LogRow, error) {
	row, found, err := s.aof.Log(id)
	if err == nil && !found {
		err = unknownLog(id)
	}
	return &row, err
}

// knownRow returns the row of a log as last committed, from memory if the log is there.
func (s *Store) knownRow(id digest.Hash) (*aof.LogRow, error) {
	if l := s.catalog.find(id); l != nil {
		return l.Row(), nil
	}
	return s.rowOf(id)
}

// newLog makes a Log of its row, with its files in order and its state
// computed.
func (s *Store) newLog(row *aof.LogRow) (*Log, error) {
	l, err := s.bareLog(row)
	if err != nil {
		return nil, err
	}
	if !s.opts.ReadOnly {
		if err := s.catalog.prepare(row.Num, func() error { return s.prepareFiles(l, row) }); err != nil {
			return nil, err
		}
	}
	var p *LogState
	if row.Size == 0 { // as most that are about to be written to for the first time
		p = &LogState{Root: digest.Empty, head: row.Head(), Right: row.Right}
		err = s.checkOwn(l, row, p)
	} else {
		p, row, err = s.computeState(l)
	}
	if err != nil {
		return nil, err
	}
	l.row.Store(row)
	if err := l.prove(p); err != nil {
		return nil, err
	}
	l.pub.Store(p) // it counts as it did when it was here last
	return l, s.takeRuling(l)
}

// bareLog makes a Log of its row, with its files as they are and without a state.
func (s *Store) bareLog(row *aof.LogRow) (*Log, error) {
	l := &Log{
		ID: row.ID, Topic: row.Topic, Author: row.Author, Num: row.Num,
		PageBytes: int(row.PageBytes), Kind: row.Kind, Number: row.Number, Own: row.Own,
	}
	var err error
	if l.files, err = s.filesOf(row); err != nil {
		return nil, err
	}
	t, err := s.Topic(row.Topic)
	if err != nil {
		return nil, err
	}
	if l.genesis = t.Genesis; l.Own {
		l.key = sync.OnceValues(func() (*signer, error) {
			key, err := s.keyOf(l.ID, l.Author, t)
			l.derived.Store(key)
			return key, err
		})
	}
	l.row.Store(row)
	l.frozen.Store(row.Frozen)
	l.epoch.Store(s.catalog.epochs.Add(1))
	return l, nil
}

// filesOf returns the files of a log, of which most small ones have none: those are
// not looked for.
func (s *Store) filesOf(row *aof.LogRow) (*segwriter.Log, error) {
	p := segwriter.ParamsOf(row.Name(), s.format.SegmentPages)
	if s.fileless(row) {
		return s.segs.Fileless(p)
	}
	return s.segs.Log(p)
}

// A filed is which logs had a directory when the store was opened. It is not changed
// once the store is open.
type filed struct {
	logs   numbers
	others map[digest.Hash]bool // of which there was no row
}

// fileless reports whether a log has no files but those that this store may have
// begun since it was opened.
func (s *Store) fileless(row *aof.LogRow) bool {
	return row.SealedPages == 0 && !s.filed.logs.has(row.Num) && !s.filed.others[row.ID]
}

// knownLog returns the log with this id, or nil if there is none.
func (s *Store) knownLog(id digest.Hash) (*Log, error) {
	l, err := s.Log(id)
	if errors.Is(err, ErrUnknownLog) {
		return nil, nil
	}
	return l, err
}

// OfMembers reports whether the log is of a topic whose roster says who takes part.
func (l *Log) OfMembers() bool { return !l.genesis.Policy.Has(identity.PolicyOpen) }
