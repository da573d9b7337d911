// SPDX-License-Identifier: MPL-2.0

package session

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Whatever moves while a session is busy waits in one message, and each log once.
func TestMovedIsCoalesced(t *testing.T) {
	var m moved
	told := 0
	for i := range 10_000 {
		if m.add(change{digest.Hash{byte(i % 3)}, uint64(i)}) {
			told++
		}
	}
	if all := m.take(); told != 1 || len(all) != 3 || all[1] != (change{digest.Hash{1}, 1}) {
		t.Errorf("told %d times of %v, want each as it was before its first change", told, all)
	}
	if !m.add(change{digest.Hash{1}, 5}) || len(m.take()) != 1 || len(m.take()) != 0 {
		t.Error("what moves after that is not told")
	}
}
