// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// Rule: logs that the roster does not admit yet are brought over beside those that
// count, and nothing waits for them but who asked: they are in no list, round or
// digest, so no two sides have to hold the same of them. Each side states its own, log
// by log, when PEAKS came, and again when the peer rests at another position of the
// roster, by which it judges them. Whether such a log is stored is the store's to say,
// which sees its record 0; one that it refuses is not asked for again before the roster
// moved. They are pushed, however much there is of them: a store that takes pages
// cannot judge before it has written.

// Newcomers are the provisional logs of a store: data logs that the roster does not
// admit, and that are stored for what their record 0 asks for.
type Newcomers interface {
	// Provisional yields each of a topic that holds events or is frozen.
	Provisional(topic digest.Hash, yield func(LogInfo) bool) error
	// Awaits reports whether a log that is not here and does not count may be stored
	// as one; its record 0 decides when it comes. What is refused is ErrUnadmitted.
	Awaits(name identity.LogName) (bool, error)
}

// eachNewcomer yields the provisional logs of a topic that both sides follow.
func (s *Session) eachNewcomer(t *topic, yield func(LogInfo)) error {
	if s.cfg.Newcomers == nil {
		return nil
	}
	return s.cfg.Newcomers.Provisional(t.id, func(l LogInfo) bool {
		if t.follows(l.Kind, l.Log, l.Author) {
			yield(l)
		}
		return true
	})
}

// tellNewcomers states the provisional logs to a peer that holds the roster up to a
// position, unless it did so.
func (s *Session) tellNewcomers(t *topic, theirs identity.Position) error {
	if t.toldAt != nil && *t.toldAt == theirs {
		return nil
	}
	t.toldAt = &theirs
	d := &messages.Diff{Topic: t.number, Rung: messages.RungFrontier, Part: true}
	told := false
	err := s.eachNewcomer(t, func(l LogInfo) {
		told = true
		if d.Entries = append(d.Entries, stateOf(l)); len(d.Entries) == entriesPerDiff {
			s.send(d)
			d = &messages.Diff{Topic: t.number, Rung: messages.RungFrontier, Part: true}
		}
	})
	if len(d.Entries) > 0 {
		s.send(d)
	}
	if err != nil || !told || t.reach != nil {
		return err
	}
	return s.doubt(t)
}

// brings reports whether the peer is to bring events of a provisional log, which no digest
// tells of.
func (s *Session) brings(t *topic) (bool, error) {
	for id, r := range t.busy {
		if !r.wants() && r.in == nil || r.stuck() {
			continue
		}
		own, found, err := s.cfg.Store.Log(id)
		if err != nil || found && own.Provisional || !found && r.name != nil && r.name.Provisional {
			return true, err
		}
	}
	return false, nil
}

// awaitsRecord0 marks a log that is not here and does not count as a provisional one,
// if it may be one.
func (s *Session) awaitsRecord0(l *LogInfo) (may bool, err error) {
	if s.cfg.Newcomers == nil {
		return false, nil
	}
	may, err = s.cfg.Newcomers.Awaits(l.Name())
	l.Provisional = may
	return may, err
}

// declines reports whether a provisional log was refused by the roster that is held.
func (s *Session) declines(r *remote, own LogInfo) (bool, error) {
	if !own.Provisional || r.declined == nil {
		return false, nil
	}
	now, err := s.cfg.Store.Position(own.Topic)
	return now == *r.declined, err
}

// declined takes note that a log that came is not stored before the roster says more,
// which it may have done since the log was judged.
func (s *Session) declined(t *topic, r *remote) error {
	if r.name != nil {
		t.passOver(*r.name, r.size)
	}
	judged := r.judged
	r.in, r.declined = nil, judged
	r.got()
	now, err := s.cfg.Store.Position(t.id)
	if err != nil || judged == nil || now == *judged {
		return err
	}
	return s.askAgain(t)
}
