// SPDX-License-Identifier: MPL-2.0

package families

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestARelayWithholds: a relay brings what it wrote and not what others did, whichever end
// dials, until it relents. Its syncs do not say that all is there.
func TestARelayWithholds(t *testing.T) {
	storetest.NoLeaks(t)
	w := newWorld(t.TempDir(), 1)
	t.Cleanup(w.stop)
	owner := w.founder("owner")
	m, n := w.admit(owner, "m", xaeroflux.RoleWriter), w.admit(owner, "n", xaeroflux.RoleWriter)
	for _, p := range []*person{m, n} {
		w.must(w.meet(owner, p, 5*time.Second))
	}
	r := &relay{name: m.name, own: authorOf(m), kinds: map[identity.LogKind]bool{identity.KindData: true}}
	w.net.relays(r)
	w.must(w.say(owner))
	w.must(w.say(m))
	w.must(w.meet(owner, m, 5*time.Second))
	for _, pair := range [][2]*person{{m, n}, {n, m}} {
		if err := w.meet(pair[0], pair[1], relayLimit); err == nil {
			t.Errorf("%s meets %s, and all is said to be there", pair[0].name, pair[1].name)
		}
		if read, _, err := n.reads(nil); err != nil || len(read) != 1 {
			t.Errorf("behind a relay %q is read; %v", read, err)
		}
	}
	if r.count() == 0 {
		t.Error("nothing was withheld")
	}
	r.relents()
	w.must(w.meet(m, n, 5*time.Second))
	if read, _, err := n.reads(nil); err != nil || len(read) != 2 {
		t.Errorf("%q is read in the end; %v", read, err)
	}
}
