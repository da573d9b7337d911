// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// CheckDir checks a store that is not open, and changes nothing: no byte, no name,
// no time. If opening it fails, why is among the findings, and its files are looked
// at one by one. The error says what kept it from looking, and is a *LookError,
// ErrNoStore, ErrFormat for another version, or durable.ErrLocked.
func CheckDir(ctx context.Context, dir string, o CheckOptions) (report findings.Report, err error) {
	if o.FS == nil {
		o.FS = durable.OS
	}
	if err := o.exists(dir); errors.Is(err, ErrNoStore) {
		return findings.Report{}, fmt.Errorf("store %s: %w", dir, err)
	} else if err != nil {
		return findings.Report{}, &findings.LookError{Where: dir, Err: err}
	}
	s, err := Open(dir, Options{ReadOnly: true, FS: o.FS})
	if err == nil {
		defer func() { err = errors.Join(err, s.Close()) }()
		if e := s.Unfounded(); e != nil {
			return report, fmt.Errorf("store %s: %w", dir, e)
		}
		report, err = s.Check(ctx, o.Progress)
		report.Copy = s.copyOf()
		return report, err
	}
	if errors.Is(err, durable.ErrLocked) || errors.Is(err, aof.ErrInUse) || errors.Is(err, layout.ErrNewer) {
		return findings.Report{}, err
	}
	if findings.OfTheMoment(err) {
		return findings.Report{}, &findings.LookError{Where: dir, Err: err}
	}
	c := &dirChecker{ctx: ctx, dir: dir, fs: durable.ReadOnly(o.FS)}
	c.run(err)
	return c.Report, errors.Join(c.Trouble, ctx.Err())
}

// CheckOptions are for CheckDir. The zero value works.
type CheckOptions struct {
	Progress func(done, total int64) // told bytes done and to do, if not nil
	FS       durable.FS              // nil: the operating system's
}

// exists returns ErrNoStore for a directory without a store, also without what is
// left of one.
func (o CheckOptions) exists(dir string) error {
	err := find(o.FS, dir)
	if !errors.Is(err, ErrNoStore) {
		return err
	}
	s := &Store{dir: dir, opts: Options{FS: o.FS}}
	if err = s.absent(); errors.Is(err, ErrRemains) {
		return nil
	}
	return err
}

// A dirChecker looks at the files of a store that cannot be opened.
type dirChecker struct {
	findings.List
	ctx context.Context
	dir string
	fs  durable.FS
}

// run checks each file, and adds why Open failed where no file says so.
func (c *dirChecker) run(opened error) {
	if _, err := device.ReadFormat(c.fs, c.dir); err != nil {
		c.file(findings.FlawFormat, formatName, err)
	}
	if _, err := identity.LoadSeed(filepath.Join(c.dir, seedName)); err != nil {
		c.file(findings.FlawSeed, seedName, err)
	}
	rows := c.aof()
	c.place()
	c.missing(rows)
	c.segments()
	c.refused(opened)
	if len(c.Report.Findings) == 0 {
		c.Note(findings.Finding{Kind: findings.FlawLog, Where: c.dir}, opened)
	}
}

func (c *dirChecker) file(kind findings.Flaw, name string, err error) {
	path := filepath.Join(c.dir, name)
	c.Note(findings.Finding{Kind: kind, Where: path, File: path}, err)
}

// aof reads all log rows, if that is possible.
func (c *dirChecker) aof() []aof.LogRow {
	var rows []aof.LogRow
	s, err := c.openAOF()
	if err == nil {
		err = errors.Join(s.View(func(v *aof.View) error {
			return v.ForEachLog(func(r aof.LogRow) error {
				rows = append(rows, r)
				return nil
			})
		}), s.Close())
	}
	if err != nil {
		c.file(findings.FlawAOF, filepath.Join(aofName, dataName), err)
	}
	c.Report.Logs = len(rows)
	return rows
}

// place finds out whether this is a copy, from the row of the place or, if that
// cannot be read, from FORMAT.
func (c *dirChecker) place() {
	f, _ := device.ReadFormat(c.fs, c.dir) // if it is damaged, that was found
	was := f.Place
	if s, err := c.openAOF(); err == nil {
		_ = errors.Join(s.View(func(v *aof.View) error {
			p, err := device.LoadPlace(v, was)
			if err == nil {
				was = p
			}
			return err
		}), s.Close())
	}
	now, err := device.PlaceOf(c.dir, "")
	if same, why := was.Same(now); err == nil && !same && was != (identity.Place{}) && !was.Named() {
		c.Report.Copy = why
	}
}

// missing looks for segments that are not there.
func (c *dirChecker) missing(rows []aof.LogRow) {
	f, err := device.ReadFormat(c.fs, c.dir)
	if err != nil {
		return
	}
	for _, r := range rows {
		raw := segwriter.OpenRaw(c.fs, c.dir, segwriter.ParamsOf(r.Name(), f.SegmentPages))
		for _, path := range raw.Missing(r.SealedPages) {
			c.Note(findings.Finding{Kind: findings.FlawPages, Where: path, File: path, Log: r.ID.String()}, errors.New("the file is missing"))
		}
	}
}

// segments verifies each segment file on its own.
func (c *dirChecker) segments() {
	logs, err := c.names(logsName)
	for _, log := range logs {
		var files []string
		if files, err = c.names(filepath.Join(logsName, log)); err != nil {
			break
		}
		for _, name := range files {
			if filepath.Ext(name) == ".seg" && c.Trouble == nil && c.ctx.Err() == nil {
				c.segment(log, filepath.Join(c.dir, logsName, log, name))
			}
		}
	}
	if err != nil {
		c.file(findings.FlawPages, logsName, err)
	}
}

// names lists a directory below the store's; one that is not there has none.
func (c *dirChecker) names(dir string) (names []string, err error) {
	entries, err := c.fs.ReadDir(filepath.Join(c.dir, dir))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		err = nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (c *dirChecker) segment(log, seg string) {
	tree := strings.TrimSuffix(seg, ".seg") + ".tree"
	if _, err := c.fs.Stat(tree); errors.Is(err, os.ErrNotExist) {
		tree = "" // derived: it is made again when the store opens
	}
	r, err := segwriter.CheckSegmentIn(c.fs, seg, tree)
	for _, flaw := range r.Flaws {
		kind := findings.FlawPages
		if flaw.File == tree {
			kind = findings.FlawTree
		}
		c.Note(findings.Finding{Kind: kind, Where: flaw.File, Log: log}, flaw)
	}
	if err != nil && len(r.Flaws) == 0 {
		c.Note(findings.Finding{Kind: findings.FlawPages, Where: seg, File: seg}, err)
	}
	c.Report.Pages += uint64(r.Pages)
	c.Report.Events += r.Events
}

func (c *dirChecker) openAOF() (*aof.Store, error) {
	return aof.Open(filepath.Join(c.dir, aofName), aof.Options{ReadOnly: true, FS: c.fs})
}
