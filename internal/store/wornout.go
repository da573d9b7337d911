// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// SealedUnder reports whether so many events of one log of a topic, the newest of it, are
// sealed under the newest epoch: nonces are drawn, and a key is to meet none twice.
func (s *Store) SealedUnder(t *Topic, e *roster.EpochState, most uint64) (bool, error) {
	for l, err := range s.TopicLogs(t.ID) {
		if err != nil {
			return false, err
		}
		size := l.State().Size
		if size < most {
			continue
		}
		short, err := s.sealedAt(l, size-most)
		if err != nil || short == [8]byte(e.ID[:8]) {
			return err == nil, err
		}
	}
	return false, nil
}

// sealedAt returns what names the epoch of a sealed record; zeros if it is not sealed, or
// not here.
func (s *Store) sealedAt(l *Log, seq uint64) (short [8]byte, err error) {
	err = s.Read(l, seq, seq+1, func(run Run) error {
		if run.Gone() {
			return nil
		}
		return run.Each(func(_ uint64, rec *event.Record) error {
			if rec.Flags&event.FlagSealedPayload != 0 && !rec.Erased() {
				short, _ = seal.Epoch8(rec.Payload)
			}
			return nil
		})
	})
	return short, err
}
