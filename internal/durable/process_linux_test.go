// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestProcessOf(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	p := ProcessOf(cmd.Process.Pid)
	for end := time.Now().Add(20 * time.Second); len(p.Args) == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		p = ProcessOf(cmd.Process.Pid) // its arguments are there a moment after it began
	}
	if program, first := p.Command(); program != "sleep" || first != "600" || p.State != "" {
		t.Errorf("%+v", p)
	}
	cmd.Process.Signal(syscall.SIGSTOP)
	for end := time.Now().Add(20 * time.Second); ProcessOf(cmd.Process.Pid).State != "stopped"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("stopped, and it says %+v", ProcessOf(cmd.Process.Pid))
		}
	}
}

func TestHolder(t *testing.T) {
	dir := t.TempDir()
	d, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Lock(); err != nil {
		t.Fatal(err)
	}
	if pid := Holder(dir); pid != os.Getpid() {
		t.Errorf("%d holds it, not %d", os.Getpid(), pid)
	}
	if pid := Holder(t.TempDir()); pid != 0 {
		t.Errorf("%d holds a directory without LOCK", pid)
	}
}
