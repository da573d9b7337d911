// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

func (s *Store) branchPath(log digest.Hash) string {
	return filepath.Join(s.dir, forksName, log.String()+layout.BranchSuffix)
}

// keepBranch writes what is held of a log to its file, unless there is one: the first
// branch that was replaced is the one that this store believed.
func (s *Store) keepBranch(l *Log) error {
	s.forks.keeping.Lock()
	defer s.forks.keeping.Unlock()
	path, p := s.branchPath(l.ID), l.Whole()
	if _, err := s.opts.FS.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.opts.FS.MkdirAll(s.path(forksName), 0o700); err != nil {
		return err
	}
	f, err := s.opts.FS.Open(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := io.NewOffsetWriter(f, 0)
	_, err = w.Write(layout.BranchHeader(l.ID, p.Size, p.Root))
	if err == nil {
		err = s.ReadWhole(l, 0, p.Size, func(run Run) error {
			_, err := w.Write(run.Records)
			return errors.Join(err, goneOf(run))
		})
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.opts.FS.Rename(path+".new", path); err != nil {
		return err
	}
	return s.opts.FS.SyncDir(s.path(forksName))
}

// goneOf is the error that a run is which cannot be kept.
func goneOf(run Run) error {
	if run.Gone() {
		return run.erased()
	}
	return nil
}

// withBranches puts, for legs of which another branch is on its way here, what was held
// of them before in the place of what is.
func (s *Store) withBranches(legs []*Log, held []roster.HeldLeg) ([]roster.HeldLeg, error) {
	all := make([]roster.HeldLeg, 0, len(legs))
	for _, l := range legs {
		raw, err := s.branchOf(l)
		if err != nil {
			return nil, err
		}
		if len(raw) > 0 {
			all = append(all, roster.HeldLeg{LegID: legOf(l.Name()), Records: raw})
		} else if i := slices.IndexFunc(held, func(h roster.HeldLeg) bool { return h.Log == l.ID }); i >= 0 {
			all = append(all, held[i])
		}
	}
	return all, nil
}

// branchOf returns the records of the branch that a leg is read from until all that the
// roster names of it is here; nil if there is none.
func (s *Store) branchOf(l *Log) (all []roster.Raw, err error) {
	c := s.legCut(l.Topic, l.ID)
	if c == nil || l.Shown().Size >= c.Size || !l.Row().Frozen {
		return nil, nil
	}
	b, err := s.opts.FS.ReadFile(s.branchPath(l.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	x, err := layout.ParseBranch(b)
	if err != nil || x.Log != l.ID {
		return nil, &CorruptError{Where: s.branchPath(l.ID), What: fmt.Sprintf("the branch of log %s that was replaced", l.ID.Short()), Err: err}
	}
	for rest := x.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return nil, err
		}
		all = append(all, roster.Raw{Type: string(rec.Type), Time: rec.Time, Body: rec.Payload})
		rest = rest[n:]
	}
	return all, nil
}
