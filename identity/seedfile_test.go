// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func seedPath(t *testing.T) string { return filepath.Join(t.TempDir(), "identity.key") }

func wantOnly(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestCreateAndLoadSeed(t *testing.T) {
	path := seedPath(t)
	if err := CreateSeed(path, testSeed, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if s, err := LoadSeed(path, nil); err != nil || s != testSeed {
		t.Errorf("loaded %x, %v", s[:], err)
	}
	wantOnly(t, path)
}

func TestCreateSeedNeverOverwrites(t *testing.T) {
	path := seedPath(t)
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CreateSeed(path, testSeed, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file holds %q now", b)
	}
	wantOnly(t, path)
}

// A link that leads nowhere is something that is there, too: what it names is
// not made.
func TestCreateSeedOverALink(t *testing.T) {
	path := seedPath(t)
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if err := CreateSeed(path, testSeed, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a link: %v", err)
	}
	if to, err := os.Readlink(path); err != nil || to != "elsewhere" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	wantOnly(t, path)
}

// Of many who create the file at once one succeeds, and its seed is there.
func TestCreateSeedRace(t *testing.T) {
	path := seedPath(t)
	made := make(chan Seed, 8)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := Seed{byte(i + 1)}
			if err := CreateSeed(path, s, nil); err == nil {
				made <- s
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d of 8 made the file", len(made))
	}
	if got, err := LoadSeed(path, nil); err != nil || got != <-made {
		t.Errorf("not the seed of the one who succeeded, %v", err)
	}
	wantOnly(t, path)
}

// The damage is found through the file, too, which may be of any length.
func TestLoadDamagedSeed(t *testing.T) {
	good := encodeSeed(testSeed)
	for name, b := range map[string][]byte{
		"empty":   nil,
		"cut":     good[:len(good)-1],
		"flipped": append([]byte{good[0] ^ 1}, good[1:]...),
		"zeros":   make([]byte, len(good)),
		"endless": append(bytes.Clone(good), make([]byte, 1<<20)...),
	} {
		path := seedPath(t)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := LoadSeed(path, nil)
		if !errors.Is(err, ErrSeedFile) || !strings.Contains(err.Error(), path) || s != (Seed{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateSeedWithoutDirectory(t *testing.T) {
	if err := CreateSeed(filepath.Join(t.TempDir(), "none", "identity.key"), testSeed, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLoadSeedErrors(t *testing.T) {
	path := seedPath(t)
	if _, err := LoadSeed(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := LoadSeed(filepath.Dir(path), nil); err == nil || runtime.GOOS != "windows" && !errors.Is(err, ErrSeedFile) {
		t.Errorf("a directory: %v", err)
	}
	if err := CreateSeed(path, testSeed, nil); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o610, 0o601, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadSeed(path, nil)
		if !errors.Is(err, ErrSeedMode) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSeed(path, nil); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func typedSeedError(err error) bool {
	return errors.Is(err, ErrSeedFile) || errors.Is(err, ErrSeedVersion)
}

// Every byte in turn takes every other value: a hexadecimal digit in upper
// case counts as damage too.
func TestSeedFileNoticesEveryFlippedByte(t *testing.T) {
	good := encodeSeed(testSeed)
	for i := range good {
		for v := range 256 {
			bad := bytes.Clone(good)
			if bad[i] = byte(v); bad[i] == good[i] {
				continue
			}
			_, err := decodeSeed(bad)
			if !typedSeedError(err) || strings.Contains(err.Error(), "5a5a") {
				t.Fatalf("byte %d as %#x: %v", i, v, err)
			}
		}
	}
}

func TestSeedFileOfAnotherLength(t *testing.T) {
	good := encodeSeed(testSeed)
	for n := range good {
		if _, err := decodeSeed(good[:n]); !typedSeedError(err) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, tail := range []string{"\n", " ", "x", "\x00"} {
		if _, err := decodeSeed(append(bytes.Clone(good), tail...)); !errors.Is(err, ErrSeedFile) {
			t.Errorf("with %q after it: %v", tail, err)
		}
	}
}

func TestSeedFileOfTheFuture(t *testing.T) {
	_, err := decodeSeed([]byte("xaeroflux identity v2 argon2id\nsealed ...\n"))
	if !errors.Is(err, ErrSeedVersion) || !strings.Contains(err.Error(), "v2") {
		t.Error(err)
	}
}

func FuzzSeedFile(f *testing.F) {
	f.Add(encodeSeed(testSeed))
	f.Add([]byte("xaeroflux identity v2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSeed(b)
		if err == nil && !bytes.Equal(encodeSeed(s), b) {
			t.Errorf("%q decoded, but is not what is written", b)
		}
		if err != nil && (!typedSeedError(err) || s != Seed{}) {
			t.Errorf("%q: %v", b, err)
		}
	})
}
