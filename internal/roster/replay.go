// SPDX-License-Identifier: MPL-2.0

package roster

import "fmt"

// Replay folds the legs of s once more, up to where s is, and tells each record just
// before it is applied: before is the roster up to there, which is not to be kept, and at
// the position after the record. Records returns a leg as it is held. The error is that
// of records or tell, or ErrPosition if less is held than s has read.
func (s *State) Replay(records func(LegID) ([]Raw, error), tell func(before *State, at Position, r Record, ms int64) error) error {
	now, err := New(s.topic, s.body)
	if err != nil {
		return err
	}
	for _, l := range s.legs {
		raw, err := records(l.LegID)
		if err != nil {
			return err
		}
		if len(raw) < len(l.roots) {
			return fmt.Errorf("%w: log %s is not held up to size %d", ErrPosition, l.Log.Short(), len(l.roots))
		}
		if err := now.replayLeg(l.LegID, raw[:len(l.roots)], tell); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) replayLeg(l LegID, raw []Raw, tell func(*State, Position, Record, int64) error) error {
	if err := s.BeginLeg(l.Log, l.Author, l.Term, l.Leg); err != nil {
		return err
	}
	for i, r := range raw {
		body, err := Decode(r.Type, r.Body)
		if err != nil {
			return err
		}
		if err := tell(s, Position{l.Term, l.Leg, uint64(i) + 1}, body, r.Time); err != nil {
			return err
		}
		if _, err := s.Apply(uint64(i), r.Type, r.Time, r.Body); err != nil {
			return err
		}
	}
	return nil
}
