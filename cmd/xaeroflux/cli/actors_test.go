// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// The table shows how far an actor of an application is behind.
func TestActorsShowTheLag(t *testing.T) {
	var out strings.Builder
	printActors(&out, nodeapi.Status{Actors: []xaeroflux.ActorStatus{
		{Name: "user/count", Phase: "running", Cursor: "500 events", Lag: 37, Handled: 2, LastError: "no room"},
	}})
	lines := strings.Split(out.String(), "\n")
	if got := strings.Fields(lines[0]); strings.Join(got, " ") != "ACTOR STATE CURSOR LAG QUEUE HANDLED RESTARTS LAST ERROR" {
		t.Errorf("%q", got)
	}
	if got := strings.Fields(lines[1]); strings.Join(got, " ") != "user/count running 500 events 37 0 2 0 no room" {
		t.Errorf("%q", got)
	}
}
