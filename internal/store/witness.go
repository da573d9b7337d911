// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/aside"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Reading the witnesses changes nothing. recovery.Judge says what comes of them.

// An opening is what was found out about a store on the way to opening it.
type opening struct {
	witness recovery.Witness
	found   map[digest.Hash]*segwriter.Found // of logs whose files are to be brought in order
	plan    recovery.Plan
	causes  []error // of what is wrong with files
	keys    int     // rows of ours whose key was derived
}

// take returns what was found of a log that was not loaded since, and how many of
// its pages are to be kept.
func (o *opening) take(id digest.Hash) (f *segwriter.Found, keep uint64) {
	if o == nil {
		return nil, 0
	}
	f, keep = o.found[id], o.plan.Keep[id]
	delete(o.found, id)
	return f, keep
}

// readFiles reads the files that there is one of. An error is what keeps them from
// being looked at.
func (s *Store) readFiles(o *opening) error {
	w := &o.witness
	var errs [3]error
	if s.restoring == nil {
		s.format, errs[0] = device.ReadFormat(s.opts.FS, s.dir)
	}
	errs[1] = s.loadSeed()
	errs[2] = s.openAOF()
	if errors.Is(errs[2], aof.ErrKey) {
		s.key, errs[1] = nil, ErrIdentity
		errs[2] = s.openAOF()
	}
	if errs[0] == nil && s.key != nil {
		errs[0] = s.openFormat()
	}
	if errs[2] == nil {
		errs[2] = s.loadPlace()
	}
	if errs[2] == nil && (s.key != nil || !s.aof.Sealed()) {
		errs[2] = errors.Join(s.loadGeneration(), s.loadTopics())
	}
	for i, f := range []*recovery.File{&w.Format, &w.Identity, &w.AOF} {
		var read bool
		if *f, read = fileOf(errs[i]); !read {
			return errs[i]
		}
		if errs[i] != nil {
			o.causes = append(o.causes, errs[i])
		}
	}
	if w.AOF.State == recovery.Missing {
		o.causes = append(o.causes, corrupt.Err)
	}
	s.idKey = layout.IDSecret(s.device.Seed)
	return nil
}

// openAOF opens the AOF with the key that there is.
func (s *Store) openAOF() (err error) {
	s.aof, err = aof.Open(s.path(aofName), aof.Options{
		MapBytes: s.opts.MapBytes, MustExist: true, Unsettled: true, ReadOnly: s.opts.ReadOnly, Key: s.key, FS: s.opts.FS, Fault: s.opts.Fault, Check: s.unchanged,
	})
	return err
}

// openFormat opens what is sealed in FORMAT.
func (s *Store) openFormat() error {
	if err := s.format.Open(s.key); err != nil {
		return fmt.Errorf("%w: FORMAT is that of another store: %w", ErrFormat, err)
	}
	return nil
}

// fileOf returns what reading a file makes of it; false says that it could not be
// looked at, or is not this version's to judge.
func fileOf(err error) (recovery.File, bool) {
	switch {
	case err == nil:
		return recovery.File{State: recovery.Sound}, true
	case errors.Is(err, identity.ErrPassphrase):
		return recovery.File{}, false
	case errors.Is(err, fs.ErrNotExist):
		return recovery.File{State: recovery.Missing}, true
	case errors.Is(err, layout.ErrNewer) || durable.TroubleOf(err) != durable.NoTrouble:
	case errors.Is(err, corrupt.Err) || errors.Is(err, ErrFormat) || errors.Is(err, identity.ErrSeedFile) || errors.Is(err, ErrIdentity):
		return recovery.File{State: recovery.Damaged, What: err.Error()}, true
	}
	return recovery.File{}, false
}

