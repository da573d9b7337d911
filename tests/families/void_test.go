// SPDX-License-Identifier: MPL-2.0

package families

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestARemovalThatIsVoid: a steward removes a member, who hears of it, and the owner, who
// does not, takes over. The removal is void, and the member learns that from whoever it
// meets, though it took itself for removed.
func TestARemovalThatIsVoid(t *testing.T) {
	for what, meet := range map[string]func(w *world, owner, m *person) error{
		"the member dials": func(w *world, owner, m *person) error { return w.meet(m, owner, 5*time.Second) },
		"the owner dials":  func(w *world, owner, m *person) error { return w.meet(owner, m, 5*time.Second) },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t.TempDir(), 1)
			t.Cleanup(func() {
				w.stop()
				for _, p := range w.all {
					storetest.CheckClean(t, p.dir)
				}
			})
			owner := w.founder("owner")
			node, m := w.admit(owner, "node", xaeroflux.RoleAdmin), w.admit(owner, "m", xaeroflux.RoleWriter)
			w.handover(owner, node)
			w.must(w.meet(owner, m, 5*time.Second))
			w.must(node.topic.TrustRoster(ctx))
			w.must(node.topic.Remove(ctx, m.account))
			_ = w.meet(node, m, 5*time.Second) // that nothing is shared any more
			if s, err := m.topic.Standing(); err != nil || s.State != xaeroflux.StandingRemoved {
				t.Fatalf("the removed member stands at %+v, %v", s, err)
			}
			w.must(owner.topic.TakeOver(ctx))
			for s, err := owner.topic.Roster(); err != nil || s.Size < 2; s, err = owner.topic.Roster() {
				time.Sleep(time.Millisecond) // until it made a key, which the member does not have
			}
			w.must(w.say(owner))
			if err := meet(w, owner, m); err != nil {
				t.Errorf("the member meets the owner: %v", err)
			}
			if s, err := m.topic.Standing(); err != nil || s.State != xaeroflux.StandingMember {
				t.Errorf("the member stands at %+v, %v", s, err)
			}
			if read, sealed, err := m.reads(nil); err != nil || len(read) != 1 || sealed > 0 {
				t.Errorf("the member reads %q, and %d are sealed; %v", read, sealed, err)
			}
		})
	}
}
