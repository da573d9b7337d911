// SPDX-License-Identifier: MPL-2.0

package session

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// TestToldBeforeItRuns: the mesh knows a session before its actor runs; what it is told
// meanwhile, say that it is to end, is not lost.
func TestToldBeforeItRuns(t *testing.T) {
	system := actor.NewActorSystem()
	defer system.Shutdown()
	s := &Session{set: &Set{Config: Config{System: system}}}
	s.End(1, "first")
	got := make(chan string, 2)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*byeNow); ok {
			got <- m.text
		}
	}))
	s.begun(pid)
	s.End(1, "second")
	for _, want := range []string{"first", "second"} {
		if text := <-got; text != want {
			t.Errorf("told %q, want %q", text, want)
		}
	}
}
