// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A node is a store with a process of the bundled program in its namespace,
// which is killed and started again.
type node struct {
	self   string // the program
	ns     string
	dir    string
	listen string
	peers  []string
	log    string // file for stderr

	cmd     *exec.Cmd
	address string

	mu    sync.Mutex // guards next and acked
	next  int        // number of the next line
	acked []int      // numbers of the lines that were acknowledged
}

// xaeroflux runs a command of the program on the node's store, and returns what
// it prints.
func (n *node) xaeroflux(ctx context.Context, in io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, n.self, append([]string{"child-node"}, append(args, "--dir", n.dir)...)...)
	cmd.Stdin = in
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("xaeroflux %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// inUse is the exit code of a command that another one keeps from the store.
const inUse = 4

// start starts the process and waits until it listens. An append that found no node
// may have the store open still: it is waited for.
func (n *node) start() error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := n.startOnce()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != inUse || time.Now().After(end) {
			return err
		}
	}
}

func (n *node) startOnce() error {
	args := []string{"netns", "exec", n.ns, n.self, "child-node", "run", "--dir", n.dir, "--listen", n.listen, "--advertise"}
	for _, p := range n.peers {
		args = append(args, "--peer", p)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("ip", args...) // ip becomes the program: one process
	cmd.Stderr = log
	cmd.SysProcAttr = withParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd = cmd
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			n.address = address
			go io.Copy(io.Discard, out)
			return nil
		}
	}
	return errors.Join(fmt.Errorf("node %s ended before it listened, see %s", n.ns, n.log), cmd.Wait())
}

// kill ends the process without a word, if there is one.
func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Kill()
	n.cmd.Wait()
	n.cmd = nil
}

// stop ends the process as ctrl-C does.
func (n *node) stop() error {
	if n.cmd == nil {
		return nil
	}
	cmd := n.cmd
	n.cmd = nil
	cmd.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("node %s: %w, see %s", n.ns, err, n.log)
	}
	return nil
}

// append appends lines. They count as acknowledged when the command says so; an
// error, as of a node that was killed, leaves it open which of them are there.
func (n *node) append(ctx context.Context, count int) {
	n.mu.Lock()
	first := n.next
	n.next += count
	n.mu.Unlock()
	var in bytes.Buffer
	for i := range count {
		fmt.Fprintf(&in, "line %d\n", first+i)
	}
	if _, err := n.xaeroflux(ctx, &in, "append"); err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range count {
		n.acked = append(n.acked, first+i)
	}
}

// A head is what a node says of one log.
type head struct {
	Log  string `json:"log"`
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

// heads returns what the node holds, by log.
func (n *node) heads(ctx context.Context) (map[string]head, error) {
	out, err := n.xaeroflux(ctx, nil, "head", "--json")
	if err != nil {
		return nil, err
	}
	all := map[string]head{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var h head
		if err := dec.Decode(&h); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if h.Size > 0 {
			all[h.Log] = h
		}
	}
}

// load appends, with a pause after each time, until ctx ends; what is under way
// then is waited for.
func (n *node) load(ctx context.Context, pause time.Duration) {
	for ctx.Err() == nil {
		n.append(context.WithoutCancel(ctx), lines)
		sleep(ctx, pause)
	}
}
