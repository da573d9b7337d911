// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// CheckFiles looks at the files of a store that cannot be opened, one by one, and
// changes nothing. If none of them says why, opened, which is what kept it from being
// opened, is what is found. The error is a *findings.LookError, or ctx's.
func CheckFiles(ctx context.Context, fsys durable.FS, dir string, ask identity.Passphrase, opened error) (findings.Report, error) {
	c := &fileChecker{ctx: ctx, dir: dir, ask: ask, fs: durable.ReadOnly(fsys)}
	c.run(opened)
	return c.Report, errors.Join(c.Trouble, ctx.Err())
}

// A fileChecker looks at the files of a store that cannot be opened.
type fileChecker struct {
	findings.List
	ctx context.Context
	dir string
	ask identity.Passphrase
	fs  durable.FS
}

// run checks each file, and adds why Open failed if no file says so.
func (c *fileChecker) run(opened error) {
	if _, err := device.ReadFormat(c.fs, c.dir); err != nil {
		c.file(findings.FlawFormat, layout.FormatName, err)
	}
	if _, err := identity.LoadSeed(filepath.Join(c.dir, layout.SeedName), c.ask); err != nil {
		c.file(findings.FlawSeed, layout.SeedName, err)
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

func (c *fileChecker) file(kind findings.Flaw, name string, err error) {
	path := filepath.Join(c.dir, name)
	c.Note(findings.Finding{Kind: kind, Where: path, File: path}, err)
}

// aof reads all log rows, if that is possible.
func (c *fileChecker) aof() []aof.LogRow {
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
		c.file(findings.FlawAOF, filepath.Join(layout.AOFName, layout.DataName), err)
	}
	c.Report.Logs = len(rows)
	return rows
}

// place finds out whether this is a copy, from the row of the place or, if that
// cannot be read, from FORMAT.
func (c *fileChecker) place() {
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
func (c *fileChecker) missing(rows []aof.LogRow) {
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
func (c *fileChecker) segments() {
	logs, err := c.names(layout.LogsName)
	for _, log := range logs {
		var files []string
		if files, err = c.names(filepath.Join(layout.LogsName, log)); err != nil {
			break
		}
		for _, name := range files {
			if filepath.Ext(name) == ".seg" && c.Trouble == nil && c.ctx.Err() == nil {
				c.segment(log, filepath.Join(c.dir, layout.LogsName, log, name))
			}
		}
	}
	if err != nil {
		c.file(findings.FlawPages, layout.LogsName, err)
	}
}

// names lists a directory below the store's; one that is not there has none.
func (c *fileChecker) names(dir string) (names []string, err error) {
	entries, err := c.fs.ReadDir(filepath.Join(c.dir, dir))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		err = nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (c *fileChecker) segment(log, seg string) {
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

func (c *fileChecker) openAOF() (*aof.Store, error) {
	return aof.Open(filepath.Join(c.dir, layout.AOFName), aof.Options{ReadOnly: true, FS: c.fs})
}

// flawOf says as what a check shows a reason not to open a store.
var flawOf = map[recovery.Kind]findings.Flaw{
	recovery.KindFormat:   findings.FlawFormat,
	recovery.KindIdentity: findings.FlawSeed,
	recovery.KindAOF:      findings.FlawAOF,
	recovery.KindOlder:    findings.FlawOlder,
	recovery.KindPages:    findings.FlawPages,
	recovery.KindHead:     findings.FlawHead,
	recovery.KindLink:     findings.FlawLink,
}

// refused adds why opening refused, unless the files showed it one by one.
func (c *fileChecker) refused(opened error) {
	var e *recovery.RefusedError
	if !errors.As(opened, &e) {
		return
	}
	seen := map[string]bool{}
	for _, f := range c.Report.Findings {
		seen[f.Log] = seen[f.Log] || f.Kind == findings.FlawPages
	}
	for _, d := range e.Refused {
		if d.Kind == recovery.KindPages && seen[d.Log] {
			continue
		}
		where := "the store"
		if d.Log != "" {
			where = "log " + d.Log
		}
		c.Report.Add(findings.Finding{Kind: flawOf[d.Kind], Where: where, Log: d.Log, Do: d.Do}.Of(errors.New(d.What)))
	}
}
