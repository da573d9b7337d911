// SPDX-License-Identifier: MPL-2.0

package main

import "testing"

// TestEveryMethodFindsWhatDiffers makes a small table: it ends with an error if a
// method finds more or fewer logs than differ.
func TestEveryMethodFindsWhatDiffers(t *testing.T) {
	if err := table(2000, []int{0, 1, 50, 2000}); err != nil {
		t.Error(err)
	}
}
