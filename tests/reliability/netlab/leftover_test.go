// SPDX-License-Identifier: MPL-2.0

package netlab

import "testing"

func TestLeft(t *testing.T) {
	running := func(pid int) bool { return pid == 7 }
	for name, want := range map[string]bool{
		"xfl8b": true, "xfl8n0": true, "xfl8n24": true, "xfl8probe": true, // of a run that is over
		"xfl7b": false, "xfl7n0": false, // of one that goes on
		"xfl8": false, "xfl8x": false, "xflb": false, "xfl8n": false, "axfl8b": false, "xfhere8": false, "": false, // somebody else's
		"xfl99999999999999999999b": false,
	} {
		if left(name, running) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
}
