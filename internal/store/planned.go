// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Plan is what opening a store would do to its files, or why it would refuse.
type Plan = recovery.Plan

// PlanDir reads what opening the store in dir would read, and returns what it would
// do. It changes nothing. The error is what keeps it from looking.
func PlanDir(dir string) (Plan, error) {
	if err := (CheckOptions{FS: durable.OS}).exists(dir); err != nil {
		return Plan{}, inStore(dir, err)
	}
	s := &Store{dir: dir, opts: Options{FS: durable.OS, Now: time.Now, ReadOnly: true, Look: true}}
	o := &opening{}
	err := s.planned(o)
	if err == nil && len(o.plan.Refused) == 0 && o.witness.AOF.State == recovery.Sound {
		err = s.settle()
		o.plan.Copy = s.copyOf()
	}
	return o.plan, errors.Join(err, s.release())
}

func (s *Store) planned(o *opening) (err error) {
	if err = s.holdToRead(); err == nil {
		err = s.held.HoldParts(aofName, logsName, mmrName)
	}
	if err != nil {
		return inStore(s.dir, err)
	}
	s.segs = segwriter.NewStore(s.opts.FS, s.dir, segwriter.Options{ReadOnly: true})
	return s.judge(o)
}

// flawOf says as what a check shows a reason not to open a store.
var flawOf = map[recovery.Kind]findings.Flaw{
	recovery.KindFormat:   findings.FlawFormat,
	recovery.KindIdentity: findings.FlawSeed,
	recovery.KindAOF:      findings.FlawAOF,
	recovery.KindOlder:    findings.FlawOlder,
	recovery.KindPages:    findings.FlawPages,
	recovery.KindHead:     findings.FlawHead,
}

// refused adds why opening refused, unless the files showed it one by one.
func (c *dirChecker) refused(opened error) {
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
