// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
)

// Each remedy of a repair is a command of the node, but that of a file that only a
// person has.
func TestRemediesHaveCommands(t *testing.T) {
	for _, r := range []xaeroflux.Remedy{
		xaeroflux.RemedyIdentity, xaeroflux.RemedyInvite, xaeroflux.RemedyPeer, xaeroflux.RemedyLoss, xaeroflux.RemedySync, xaeroflux.RemedyFetch, xaeroflux.RemedyCosign,
	} {
		if got := remedies[r]; r.Do() == "" || strings.HasPrefix(got, "xaeroflux ") == (r == xaeroflux.RemedyIdentity) {
			t.Errorf("%s: the library says %q, the node %q", r, r.Do(), got)
		}
	}
}

// What the library says is to be repaired, fetched or adopted, the node has a command
// for, of which each kind of disagreement finds the one of its flaw.
func TestFlawsHaveCommands(t *testing.T) {
	all := map[xaeroflux.Flaw]string{}
	for _, f := range []findings.Flaw{
		findings.FlawFormat, findings.FlawSeed, findings.FlawAOF, findings.FlawEvents, findings.FlawPages, findings.FlawTree, findings.FlawMountains,
		findings.FlawHead, findings.FlawFork, findings.FlawRange, findings.FlawOlder, findings.FlawLog, findings.FlawLink,
	} {
		all[xaeroflux.Flaw(f)] = f.Do()
	}
	for _, k := range []recovery.Kind{
		recovery.KindFormat, recovery.KindIdentity, recovery.KindAOF, recovery.KindOlder, recovery.KindPages, recovery.KindHead, recovery.KindLink,
	} {
		if _, known := all[xaeroflux.Flaw(k)]; !known {
			t.Errorf("a disagreement about %q has no flaw of its name", k)
		}
		all[xaeroflux.Flaw(k)] = k.Do()
	}
	for kind, do := range all {
		byCommand := strings.Contains(do, "repair") || strings.Contains(do, "adopt")
		if got := toDo(kind, do); do == "" || byCommand != strings.Contains(got, "xaeroflux ") {
			t.Errorf("%s: the library says %q, the node %q", kind, do, got)
		}
	}
}
