// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A fork is kept for good, in two places: a row in LMDB beside the log's, which
// says frozen, and a file that people can hand on. A file without its row, as
// after an older AOF was put back, freezes the log again.

const (
	forksName  = layout.ForksName
	forkSuffix = layout.ForkSuffix
)

// A Freeze is the proof that a log was forked; the log takes nothing more.
type Freeze struct{ Fork proof.Fork }

func (f *Freeze) write(c *Committer, t *aof.Txn) error { return c.freeze(t, f.Fork) }

// forks are the proofs held, by log.
type forks struct {
	mu  sync.RWMutex // guards all
	all map[digest.Hash][]byte

	keeping sync.Mutex // held while a branch is written to its file
}

// Fork returns the text of the proof that a log was forked, which is not the
// caller's, or nil.
func (s *Store) Fork(log digest.Hash) []byte {
	s.forks.mu.RLock()
	defer s.forks.mu.RUnlock()
	return s.forks.all[log]
}

// Forks returns the forks that are known of, ordered by log.
func (s *Store) Forks() ([]proof.Fork, error) {
	s.forks.mu.RLock()
	defer s.forks.mu.RUnlock()
	var all []proof.Fork
	for _, text := range s.forks.all {
		f, err := proof.ParseFork(text)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { return compareHashes(all[i].Log(), all[j].Log()) < 0 })
	return all, nil
}

// ProveFork returns the proof that a head its author signed contradicts what is
// held of a log. The error is ErrRange if too little is held for that.
func (s *Store) ProveFork(l *Log, theirs proof.Head) (proof.Fork, error) {
	p := l.Whole()
	ours, err := l.Head(p)
	if err != nil {
		return proof.Fork{}, err
	}
	if theirs.Size == ours.Size {
		f := proof.NewFork(l.Name(), ours, theirs, digest.Hash{}, nil)
		return f, f.Verify()
	}
	if theirs.Size == 0 || theirs.Size > p.Size {
		return proof.Fork{}, fmt.Errorf("%w: a head of %d, held are %d", ErrRange, theirs.Size, p.Size)
	}
	m, err := s.peaksIn(l, p, theirs.Size)
	if err != nil {
		return proof.Fork{}, err
	}
	n, err := s.nodesToHead(l, p)
	if err != nil {
		return proof.Fork{}, err
	}
	hashes, err := mmrindex.Consistency(theirs.Size, ours.Size, n)
	if err != nil {
		return proof.Fork{}, err
	}
	f := proof.NewFork(l.Name(), ours, theirs, m.Root(), hashes)
	return f, f.Verify()
}

// beyond reads nodes of what is held, and those up to the head that its proof
// gives.
type beyond struct {
	held  mmrindex.Nodes
	extra map[mmrindex.NodeID]digest.Hash
}

func (s *Store) nodesToHead(l *Log, p *LogState) (mmrindex.Nodes, error) {
	held, err := s.nodesOf(l, p)
	if err != nil || p.Size == p.head.Size {
		return held, err
	}
	n := beyond{held: held, extra: map[mmrindex.NodeID]digest.Hash{}}
	for i, id := range merkleindex.RangeNodes(p.Size, p.head.Size) {
		n.extra[id] = p.Right[i]
	}
	whole := p.Peaks.Clone()
	rest := merkleindex.CompactRange{Begin: p.Size, End: p.head.Size, Hashes: p.Right}
	return n, whole.Merge(rest, func(level uint, index uint64, h digest.Hash) {
		n.extra[mmrindex.NodeID{Level: uint8(level), Index: index}] = h
	})
}

