// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(filepath.Dir(builtAt))
	os.Exit(code)
}

var builtAt string // where the command is once it is built

var built = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "xaeroflux-links-")
	if err != nil {
		return err
	}
	builtAt = filepath.Join(dir, "xaeroflux")
	if out, err := exec.Command("go", "build", "-o", builtAt, "../../cmd/xaeroflux").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

// A program is the command as a user has it, on a store of its own in a network
// namespace.
type program struct {
	t   *testing.T
	ns  string
	dir string
}

func newProgram(t *testing.T, ns string) *program {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	return &program{t: t, ns: ns + fmt.Sprint(os.Getpid()%100000), dir: filepath.Join(t.TempDir(), "store")}
}

func (p *program) command(verb string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", p.ns, builtAt, verb, "--dir", p.dir}, args...)...)
}

// do runs a command to its end.
func (p *program) do(verb string, args ...string) string {
	p.t.Helper()
	cmd := p.command(verb, args...)
	cmd.Stderr = nil
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("xaeroflux %s: %v", verb, err)
	}
	return strings.TrimSpace(string(out))
}

// run is xaeroflux run until the end of the test, or until stop. It has this process id
// (ip becomes the command), and listens at this address.
func (p *program) run(args ...string) (pid int, at string, stop func()) {
	p.t.Helper()
	cmd := p.command("run", append(args, "--quiet")...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt) // it stops in order, and keeps its address book
		defer time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() }).Stop()
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("xaeroflux run: %v\n%s", err, talk.Bytes())
		}
	})
	p.t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	at, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		stop()
		p.t.Fatalf("xaeroflux run says %q: %v", line, err)
	}
	return cmd.Process.Pid, at, stop
}

// inSync is how many peers xaeroflux status says the store is in sync with.
func (p *program) inSync() (n int) {
	p.t.Helper()
	var status struct {
		Peers []struct {
			InSync bool `json:"in_sync"`
		} `json:"peers"`
	}
	if err := json.Unmarshal([]byte(p.do("status", "--json")), &status); err != nil {
		p.t.Fatal(err)
	}
	for _, peer := range status.Peers {
		if peer.InSync {
			n++
		}
	}
	return n
}
