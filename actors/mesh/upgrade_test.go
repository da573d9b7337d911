// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"testing"
	"time"
)

func TestUpgradePause(t *testing.T) {
	var c Config
	for attempt, most := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		if d := c.upgradePause(attempt); d > most || d < most*7/10 {
			t.Errorf("attempt %d: %v", attempt, d)
		}
	}
	if d := c.upgradePause(1000); d > 5*time.Minute {
		t.Errorf("attempt 1000: %v", d)
	}
}
