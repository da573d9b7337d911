// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"testing"
	"time"
)

// The machine slept if more time passed by the clock on the wall.
func TestParted(t *testing.T) {
	for _, x := range []struct {
		awake, wall time.Duration
		want        bool
	}{
		{15 * time.Second, 15 * time.Second, false},
		{15 * time.Second, 19 * time.Second, false}, // put right a bit
		{15 * time.Second, 8 * time.Hour, true},
		{time.Hour, time.Hour, false}, // late, and awake
		{15 * time.Second, -time.Hour, true},
	} {
		if got := parted(x.awake, x.wall); got != x.want {
			t.Errorf("%v awake, %v on the wall: %v", x.awake, x.wall, got)
		}
	}
	var c clocks
	now := time.Now()
	if c.jumped(now, now) || c.jumped(now.Add(time.Hour), now.Add(time.Hour)) {
		t.Error("all clocks went on, and one is said to have jumped")
	}
	if c.jumped(now.Add(2*time.Hour), now.Add(time.Hour)) {
		t.Error("a clock that was given stands still, and that is taken for a sleep")
	}
	if !c.jumped(now.Add(2*time.Hour), now.Add(3*time.Hour)) {
		t.Error("a clock that was given is two hours ahead, and nobody notices")
	}
}
