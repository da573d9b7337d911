// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/examples/internal/built"
)

// Both processes print what either appended; a third one on a directory that is in use
// ends, and changes nothing of it.
func TestTwoShare(t *testing.T) {
	program := built.Program(t)
	ada, ben := filepath.Join(t.TempDir(), "ada"), filepath.Join(t.TempDir(), "ben")
	first := built.Start(t, program, ada)
	var invite string
	built.Await(t, "an invite", func() bool {
		n, _ := fmt.Sscanln(first.Said(), &invite)
		return n == 1 && strings.Contains(first.Said(), ": from "+ada)
	})
	if _, err := xaeroflux.Open(ada, &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); !errors.Is(err, xaeroflux.ErrInUse) {
		t.Errorf("a directory that another process has open: %v", err)
	}
	second := built.Start(t, program, ben, invite)
	for _, r := range []*built.Run{first, second} {
		built.Await(t, "both events", func() bool {
			return strings.Contains(r.Said(), ": from "+ada+"\n") && strings.Contains(r.Said(), ": from "+ben+"\n")
		})
	}
}
