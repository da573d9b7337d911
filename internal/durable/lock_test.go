// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const lockChildEnv = "XAEROFLUX_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(lockChildEnv); path != "" {
		lockChild(path)
	}
	os.Exit(m.Run())
}

// lockChild holds the lock until it is killed.
func lockChild(path string) {
	d, err := Hold(path)
	if err == nil {
		err = d.Lock()
	}
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("locked\n")
	os.Stdin.Read(make([]byte, 1)) // until the parent is gone
	d.Close()                      // and held until here
	select {}
}

func hold(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func locked(t *testing.T, dir string) *Dir {
	t.Helper()
	d := hold(t, dir)
	if err := d.Lock(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLockTwiceInOneProcess(t *testing.T) {
	dir := t.TempDir()
	d := locked(t, dir)
	wantHolder(t, dir, os.Getpid())
	if err := d.Unlock(); err != nil {
		t.Fatal(err)
	}
	locked(t, dir)
	if err := d.Unlock(); err != nil {
		t.Fatalf("second unlock: %v", err)
	}
	wantHolder(t, dir, os.Getpid()) // which the second unlock left alone
}

// The lock is of the directory, whatever it is called and whatever becomes of
// the file in it.
func TestLockIsOfTheDirectory(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	locked(t, dir)
	if err := os.Remove(filepath.Join(dir, LockName)); err != nil {
		t.Fatal(err)
	}
	wantHolder(t, dir, os.Getpid())
	if err := os.Symlink(dir, filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	wantHolder(t, filepath.Join(base, "link"), os.Getpid())
	if err := os.Rename(dir, filepath.Join(base, "b")); err != nil {
		t.Fatal(err)
	}
	wantHolder(t, filepath.Join(base, "b"), os.Getpid())
}

func TestReadersLockTogether(t *testing.T) {
	dir := t.TempDir()
	writer := locked(t, dir)
	var held *LockedError
	if err := hold(t, dir).LockShared(); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Fatalf("a reader beside a writer: %v", err)
	}
	if err := writer.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, LockName)); err != nil {
		t.Fatal(err)
	}
	readers := []*Dir{hold(t, dir), hold(t, dir)}
	for _, d := range readers {
		if err := d.LockShared(); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range readers {
		wantHolder(t, dir, os.Getpid()) // which LOCK does not tell
		if err := d.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("readers left %v, %v", left, err)
	}
	locked(t, dir)
}

func TestLockOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockChildEnv+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil { // held open: the child waits for it
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "locked\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	wantHolder(t, dir, cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	locked(t, dir) // the system dropped the dead process's lock
}

func wantHolder(t *testing.T, dir string, pid int) {
	t.Helper()
	err := hold(t, dir).Lock()
	var locked *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) || locked.PID != pid {
		t.Fatalf("error %v, want locked by %d", err, pid)
	}
}
