// SPDX-License-Identifier: MPL-2.0

package copies

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/xaeroflux/xaeroflux"
)

// goOn is what happens after a copy was made, whichever way: both append, and
// both meet a third store and each other.
func (w *world) goOn(a, b, c *peer) {
	w.t.Helper()
	a.say(120, "event %d of the first, after the copy was made, with some text to fill its page")
	b.say(150, "event %d of the copy, which fills some pages with what it has to say")
	c.say(3, "event %d of somebody else, meanwhile")
	a.sync(c)
	b.sync(c)
	a.sync(c)
	w.wantSame(a, b, c)
	b.say(2, "event %d of the copy, for the first")
	a.sync(b)
	b.sync(c)
	a.sync(c)
	w.wantSame(a, b, c)
	wantTold(w.t, a, b, c)
	for _, p := range []*peer{a, b, c} {
		wantDevice(w.t, p, b.Head().Log)
	}
}

// before makes a store with events in pages and in the AOF, and a peer of it
// which holds some of them.
func (w *world) before(dir string) (a, c *peer) {
	w.t.Helper()
	a = w.open(dir)
	c = w.open(filepath.Join(w.t.TempDir(), "c"))
	a.say(200, "event %d from before there was a copy, in a page")
	a.sync(c)
	a.say(5, "event %d from before there was a copy, of which nobody heard")
	return a, c
}

func TestCopyOfClosedStore(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"copy")
	if r := checked(t, dir+"copy"); r.Copy == "" {
		t.Error("a check does not say that it is a copy")
	}
	if r := checked(t, dir+"copy"); r.Copy == "" { // which changed nothing
		t.Error("a second check does not say that it is a copy")
	}
	w.goOn(w.open(dir), w.open(dir+"copy"), c)
}

// TestScript is the same with the binary, as a person types it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XAEROFLUX_DIR", "")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
	})
}

func TestCopyOfRunningStore(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	time.Sleep(1500 * time.Millisecond) // until its pages are synced, and nothing moves
	run(t, "cp", "-a", dir, dir+"copy")
	w.goOn(a, w.open(dir+"copy"), c)
}

func TestCopyOfWholeDisk(t *testing.T) {
	at, image := newImage(t)
	unmount := mount(t, image, at+"/1")
	w := newWorld(t)
	a, c := w.before(at + "/1/store")
	a.close()
	unmount()
	run(t, "cp", image, image+"copy")
	mount(t, image, at+"/1")
	mount(t, image+"copy", at+"/2")
	w.goOn(w.open(at+"/1/store"), w.open(at+"/2/store"), c)
}

// A snapshot of the disk is taken while a store on it runs and appends, as a volume
// manager takes one: all that was acknowledged by then is in the copy, in order, and
// the copy is a device of its own.
func TestSnapshotOfMountedDisk(t *testing.T) {
	at, image := newImage(t)
	mount(t, image, at+"/1")
	w := newWorld(t)
	a, c := w.before(at + "/1/store")
	stop, ended := make(chan struct{}), make(chan struct{})
	var acknowledged atomic.Int64
	before := len(w.said)
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			text := fmt.Sprintf("event %d while snapshots are taken, with some text to fill its page", i)
			if _, err := a.Append(ctx, xaeroflux.Event{Type: "line", Payload: []byte(text)}); err != nil {
				t.Errorf("append %d: %v", i, err)
				return
			}
			w.said = append(w.said, text)
			acknowledged.Store(int64(i + 1))
		}
	}()
	stopped := sync.OnceFunc(func() { close(stop); <-ended })
	t.Cleanup(stopped)
	for acknowledged.Load() < 300 {
		time.Sleep(time.Millisecond)
	}
	run(t, "sync", "-f", at+"/1")
	least := acknowledged.Load()
	thaw := freeze(t, at+"/1")
	most := acknowledged.Load() + 1 // one may be stored and not acknowledged yet
	run(t, "cp", "--sparse=always", image, image+"copy")
	thaw()
	for acknowledged.Load() < most+100 && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	stopped()

	mount(t, image+"copy", at+"/2")
	b := w.open(at + "/2/store")
	n := int64(0)
	for r, err := range b.Events(ctx, xaeroflux.Query{Log: a.Head().Log}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n > int64(before) && string(r.Payload) != w.said[n-1] {
			t.Errorf("event %d of the copy is %q, want %q", n-1, r.Payload, w.said[n-1])
		}
	}
	if n -= int64(before); n < least || n > most {
		t.Errorf("the copy holds %d of the events, of which %d to %d were acknowledged when it was made", n, least, most)
	}
	t.Logf("%d events were acknowledged, and %d are in the copy", acknowledged.Load(), n)
	w.goOn(a, b, c)
}

// newImage makes an ext4 image in a directory of its own.
func newImage(t *testing.T) (at, image string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root mounts images")
	}
	at = t.TempDir()
	image = filepath.Join(at, "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 256<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Skipf("no ext4 image can be made here: %v: %s", err, out)
	}
	return at, image
}

