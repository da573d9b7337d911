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
	l, err := Lock(path)
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("locked\n")
	os.Stdin.Read(make([]byte, 1)) // until the parent is gone
	l.Release()                    // and held until here
	select {}
}

func TestLockTwiceInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	l, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	wantHolder(t, path, os.Getpid())
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatalf("second release: %v", err)
	}
	wantHolder(t, path, os.Getpid()) // which the second release left alone
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockChildEnv+"="+path)
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
	wantHolder(t, path, cmd.Process.Pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	l, err := Lock(path) // the system dropped the dead process's lock
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

func wantHolder(t *testing.T, path string, pid int) {
	t.Helper()
	_, err := Lock(path)
	var locked *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) || locked.PID != pid {
		t.Fatalf("error %v, want locked by %d", err, pid)
	}
}
