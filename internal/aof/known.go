// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// maxAbsent is how many logs are remembered as not there, at about 50 bytes each.
const maxAbsent = 1 << 13

// known is what is remembered of rows, so that a question which is asked again and again
// takes no read transaction: that a log is not there, as whoever meets a new one asks at
// each step until it is created, and which topics have later legs, as hardly any has.
type known struct {
	mu     sync.Mutex // guards all below
	absent map[digest.Hash]struct{}
	commit uint64 // counts transactions that added logs; a view that began before one does not say what is absent
	later  map[digest.Hash]struct{}
	read   bool // later has all of them
}

// isAbsent reports whether it is known that a log is not there, and else what note wants
// to hear of a view that begins now.
func (k *known) isAbsent(id digest.Hash) (absent bool, at uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, absent = k.absent[id]
	return absent, k.commit
}

// note remembers that a view did not find a log.
func (k *known) note(id digest.Hash, at uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.commit != at {
		return
	}
	if k.absent == nil || len(k.absent) >= maxAbsent {
		k.absent = map[digest.Hash]struct{}{}
	}
	k.absent[id] = struct{}{}
}

// added takes note of what a transaction added that ended, whatever came of it.
func (k *known) added(logs, legged []digest.Hash) {
	if len(logs) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.commit++
	for _, id := range logs {
		delete(k.absent, id)
	}
	k.legs(legged)
}

// legs takes note of topics that have later legs; mu is held.
func (k *known) legs(topics []digest.Hash) {
	if k.later == nil {
		k.later = map[digest.Hash]struct{}{}
	}
	for _, t := range topics {
		k.later[t] = struct{}{}
	}
}

// Log returns the row of a log and whether there is one.
func (s *Store) Log(id digest.Hash) (row LogRow, found bool, err error) {
	absent, at := s.known.isAbsent(id)
	if absent {
		return LogRow{}, false, s.open()
	}
	err = s.View(func(v *View) (err error) {
		row, found, err = v.Log(id)
		return err
	})
	if err == nil && !found {
		s.known.note(id, at)
	}
	return row, found, err
}

// Lacks reports whether it is known that a log is not there. It reads nothing.
func (s *Store) Lacks(id digest.Hash) bool {
	absent, _ := s.known.isAbsent(id)
	return absent && s.open() == nil
}

// open returns why nothing can be read, or nil.
func (s *Store) open() error {
	err := s.mapped()
	if err == nil {
		s.remap.RUnlock()
	}
	return err
}

// Legs returns the legs of a topic's roster that are there, but for the first one.
func (s *Store) Legs(topic digest.Hash) (ids []digest.Hash, err error) {
	if some, err := s.hasLegs(topic); err != nil || !some {
		return nil, errors.Join(err, s.open())
	}
	err = s.View(func(v *View) (err error) {
		ids, _, err = Row(v, layout.Legs, topic)
		return err
	})
	return ids, err
}

// hasLegs reports whether a topic may have later legs.
func (s *Store) hasLegs(topic digest.Hash) (bool, error) {
	k := &s.known
	k.mu.Lock()
	_, some := k.later[topic]
	read := k.read
	k.mu.Unlock()
	if some || read {
		return some, nil
	}
	var topics []digest.Hash
	err := s.View(func(v *View) error {
		return EachRow(v, layout.Legs, func(topic digest.Hash, _ []digest.Hash) error {
			topics = append(topics, topic)
			return nil
		})
	})
	if err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.legs(topics)
	k.read = true
	_, some = k.later[topic]
	return some, nil
}
