// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A place holds one directory with one file in it, as a store does.
func makePlace(t *testing.T, dir string) Whereabouts {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "aof"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "aof/data.mdb"), []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	return whereabouts(t, dir)
}

func whereabouts(t *testing.T, dir string) Whereabouts {
	t.Helper()
	w, err := ReadWhereabouts(dir, "aof/data.mdb")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// tell says what is known of a place here, so that a run shows what it tested.
func tell(t *testing.T, w Whereabouts) {
	t.Helper()
	t.Logf("%+v", w)
}

func TestRenamedDirectoryIsTheSamePlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	was := makePlace(t, dir)
	tell(t, was)
	if err := os.Rename(dir, dir+"b"); err != nil {
		t.Fatal(err)
	}
	now := whereabouts(t, dir+"b")
	was.Path, now.Path = "", "" // set only if the file system says nothing
	if now != was {
		t.Errorf("renamed: %+v, was %+v", now, was)
	}
	if err := os.Symlink(dir+"b", dir); err != nil {
		t.Fatal(err)
	}
	now = whereabouts(t, dir)
	if now.Path = ""; now != was {
		t.Errorf("through a link: %+v, was %+v", now, was)
	}
}

func TestCopiedDirectoryIsAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	was := makePlace(t, dir)
	time.Sleep(5 * time.Millisecond) // the clock of births ticks each 4 ms at most
	run(t, "cp", "-a", dir, dir+"b")
	now := whereabouts(t, dir+"b")
	if now.Dir == was.Dir && now.Path == was.Path || now.File == was.File && now.File != (Inode{}) {
		t.Errorf("copied: %+v, was %+v", now, was)
	}
}

// An inode number may be used again at once, as on ext4, which the birth time
// tells.
func TestRestoredDirectoryIsAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	was := makePlace(t, dir)
	if was.Dir.Born == 0 {
		t.Skip("no birth times here: an inode number that is used again cannot be told")
	}
	again := 0
	for range 20 {
		run(t, "cp", "-a", dir, dir+"backup")
		time.Sleep(5 * time.Millisecond)
		run(t, "rm", "-rf", dir)
		run(t, "cp", "-a", dir+"backup", dir)
		run(t, "rm", "-rf", dir+"backup")
		now := whereabouts(t, dir)
		if now.Dir == was.Dir || now.File == was.File {
			t.Fatalf("restored: %+v, was %+v", now, was)
		}
		if now.Dir.Number == was.Dir.Number {
			again++
		}
		was = now
	}
	t.Logf("the directory had its inode number again %d times of 20", again)
}

// The directory stays, and what is in it is restored.
func TestRestoredContentsAreAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	was := makePlace(t, dir)
	run(t, "cp", "-a", dir, dir+"backup")
	time.Sleep(5 * time.Millisecond)
	run(t, "rm", "-rf", dir+"/aof")
	run(t, "cp", "-a", dir+"backup/.", dir)
	now := whereabouts(t, dir)
	if now.Dir != was.Dir || now.File == was.File {
		t.Errorf("contents restored: %+v, was %+v", now, was)
	}
}

func TestMissingPlace(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadWhereabouts(filepath.Join(dir, "none"), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	w, err := ReadWhereabouts(dir, "none")
	if err != nil || w.File != (Inode{}) {
		t.Errorf("no file: %+v, %v", w, err)
	}
}

// mount mounts an image and unmounts it when the test ends, if not before.
func mount(t *testing.T, kind, image, dir string) (unmount func()) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	options := "loop"
	if kind == "xfs" {
		options += ",nouuid" // or it mounts no copy beside the first
	}
	if out, err := exec.Command("mount", "-o", options, image, dir).CombinedOutput(); err != nil {
		t.Skipf("an image cannot be mounted here: %v: %s", err, out)
	}
	done := false
	unmount = func() {
		if !done {
			done = true
			run(t, "umount", dir)
		}
	}
	t.Cleanup(unmount)
	return unmount
}

func makeImage(t *testing.T, kind string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root mounts images")
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 320<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs."+kind, image).CombinedOutput(); err != nil {
		t.Skipf("no %s image can be made here: %v: %s", kind, err, out)
	}
	return image
}

// A file system copied as a whole and mounted beside the first has the same
// volume, inodes and birth times; only what the disk is called differs. Mounted
// again, wherever, it is the same place.
func TestCopiedImage(t *testing.T) {
	for _, kind := range []string{"ext4", "ext2", "vfat", "xfs", "btrfs"} {
		t.Run(kind, func(t *testing.T) {
			image := makeImage(t, kind)
			at := t.TempDir()
			unmount := mount(t, kind, image, at+"/1")
			was := makePlace(t, at+"/1/store")
			tell(t, was)
			unmount()
			run(t, "cp", image, image+"copy")

			unmount = mount(t, kind, image, at+"/2")
			if now := whereabouts(t, at+"/2/store"); now != was {
				t.Errorf("mounted again: %+v, was %+v", now, was)
			}
			unmount()
			mount(t, kind, image+"copy", at+"/2") // takes the loop device that the first had
			mount(t, kind, image, at+"/3")
			first := whereabouts(t, at+"/3/store")
			if first.Volume = was.Volume; first != was { // a btrfs mounted beside its copy gets another
				t.Errorf("mounted beside a copy: %+v, was %+v", first, was)
			}
			now := whereabouts(t, at+"/2/store")
			tell(t, now)
			if now.Disk == was.Disk {
				t.Errorf("a copy of the image: %+v, was %+v", now, was)
			}
			now.Disk = was.Disk
			if now != was {
				t.Logf("the copy differs in more than its disk: %+v", now)
			}
		})
	}
}

// A snapshot of a btrfs subvolume has the inodes and birth times of the first.
func TestSnapshotOfSubvolume(t *testing.T) {
	at := t.TempDir()
	mount(t, "btrfs", makeImage(t, "btrfs"), at+"/m")
	run(t, "btrfs", "subvolume", "create", at+"/m/a")
	was := makePlace(t, at+"/m/a/store")
	run(t, "sync")
	run(t, "btrfs", "subvolume", "snapshot", at+"/m/a", at+"/m/b")
	now := whereabouts(t, at+"/m/b/store")
	tell(t, was)
	tell(t, now)
	if now.Volume == was.Volume {
		t.Errorf("a snapshot: %+v, was %+v", now, was)
	}
	if again := whereabouts(t, at+"/m/a/store"); again != was {
		t.Errorf("the first: %+v, was %+v", again, was)
	}
}
