// SPDX-License-Identifier: MPL-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// CheckDir checks a store that is not open. Where opening it fails, why is
// among the findings, and its files are looked at one by one.
func CheckDir(ctx context.Context, dir string, progress func(done, total int64)) (CheckReport, error) {
	if !Exists(dir) && !remains(dir) {
		return CheckReport{}, fmt.Errorf("store %s: %w", dir, ErrNoStore)
	}
	s, err := Open(dir, Options{Look: true})
	if err == nil {
		report, err := s.Check(ctx, progress)
		if s.moved != nil && s.moved.To == (identity.PeerID{}) {
			report.Copy = s.moved.Why
		}
		return report, errors.Join(err, s.Close())
	}
	if errors.Is(err, durable.ErrLocked) || errors.Is(err, os.ErrPermission) || isNewer(err) {
		return CheckReport{}, err
	}
	c := &dirChecker{ctx: ctx, dir: dir}
	c.run(err)
	return c.report, ctx.Err()
}

// remains reports whether dir holds parts of a store that lost its FORMAT.
func remains(dir string) bool {
	s := &Store{dir: dir, opts: Options{FS: durable.OS}}
	return errors.Is(s.vacant(), ErrRemains)
}

// A dirChecker looks at the files of a store that cannot be opened.
type dirChecker struct {
	ctx    context.Context
	dir    string
	report CheckReport
}

// run checks each file, and adds why Open failed where no file says so.
func (c *dirChecker) run(opened error) {
	if _, err := readFormat(durable.OS, filepath.Join(c.dir, formatName)); err != nil {
		c.file(FlawFormat, formatName, err)
	}
	if _, err := identity.LoadSeed(filepath.Join(c.dir, seedName)); err != nil {
		c.file(FlawSeed, seedName, err)
	}
	rows := c.aof()
	c.place()
	c.missing(rows)
	c.segments()
	c.refused(opened)
	if len(c.report.Findings) == 0 {
		c.report.add(Finding{Kind: FlawLog, Where: c.dir}.of(opened))
	}
}

func (c *dirChecker) file(kind Flaw, name string, err error) {
	path := filepath.Join(c.dir, name)
	c.report.add(Finding{Kind: kind, Where: path, File: path}.of(err))
}

// aof reads all log rows, if that is possible.
func (c *dirChecker) aof() []aof.LogRow {
	var rows []aof.LogRow
	s, err := openAOF(c.dir)
	if err == nil {
		err = errors.Join(s.View(func(v *aof.View) error {
			return v.ForEachLog(func(r aof.LogRow) error {
				rows = append(rows, r)
				return nil
			})
		}), s.Close())
	}
	if err != nil {
		c.file(FlawAOF, filepath.Join(aofName, dataName), err)
	}
	c.report.Logs = len(rows)
	return rows
}

// place finds out whether this is a copy, from the row of the place or, if that
// cannot be read, from FORMAT.
func (c *dirChecker) place() {
	f, _ := readFormat(durable.OS, filepath.Join(c.dir, formatName)) // if it is damaged, that was found
	was := f.Place
	if s, err := openAOF(c.dir); err == nil {
		_ = errors.Join(s.View(func(v *aof.View) error {
			p, err := loadPlace(v, was)
			if err == nil {
				was = p
			}
			return err
		}), s.Close())
	}
	now, err := placeOf(c.dir, "")
	if same, why := was.Same(now); err == nil && !same && was != (identity.Place{}) && !was.Named() {
		c.report.Copy = why
	}
}

// missing looks for segments that are not there.
func (c *dirChecker) missing(rows []aof.LogRow) {
	f, err := readFormat(durable.OS, filepath.Join(c.dir, formatName))
	if err != nil {
		return
	}
	for _, r := range rows {
		raw := segwriter.OpenRaw(durable.OS, c.dir, pageParams(r.Name(), f.SegmentPages))
		for _, path := range raw.Missing(r.SealedPages) {
			c.report.add(Finding{Kind: FlawPages, Where: path, File: path, Log: r.ID.String()}.of(errors.New("the file is missing")))
		}
	}
}

// segments verifies each segment file on its own.
func (c *dirChecker) segments() {
	files, _ := filepath.Glob(filepath.Join(c.dir, logsName, "*", "*.seg")) // the pattern is sound
	for _, seg := range files {
		if c.ctx.Err() != nil {
			return
		}
		tree := strings.TrimSuffix(seg, ".seg") + ".tree"
		if _, err := os.Stat(tree); errors.Is(err, os.ErrNotExist) {
			tree = "" // derived: it is made again when the store opens
		}
		r, err := segwriter.CheckSegment(seg, tree)
		for _, flaw := range r.Flaws {
			kind := FlawPages
			if flaw.File == tree {
				kind = FlawTree
			}
			c.report.add(Finding{Kind: kind, Where: flaw.File, Log: filepath.Base(filepath.Dir(seg))}.of(flaw))
		}
		if err != nil && len(r.Flaws) == 0 {
			c.report.add(Finding{Kind: FlawPages, Where: seg, File: seg}.of(err))
		}
		c.report.Pages += uint64(r.Pages)
		c.report.Events += r.Events
	}
}

func openAOF(dir string) (*aof.Store, error) {
	return aof.Open(filepath.Join(dir, aofName), aof.Options{MustExist: true})
}
