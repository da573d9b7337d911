// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestFindMount(t *testing.T) {
	const mountinfo = "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n" +
		"30 22 0:25 / /one rw,relatime shared:7 - overlay overlay rw,lowerdir=/l,upperdir=/u1,workdir=/w1\n" +
		"32 22 0:27 / /odd\n\n- a\n" +
		"33 22 0:28 / /two rw - btrfs /dev/loop0 rw,subvol=/a"
	for id, want := range map[uint64]mounted{
		22: {"ext4", "/dev/root", "rw"},
		30: {"overlay", "overlay", "rw,lowerdir=/l,upperdir=/u1,workdir=/w1"},
		33: {"btrfs", "/dev/loop0", "rw,subvol=/a"},
		32: {}, 3: {}, 0: {},
	} {
		if got := findMount(mountinfo, id); got != want {
			t.Errorf("%d: %+v, want %+v", id, got, want)
		}
	}
}

// Two containers of one image that holds a store.
func TestTwoOverlaysOfOneStore(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts overlays")
	}
	dir := t.TempDir()
	built := makePlace(t, dir+"/lower/store")
	overlay := func(name string) (string, func()) {
		for _, d := range []string{"upper", "work", "root"} {
			if err := os.MkdirAll(filepath.Join(dir, name, d), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		root := filepath.Join(dir, name, "root")
		options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/" + name + "/upper,workdir=" + dir + "/" + name + "/work"
		if out, err := exec.Command("mount", "-t", "overlay", "overlay", "-o", options, root).CombinedOutput(); err != nil {
			t.Skipf("no overlay can be mounted here: %v: %s", err, out)
		}
		return root + "/store", func() { run(t, "umount", root) }
	}
	a, unmountA := overlay("a")
	b, unmountB := overlay("b")
	defer func() { unmountA(); unmountB() }()
	one, two := whereabouts(t, a), whereabouts(t, b)
	tell(t, one)
	tell(t, two)
	if one.Disk == two.Disk || one.Disk == built.Disk {
		t.Errorf("disks %q and %q of a store built on %q", one.Disk, two.Disk, built.Disk)
	}

	touch(t, a) // copies up
	one = whereabouts(t, a)
	tell(t, one)
	unmountA()
	a, unmountA = overlay("a")
	if now := whereabouts(t, a); now != one {
		t.Errorf("started again: %+v, was %+v", now, one)
	}
}

// touch opens a store's files for writing, as opening it does.
func touch(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "aof/data.mdb"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
