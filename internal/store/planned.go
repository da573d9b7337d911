// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Plan is what opening a store would do to its files, or why it would refuse.
type Plan = recovery.Plan

// PlanDir reads what opening the store in dir would read, and returns what it would
// do. It changes nothing. The error is what keeps it from looking.
func PlanDir(dir string, ask identity.Passphrase) (Plan, error) {
	if err := Holds(durable.OS, dir); err != nil {
		return Plan{}, inStore(dir, err)
	}
	s := &Store{dir: dir, opts: Options{FS: durable.OS, Now: time.Now, ReadOnly: true, Look: true, Passphrase: ask}}
	o := &opening{}
	err := s.planned(o)
	if err == nil && len(o.plan.Refused) == 0 && o.witness.AOF.State == recovery.Sound {
		err = s.settle()
		o.plan.Copy = s.copyOf()
	}
	if err == nil && o.plan.Copy != "" {
		o.plan.Refused, err = s.sharedLinks()
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
