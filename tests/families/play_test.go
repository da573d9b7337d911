// SPDX-License-Identifier: MPL-2.0

package families

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestFamilies plays a few families. More of them: go run ./tests/families/run -seeds 2000
func TestFamilies(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			storetest.NoLeaks(t)
			o := Play(Options{Seed: seed, Dir: t.TempDir()})
			if len(o.Wrong) > 0 {
				t.Errorf("%s\n%s", strings.Join(o.Trace, "\n"), strings.Join(o.Wrong, "\n"))
			}
		})
	}
}
