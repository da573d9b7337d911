// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

// A peer's line says how many topics are not settled, before what is waited for.
func TestStatusSaysWhatIsNotSettled(t *testing.T) {
	now := time.Now()
	for want, p := range map[string]xaeroflux.PeerStatus{
		"":                         {Topics: 3, InSync: true, LastError: "of before"},
		"1 of 1 topic not settled": {Topics: 1, Unsettled: 1},
		"2 of 3 topics not settled; events of log 1":                            {Topics: 3, Unsettled: 2, Waiting: "events of log 1"},
		"more topics come in turn":                                              {Topics: 256, More: true},
		"5 of 256 topics and more that come in turn are not settled; an answer": {Topics: 256, Unsettled: 5, More: true, Waiting: "an answer"},
		"it is away (1h30m0s ago)":                                              {LastError: "it is away", LastErrorAt: now.Add(-90 * time.Minute)},
		"it is away (3s ago) (again in 2s)":                                     {LastError: "it is away", LastErrorAt: now.Add(-3 * time.Second), NextTry: now.Add(2 * time.Second)},
		"it is away (before its last session)":                                  {LastError: "it is away"},
	} {
		if got := why(p, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
