// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"time"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Begin returns the leg by which a device goes on as the steward of a roster, and its
// record 0: after a handover to it if t is nil, else with the term record t. Last is
// the time of the roster's newest record. The error is roster.ErrRefused or
// roster.ErrPosition if the leg would not continue s, which stays as it is.
func Begin(s *roster.State, device roster.Key, t *roster.Term, now time.Time, last int64) (roster.LegID, roster.Raw, error) {
	r := &roster.Begin{Before: s.Prefix()}
	leg := roster.LegID{Author: device, Term: s.Position().Term, Leg: s.Position().Leg + 1}
	if t != nil {
		r = &roster.Begin{Term: t}
		leg.Term, leg.Leg = t.Term, 0
	}
	leg.Log = roster.LegLog(s.Topic(), device, leg.Term, leg.Leg)
	body, err := roster.Encode(nil, r)
	if err != nil {
		return leg, roster.Raw{}, err
	}
	raw := roster.Raw{Type: r.Type(), Time: max(now.UnixMilli(), last), Body: body}
	next := s.Clone()
	if err := next.BeginLeg(leg.Log, device, leg.Term, leg.Leg); err != nil {
		return leg, raw, err
	}
	_, err = next.Apply(0, raw.Type, raw.Time, raw.Body)
	return leg, raw, err
}
