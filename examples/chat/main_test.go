// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/examples/internal/built"
)

// Two processes hear each other; what one said alone arrives when it is back.
func TestTwoTalk(t *testing.T) {
	program := built.Program(t)
	dirs := [2]string{filepath.Join(t.TempDir(), "ada"), filepath.Join(t.TempDir(), "ben")}
	ada := built.Start(t, program, dirs[0])
	var invite string
	built.Await(t, "an invite", func() bool {
		n, _ := fmt.Sscanf(ada.Said(), "invite %s\n", &invite)
		return n == 1 && strings.Contains(ada.Said(), "\n")
	})
	ben := built.Start(t, program, dirs[1], invite)
	say := func(r *built.Run, text string) {
		if _, err := fmt.Fprintln(r.Stdin, text); err != nil {
			t.Fatal(err)
		}
	}
	heard := func(r *built.Run, text string) func() bool {
		return func() bool { return strings.Contains(r.Said(), ": "+text+"\n") }
	}
	say(ada, "hello")
	built.Await(t, "Ben hears Ada", heard(ben, "hello"))
	ben.Kill()
	say(ada, "are you there?")
	ben = built.Start(t, program, dirs[1], invite)
	built.Await(t, "Ben hears what he missed", heard(ben, "are you there?"))
	say(ben, "I am")
	built.Await(t, "Ada hears Ben", heard(ada, "I am"))
}