// ReadNodes implements mmrindex.Nodes.
func (n beyond) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		if h, ok := n.extra[id]; ok {
			out[i] = h
		} else if err := n.held.ReadNodes(ids[i:i+1], out[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// freeze marks a log as forked in the transaction; what was held of it before
// it was known stays.
func (c *Committer) freeze(t *aof.Txn, f proof.Fork) error {
	id := f.Log()
	row, found, err := t.Log(id)
	if err != nil {
		return err
	}
	if known := c.rows[id]; known != nil {
		row, found = *known, true
	}
	if !found {
		row = aof.NewLogRow(f.LogName, false)
	}
	if row.Frozen {
		return nil
	}
	row.Frozen = true
	if err := t.PutLog(&row); err != nil {
		return err
	}
	if !found {
		c.created = append(c.created, &row)
	}
	c.rows[id] = &row
	c.done.Frozen = append(c.done.Frozen, id)
	return aof.PutRow(t, layout.Forks, id, f)
}

func (f *Freeze) log() digest.Hash { return f.Fork.Log() }

// made makes the fork known. If the file cannot be written, the row still has it,
// and the file is written when the store is opened.
func (f *Freeze) made(s *Store) error {
	log, text := f.Fork.Log(), f.Fork.Encode()
	s.forks.mu.Lock()
	s.forks.all[log] = text
	s.forks.mu.Unlock()
	l, err := s.Log(log)
	if err == nil {
		s.countFrozen(l)
		s.chooseAgain(l)
	}
	return errors.Join(err, s.writeFork(log, text))
}

func (s *Store) forkPath(log digest.Hash) string {
	return filepath.Join(s.dir, forksName, log.String()+forkSuffix)
}

func (s *Store) writeFork(log digest.Hash, text []byte) error {
	if err := s.opts.FS.MkdirAll(filepath.Join(s.dir, forksName), 0o700); err != nil {
		return err
	}
	return s.opts.FS.WriteFileAtomic(s.forkPath(log), text, 0o600)
}

// loadForks reads the forks of the AOF, writes their files again if they are
// missing, and freezes logs of which only the file is left.
func (s *Store) loadForks() error {
	s.forks.all = map[digest.Hash][]byte{}
	err := s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Forks, func(log digest.Hash, f proof.Fork) error {
			s.forks.all[log] = f.Encode()
			return nil
		})
	})
	if err != nil || s.opts.ReadOnly {
		return err
	}
	for log, text := range s.forks.all {
		if have, err := s.opts.FS.ReadFile(s.forkPath(log)); err != nil || !bytes.Equal(have, text) {
			if err := s.writeFork(log, text); err != nil {
				return err
			}
		}
	}
	return s.forkFiles()
}

// forkFiles takes up the proofs of which there is a file only. A file that
// proves nothing is passed over; Check tells of it.
func (s *Store) forkFiles() error {
	entries, err := s.opts.FS.ReadDir(filepath.Join(s.dir, forksName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		log, err := digest.Parse(strings.TrimSuffix(e.Name(), forkSuffix))
		if err != nil || s.forks.all[log] != nil {
			continue
		}
		text, err := s.opts.FS.ReadFile(s.forkPath(log))
		if err != nil {
			continue
		}
		f, err := layout.ParseForkFile(text)
		if err != nil || f.Log() != log || s.topics.all[f.Topic] == nil {
			continue
		}
		if err := s.Do(&Freeze{f}); err != nil {
			return err
		}
	}
	return nil
}

// fork holds a frozen log against its proof, and the proof against its file.
func (c *checker) fork(l *Log) {
	text := c.s.Fork(l.ID)
	if l.Row().Frozen != (text != nil) {
		c.found(findings.FlawLog, l, fmt.Errorf("frozen is %v, a proof of its fork is there: %v", l.Row().Frozen, text != nil))
	}
	if text == nil {
		return
	}
	path := c.s.forkPath(l.ID)
	have, err := c.s.opts.FS.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return // opening the store writes it
	}
	if err == nil && !bytes.Equal(have, text) {
		err = errors.New("is not the proof that the AOF holds")
	}
	if err != nil {
		c.Note(findings.Finding{Kind: findings.FlawFork, Where: path, File: path, Log: l.ID.String()}, err)
	}
}