// readLogs reads what rows and files say of each log. An error is what keeps this
// store from being looked at.
func (s *Store) readLogs(o *opening) error {
	o.found = map[digest.Hash]*segwriter.Found{}
	dirs, err := s.logDirs()
	s.filed = filed{numbers{}, dirs} // those with a row are taken out
	if err == nil {
		o.witness.Closed.File, err = device.ReadClosed(s.opts.FS, s.dir)
	}
	if err != nil {
		return err
	}
	err = s.aof.View(func(v *aof.View) (err error) {
		if o.witness.Closed.AOF, _, err = aof.Row(v, layout.Closings, layout.Only{}); err != nil {
			return err
		}
		dropped := s.dropped()
		return v.ForEachLog(func(row aof.LogRow) error {
			if dropped[row.Topic] {
				delete(dirs, row.ID)
				return nil
			}
			l := recovery.Log{ID: row.ID, Row: s.rowWitness(o, &row)}
			if dirs[row.ID] {
				s.filed.logs.add(row.Num)
			}
			if dirs[row.ID] || row.SealedPages > 0 {
				if err := s.readLog(o, v, &row, &l); err != nil {
					return err
				}
			} else if !row.Own {
				return nil // nothing else speaks of it
			}
			delete(dirs, row.ID)
			o.witness.Logs = append(o.witness.Logs, l)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for id := range dirs {
		o.witness.Logs = append(o.witness.Logs, s.unknownLog(id))
	}
	return nil
}

// logDirs returns which logs have a directory.
func (s *Store) logDirs() (map[digest.Hash]bool, error) {
	entries, err := s.opts.FS.ReadDir(s.path(logsName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	dirs := map[digest.Hash]bool{}
	for _, d := range entries {
		if id, err := digest.Parse(d.Name()); err == nil {
			dirs[id] = true // else it is not ours
		}
	}
	return dirs, nil
}

// keyWitnesses bounds the rows of ours whose key is derived when a store is opened.
// All follow from one seed, so that a few tell whether it is the right one; every
// row is held against its key again when something is first signed of its log or
// appended to it.
const keyWitnesses = 256

func (s *Store) rowWitness(o *opening, row *aof.LogRow) *recovery.Row {
	r := &recovery.Row{Own: row.Own, Size: row.Size, SealedPages: row.SealedPages, HeadSize: row.HeadSize, Signed: row.HighWater, Author: row.Author}
	if !row.Own {
		return r
	}
	if row.HighWater > row.Size {
		s.behind = append(s.behind, row.ID)
	}
	switch t := s.topics.all[row.Topic]; {
	case t == nil:
		r.TopicMissing = true
	case o.keys < keyWitnesses:
		o.keys++
		r.Key = s.device.AuthorID(t.Genesis)
	default:
		r.Key = row.Author
	}
	return r
}

// readLog looks at the files of a log.
func (s *Store) readLog(o *opening, v *aof.View, row *aof.LogRow, l *recovery.Log) error {
	files, err := s.segs.Log(segwriter.ParamsOf(row.Name(), s.format.SegmentPages))
	if err != nil {
		return err
	}
	found, err := files.Look(row.SealedPages, row.SealedSize)
	if errors.Is(err, corrupt.Err) {
		l.Files.Flaw = err.Error()
		o.causes = append(o.causes, err)
		return nil
	}
	if err == nil {
		err = (&fitting{row: row, files: files, found: found}).compare(v)
	}
	if err != nil {
		return err
	}
	if !found.Clean() {
		o.found[row.ID] = found
	}
	l.Files = filesOf(found, uint64(files.SegmentPages()))
	if row.Own {
		l.Head = headWitness(files, row)
	}
	return nil
}

func filesOf(f *segwriter.Found, segmentPages uint64) recovery.Files {
	w := recovery.Files{Unfinished: f.Unfinished, Derived: f.Derived}
	for _, p := range f.Beyond {
		w.Beyond = append(w.Beyond, recovery.Page{
			Index: p.Index, File: p.File, Alone: p.Index/segmentPages*segmentPages >= f.Sealed,
			Checks: p.Checks, Follows: p.Follows, End: p.End,
		})
	}
	return w
}

// headWitness reads the checkpoint kept with the pages of a log.
func headWitness(files *segwriter.Log, row *aof.LogRow) recovery.Head {
	text, err := files.ReadHead()
	if errors.Is(err, os.ErrNotExist) {
		return recovery.Head{}
	}
	if err == nil {
		var h proof.Head
		if h, err = proof.ParseCheckpoint(text, proof.VKey(row.Author[:], row.ID)); err == nil {
			return recovery.Head{State: recovery.Sound, Size: h.Size}
		}
	}
	return recovery.Head{State: recovery.Damaged, What: err.Error()}
}

// unknownLog looks whose the files of a log are that the AOF does not know.
func (s *Store) unknownLog(id digest.Hash) recovery.Log {
	l := recovery.Log{ID: id}
	p, ok := segwriter.FindParams(s.opts.FS, s.path(logsName, id.String()))
	if l.Files.Segments = ok && p.Log == id && p.Name().ID() == id; l.Files.Segments {
		t := s.topics.all[p.Topic]
		l.Ours = t != nil && s.device.AuthorID(t.Genesis) == p.Author
	}
	return l
}

// judge reads all witnesses, and decides. The error is what keeps it from reading.
func (s *Store) judge(o *opening) error {
	if err := s.readFiles(o); err != nil {
		return err
	}
	if o.witness.AOF.State == recovery.Sound {
		if err := s.readLogs(o); err != nil {
			return err
		}
	}
	o.plan = recovery.Judge(&o.witness)
	return nil
}

// ErrOlder is returned for a store whose aof/ is older than its other files.
var ErrOlder = errors.New("aof/ is older than the other files of the store")

// refusal returns why the plan is not to open the store, if so.
func (o *opening) refusal() error {
	if len(o.plan.Refused) == 0 {
		return nil
	}
	e := &recovery.RefusedError{Refused: o.plan.Refused, Causes: o.causes}
	if e.Has(recovery.KindIdentity) {
		e.Causes = append(e.Causes, ErrIdentity)
	}
	if e.Has(recovery.KindOlder) {
		e.Causes = append(e.Causes, ErrOlder, corrupt.Err)
	}
	if e.Has(recovery.KindHead) {
		e.Causes = append(e.Causes, corrupt.Err)
	}
	return e
}

// apply does what the plan says about files that are set aside; the rest of it is
// done as each log is loaded.
func (s *Store) apply(o *opening) error {
	a := aside.Files{FS: s.opts.FS, Dir: s.dir, Now: s.opts.Now()}
	for _, step := range o.plan.Steps {
		name, err := filepath.Rel(s.dir, step.File)
		if err != nil {
			return err
		}
		switch step.Action {
		case recovery.Move:
			err = a.Move(name)
		case recovery.Copy:
			err = a.Copy(name)
		default:
			continue
		}
		if err == nil {
			err = a.Note(name, fmt.Sprintf("%s (log %s): %s", step.Action, step.Log, step.Why))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
