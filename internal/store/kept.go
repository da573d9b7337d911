// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Rule: a store that gave up a branch of its roster still shows by it that it belongs,
// until the other branch is here: else nobody would bring that.

func (s *Store) memberPath(leg digest.Hash) string {
	return filepath.Join(s.dir, forksName, leg.String()+layout.MemberSuffix)
}

// keepMember writes what shows that this device belongs, if that is in a leg that is about
// to begin anew.
func (s *Store) keepMember(l *Log) error {
	if l.Kind != identity.KindRoster {
		return nil
	}
	c := certificates{s}
	t, own, err := c.own(l.Topic)
	if err != nil {
		return err
	}
	d, known, at, err := s.deviceIn(t, own.Author)
	if err != nil || !known {
		return err
	}
	if !d.Belongs {
		at = d.Since
	}
	for legs := roster.MaxLegs; legs > 0; legs /= 2 {
		m, err := s.membership(t, own.Author, at, legs)
		if err != nil || m == nil {
			return err
		}
		if b, err := roster.AppendCertificate(nil, &roster.Certificate{Member: m}); err != nil || len(b) <= maxCertificate {
			return errors.Join(err, s.opts.FS.MkdirAll(s.path(forksName), 0o700), s.opts.FS.WriteFileAtomic(s.memberPath(l.ID), b, 0o600))
		}
	}
	return nil
}

// keptMember returns what shows that this device belongs by a branch that was given up,
// nil if something else does or nothing.
func (s *Store) keptMember(t *Topic, own *Log) (*roster.Certificate, error) {
	var d roster.Decision
	err := s.askFold(t, func(f *fold) { d = f.decided })
	if err != nil || !d.Lacks {
		return nil, err
	}
	for _, p := range d.Legs {
		b, err := s.opts.FS.ReadFile(s.memberPath(p.Log))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if x, err := roster.DecodeCertificate(b); err == nil && x.Member != nil && x.Device() == own.Author {
			return x, nil
		}
	}
	return nil, nil
}