// freeze lets nothing be written to a mounted disk until it is thawed; whoever
// writes waits.
func freeze(t *testing.T, dir string) (thaw func()) {
	t.Helper()
	if out, err := exec.Command("fsfreeze", "--freeze", dir).CombinedOutput(); err != nil {
		t.Skipf("a disk cannot be frozen here: %v: %s", err, out)
	}
	thaw = sync.OnceFunc(func() { run(t, "fsfreeze", "--unfreeze", dir) })
	t.Cleanup(thaw)
	return thaw
}

// mount mounts an image until the test ends, or before.
func mount(t *testing.T, image, dir string) (unmount func()) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("an image cannot be mounted here: %v: %s", err, out)
	}
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			run(t, "umount", dir)
		}
	}
	t.Cleanup(unmount)
	return unmount
}

// The events after the backup are with the peer, and come back as
// events of the device that it was.
func TestRestoredInPlace(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	tar := filepath.Join(t.TempDir(), "backup.tar")
	run(t, "tar", "-C", dir, "-cf", tar, ".")
	a = w.open(dir)
	a.say(300, "event %d, after the backup")
	a.sync(c)
	was := a.Head()
	a.close()
	later()
	run(t, "rm", "-rf", dir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, "tar", "-C", dir, "-xpf", tar)

	b := w.open(dir)
	if m := b.Moved(); m == nil || m.From != a.PeerID() || m.To != b.PeerID() {
		t.Errorf("the restored store says %+v", m)
	}
	b.say(100, "event %d of the restored one, before it met anybody")
	b.sync(c)
	w.wantSame(b, c)
	if h := b.Head(); h.Log == was.Log || h.Author == was.Author {
		t.Error("the restored store goes on with its old log")
	}
	if l, err := b.Log(was.Log); err != nil || l.Size() != was.Size || l.Own() {
		t.Errorf("the old log: %v", err)
	}
	wantDevice(t, c, b.Head().Log)
}

func TestRenamedStoreStaysWhatItWas(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	if err := os.Rename(dir, dir+"b"); err != nil {
		t.Fatal(err)
	}
	w.wantSameDevice(a, w.open(dir+"b"), c)
}

func TestNamedPlaceIsWhereItWas(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	named := func(o *xaeroflux.Options) { o.Place = "the box under the stairs" }
	a := w.open(dir, named)
	c := w.open(filepath.Join(t.TempDir(), "c"))
	a.say(10, "event %d")
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"b")
	if r := checked(t, dir+"b"); r.Copy != "" {
		t.Errorf("a check, which knows no name, says that it is a copy: %s", r.Copy)
	}
	b := w.open(dir+"b", named)
	w.wantSameDevice(a, b, c)
	b.close()

	run(t, "cp", "-a", dir+"b", dir+"d") // another name makes it another
	d := w.open(dir+"d", func(o *xaeroflux.Options) { o.Place = "the box in the cellar" })
	w.goOn(w.open(dir+"b", named), d, c)
}

func TestAdoptedStoreStaysWhatItWas(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a, c := w.before(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"b")
	run(t, "rm", "-rf", dir)
	b := w.open(dir+"b", func(o *xaeroflux.Options) { o.Adopt = true })
	if m := b.Moved(); m == nil || m.From != m.To {
		t.Errorf("the adopted store says %+v", m)
	}
	b.say(10, "event %d of the adopted one")
	b.close()
	b = w.open(dir + "b") // which is its place from now on
	if b.PeerID() != a.PeerID() || b.Head().Author == [32]byte{} {
		t.Error("the adopted store is another device when it is opened again")
	}
	b.say(10, "event %d, later")
	b.sync(c)
	w.wantSame(b, c)
	if len(b.Copies())+len(c.Copies()) > 0 {
		t.Error("there are said to be copies")
	}
}

// wantSameDevice checks that b, which was a, goes on with its log.
func (w *world) wantSameDevice(a, b, c *peer) {
	w.t.Helper()
	if b.Moved() != nil || b.PeerID() != a.PeerID() {
		w.t.Fatalf("it is %s, was %s, and says %+v", b.PeerID().Short(), a.PeerID().Short(), b.Moved())
	}
	before := b.Head()
	if r := b.say(20, "event %d in the new directory"); r.Log != before.Log || r.Seq != before.Size {
		w.t.Errorf("it appends to %s at %d, want %s at %d", r.Log.Short(), r.Seq, before.Log.Short(), before.Size)
	}
	b.sync(c)
	w.wantSame(b, c)
}

// A log that holds nothing yet is no log of anybody: the new one begins with
// the first event.
func TestCopyOfEmptyStore(t *testing.T) {
	w, dir := newWorld(t), filepath.Join(t.TempDir(), "a")
	a := w.open(dir)
	a.close()
	later()
	run(t, "cp", "-a", dir, dir+"b")
	a, b := w.open(dir), w.open(dir+"b")
	if b.Moved() == nil || b.Head().Size != 0 || b.Head().Log == a.Head().Log {
		t.Errorf("the copy says %+v, and its log holds %d", b.Moved(), b.Head().Size)
	}
	a.say(2, "event %d of the first")
	b.say(2, "event %d of the copy")
	a.sync(b)
	w.wantSame(a, b)
	if len(a.Copies())+len(b.Copies()) > 0 {
		t.Error("there is nothing to be told of, and it is told")
	}
}
