// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// write makes a file through fsys, as a store does.
func write(t *testing.T, fsys FS, name string) {
	t.Helper()
	if err := errors.Join(fsys.MkdirAll(filepath.Dir(name), 0o700), fsys.WriteFileAtomic(name, []byte(name), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// A directory is held under each kind of name it can be given; the process goes
// elsewhere and the directory is renamed, and all calls still lead to it.
func TestHeldDirectoryIsNotItsName(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"st", "./st", "st/", "link", ".", "..", filepath.Join(base, "st")} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(base)
			if err := errors.Join(os.MkdirAll("st/logs", 0o700), os.MkdirAll("st/in", 0o700)); err != nil {
				t.Fatal(err)
			}
			switch name {
			case "link":
				if err := os.Symlink("st", "link"); err != nil {
					t.Fatal(err)
				}
			case ".":
				t.Chdir("st")
			case "..":
				t.Chdir("st/in")
			}
			d := hold(t, name)
			if err := d.HoldParts("logs", "mmr"); err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			moved := filepath.Join(t.TempDir(), "moved")
			if err := os.Rename(filepath.Join(base, "st"), moved); err != nil {
				t.Fatal(err)
			}
			fsys := NewFaulty(OS, func(Op, string) error { return nil })
			useHeld(t, d.FS(fsys), name)
			b, err := os.ReadFile(filepath.Join(moved, "logs", "a", "f"))
			if want := filepath.Join(name, "logs", "a", "f"); err != nil || string(b) != want {
				t.Errorf("it holds %q, %v; want %q", b, err, want)
			}
			if b, err := os.ReadFile(filepath.Join(d.FS(OS).SystemPath(name), "top")); procPath(d.self) != "" && (err != nil || len(b) == 0) {
				t.Errorf("by the system's path: %q, %v", b, err)
			}
			if err := d.Check("logs"); err != nil {
				t.Error(err)
			}
		})
	}
}

func useHeld(t *testing.T, fsys FS, dir string) {
	t.Helper()
	top, deep, other := filepath.Join(dir, "top"), filepath.Join(dir, "logs", "a", "f"), filepath.Join(dir, "mmr", "g")
	for _, name := range []string{top, deep, other} {
		write(t, fsys, name)
		f, err := fsys.Open(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(Same(fsys, name, f), f.Close()); err != nil {
			t.Error(err)
		}
		if filepath.Clean(f.Name()) != name {
			t.Errorf("%s is named %s", name, f.Name())
		}
	}
	if entries, err := fsys.ReadDir(filepath.Join(dir, "logs")); err != nil || len(entries) != 1 || entries[0].Name() != "a" {
		t.Errorf("logs: %v, %v", entries, err)
	}
	if err := errors.Join(fsys.Rename(other, deep+"2"), fsys.SyncDir(dir), fsys.Remove(deep+"2"), fsys.RemoveAll(filepath.Dir(other))); err != nil {
		t.Error(err)
	}
	var e *fs.PathError
	if _, err := fsys.Stat(other); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &e) || e.Path != other || e.Op != "stat" {
		t.Errorf("of what is not there: %v", err)
	}
	for _, name := range []string{filepath.Join(dir, "..", "x"), "/x"} {
		if err := fsys.WriteFileAtomic(name, nil, 0o600); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestPartBehindALink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(dir, "logs")); err != nil {
		t.Fatal(err)
	}
	d := hold(t, dir)
	if err := d.HoldParts("logs"); err != nil {
		t.Fatal(err)
	}
	write(t, d.FS(OS), filepath.Join(dir, "logs", "a", "f"))
	if _, err := os.Stat(filepath.Join(elsewhere, "a", "f")); err != nil {
		t.Error(err)
	}
	if err := d.Check("logs"); err != nil {
		t.Error(err)
	}
}

func TestCheckSeesWhatChanged(t *testing.T) {
	dir := t.TempDir()
	logs, file := filepath.Join(dir, "logs"), filepath.Join(dir, "logs", "f")
	write(t, OS, file)
	d := hold(t, dir)
	if err := errors.Join(d.HoldParts("logs"), d.Check("logs")); err != nil {
		t.Fatal(err)
	}
	fsys := d.FS(OS)
	f := open(t, fsys, file)
	wantChanged := func(err error, how string) {
		t.Helper()
		var e *ChangedError
		if !errors.Is(err, ErrChanged) || !errors.As(err, &e) || e.How != how || errors.Is(err, fs.ErrNotExist) || TroubleOf(err) != Failing {
			t.Errorf("%v, want %q", err, how)
		}
	}
	write(t, fsys, file) // another one in its place
	wantChanged(Same(fsys, file, f), Replaced)
	if err := os.Rename(logs, logs+"2"); err != nil {
		t.Fatal(err)
	}
	wantChanged(d.Check("logs"), Removed)
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	wantChanged(d.Check("logs"), Replaced)
	write(t, fsys, file) // still goes to the one that is held
	if _, err := os.Stat(filepath.Join(logs+"2", "f")); err != nil {
		t.Error(err)
	}
	if err := fsys.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantChanged(Same(fsys, file, f), Removed)
}

// A part that a link leads to is locked where it is: a copy of the directory has
// the same link.
func TestPartElsewhereIsLocked(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{"aof", "a", "b"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"a", "b"} {
		if err := os.Symlink(filepath.Join(base, "aof"), filepath.Join(base, dir, "aof")); err != nil {
			t.Fatal(err)
		}
	}
	a, b := locked(t, filepath.Join(base, "a")), locked(t, filepath.Join(base, "b"))
	if err := a.HoldParts("aof", "logs"); err != nil {
		t.Fatal(err)
	}
	if err := b.HoldParts("aof"); !errors.Is(err, ErrLocked) {
		t.Errorf("the second holder: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(base, "aof", LockName)); err == nil {
		t.Error("a LOCK was left in the part")
	}
	if err := locked(t, filepath.Join(base, "a")).HoldParts("aof"); err != nil {
		t.Error(err)
	}
}

// Whether a name leads to a file is answered alike by name and in a directory that is held,
// in its parts too, and whatever becomes of the directory's own name.
func TestSame(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a")
	if err := os.MkdirAll(filepath.Join(dir, "part"), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.HoldParts("part"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", filepath.Join("part", "file")} {
		for what, fsys := range map[string]FS{"by name": OS, "held": d.FS(OS)} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			held, err := fsys.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := fsys.Same(path, held); !same || err != nil {
				t.Errorf("%s, %s: the file itself: %v, %v", what, name, same, err)
			}
			if err := errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			if same, err := fsys.Same(path, held); same || err != nil {
				t.Errorf("%s, %s: another one: %v, %v", what, name, same, err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if same, err := fsys.Same(path, held); same || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, %s: none: %v, %v", what, name, same, err)
			}
		}
	}
	path := filepath.Join(dir, "part", "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := d.FS(OS).Stat(path)
	if err := errors.Join(err, os.Rename(dir, dir+"2")); err != nil {
		t.Fatal(err)
	}
	if same, err := d.FS(OS).Same(path, held); !same || err != nil {
		t.Errorf("in a directory that was renamed: %v, %v", same, err)
	}
}
