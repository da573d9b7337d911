// SPDX-License-Identifier: MPL-2.0

package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestSnapshot(t *testing.T) {
	x := start(t, Policy{}, "b", "a")
	x.spawn("c")
	x.tree.Registry().Entry("g", "b").SetCursor(func() string { return "event 7" })
	var names []string
	for _, s := range x.tree.Registry().Snapshot() {
		names = append(names, s.Name)
		if s.PID == "" || s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if !slices.Equal(names, []string{"g/a", "g/b", "g/c"}) {
		t.Errorf("names %v", names)
	}
	if s := x.state("b"); s.Cursor != "event 7" || !strings.HasSuffix(s.PID, "/g/b") {
		t.Errorf("b: %+v", s)
	}
}

// The queue is what is in the mailbox, also after a panic and while it is held.
func TestQueueAndHandled(t *testing.T) {
	x := start(t, Policy{}, "a")
	hold, begun := make(chan struct{}), make(chan struct{})
	x.send("a", func() { close(begun); <-hold; panic("boom") })
	<-begun
	for range 5 {
		x.send("a", func() {})
	}
	if s := x.state("a"); s.Queue != 5 || s.Handled != 1 {
		t.Errorf("while it handles the first of six: %+v", s)
	}
	close(hold)
	x.phase("a", BackingOff)
	if s := x.state("a"); s.Queue != 5 {
		t.Errorf("while it waits: %+v", s)
	}
	x.clock.pass(time.Minute)
	eventually(t, "all handled", func() bool { s := x.state("a"); return s.Queue == 0 && s.Handled == 6 })
}

func TestLastError(t *testing.T) {
	x := start(t, Policy{}, "a")
	x.fail("a", strings.Repeat("x", 5000))
	s := x.state("a")
	if len(s.LastError) > maxErrorText+10 || !strings.HasPrefix(s.LastError, "panic: xxx") {
		t.Errorf("%d bytes of error are kept", len(s.LastError))
	}
	if !s.LastErrorAt.Equal(x.clock.Now()) {
		t.Errorf("failed at %v, want %v", s.LastErrorAt, x.clock.Now())
	}
}

// Actors that failed for good stay in view, but not without end.
func TestRetiredAreBounded(t *testing.T) {
	x := start(t, Policy{}, "a")
	for i := range 2 * maxRetired {
		name := fmt.Sprintf("s%03d", i)
		x.spawn(name)
		x.fail(name, corruptError{true})
		eventually(t, "it ends", func() bool { return x.group.PID(name) == nil })
	}
	states := x.tree.Registry().Snapshot()
	if len(states) != 1+maxRetired {
		t.Errorf("%d entries, want %d", len(states), 1+maxRetired)
	}
	if last := states[len(states)-1]; last.Phase != Failed || last.LastError != "bad bytes" {
		t.Errorf("%+v", last)
	}
	x.group.strategy.mu.Lock()
	defer x.group.strategy.mu.Unlock()
	if n := len(x.group.strategy.counts); n != 0 {
		t.Errorf("failures of %d actors are remembered that are gone", n)
	}
}

// Without OnFailure a failure is a line of the log, with its stack if it is
// a bug; protoactor's own talk stays below.
func TestLog(t *testing.T) {
	var out lockedBuffer
	loud := NewSystem(slog.New(slog.NewJSONHandler(&out, nil)))
	defer loud.Shutdown()
	p := &probe{}
	tree, err := Start(loud, Config{Groups: []GroupSpec{{Name: "g", Children: []Spec{{"a", p.props()}}}}})
	if err != nil {
		t.Fatal(err)
	}
	loud.Root.Send(tree.Group("g").PID("a"), func() { panic("boom") })
	eventually(t, "restart", func() bool { return p.lives.Load() == 2 })
	if err := tree.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var line struct{ Level, Logger, Actor, Error, Then, Stack string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("want one line: %v: %s", err, out.Bytes())
	}
	stack := line.Stack
	line.Stack = ""
	if line.Level != "WARN" || line.Logger != "actors" || line.Actor != "g/a" || line.Error != "panic: boom" ||
		line.Then != "restart" || !strings.Contains(stack, "registry_test.go") {
		t.Errorf("%+v, stack %s", line, stack)
	}
}

// A lockedBuffer is written by many goroutines.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

func BenchmarkWatch(b *testing.B) {
	tree, err := Start(system, Config{Groups: []GroupSpec{{Name: "g"}}})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close(b.Context())
	done := make(chan struct{}, 1)
	a, err := tree.Group("g").Spawn("a", actor.PropsFromFunc(func(ctx actor.Context) {
		if n, ok := ctx.Message().(int); ok && n == b.N {
			done <- struct{}{}
		}
	}))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 1; i <= b.N; i++ {
		system.Root.Send(a.PID(), i)
	}
	<-done
}

// Work that is no actor is shown like one until it ends, and takes no other's line with it.
func TestBeginAndEnd(t *testing.T) {
	x := start(t, Policy{}, "a")
	r, left := x.tree.Registry(), uint64(7)
	first := r.Begin("g", "f")
	first.SetLag(func() uint64 { return left })
	first.Count()
	first.Note(errors.New("not now"), time.Unix(5, 0))
	if s := x.state("f"); s.Phase != Running || s.Lag != 7 || s.Handled != 1 || s.LastError != "not now" {
		t.Errorf("%+v", s)
	}
	if err := first.LastError(); err == nil || err.Error() != "not now" {
		t.Errorf("last error %v", err)
	}
	second := r.Begin("g", "f")
	r.End(first)
	if s := x.state("f"); s.Phase != Running || s.Handled != 0 {
		t.Errorf("the second one: %+v", s)
	}
	r.End(second)
	if s := x.state("f"); s.Phase >= 0 {
		t.Errorf("after its end: %+v", s)
	}
}

// A panic becomes an error with its stack.
func TestGuarded(t *testing.T) {
	reason := errors.New("no")
	if err := Guarded(func() error { return reason }); err != reason {
		t.Errorf("%v", err)
	}
	var f *Failure
	if err := Guarded(func() error { panic(reason) }); !errors.Is(err, reason) || !errors.As(err, &f) || f.Stack == nil {
		t.Errorf("%v", err)
	}
}
