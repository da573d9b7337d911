// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// A node is the bundled program at work: `xaeroflux run`.
type node struct {
	bin, dir string
	cmd      *exec.Cmd
	addr     string
}

func startNode(bin, dir string) (*node, error) {
	n := &node{bin: bin, dir: dir}
	if _, err := n.command(nil, "init"); err != nil {
		return nil, err
	}
	n.cmd = exec.Command(bin, "run", "--dir", dir, "--quiet")
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if n.addr = addr; !ok {
		return nil, errors.Join(fmt.Errorf("the node says %q: %w", line, err), n.stop())
	}
	return n, nil
}

// command runs another command of the program on the same store.
func (n *node) command(in io.Reader, args ...string) (string, error) {
	cmd := exec.Command(n.bin, append(args, "--dir", n.dir)...)
	var out, talk bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &talk
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("xaeroflux %s: %w: %s", args[0], err, bytes.TrimSpace(talk.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (n *node) stop() error {
	return errors.Join(n.cmd.Process.Signal(syscall.SIGTERM), n.cmd.Wait())
}

func (n *node) pid() int { return n.cmd.Process.Pid }

// settle is how many seconds a node is left alone before its memory is read.
const settle = 10

var memory = &Figure{
	ID:    "memory",
	Title: "Memory of a node",
	Text: "The bundled node, `xaeroflux run`: after 1,000,000 events of 256 bytes were appended through it and it was left alone for a while, " +
		"and after it was started again on that store. RSS counts file pages that it maps, anonymous memory does not.",
	Metrics: []Metric{
		{ID: "rss_mib", Name: "RSS after appending", Unit: "MiB", Lower: true, Goals: []Goal{{Value: 64}}},
		{ID: "anon_mib", Name: "anonymous after appending", Unit: "MiB", Lower: true, Goals: []Goal{{Value: 24}}},
		{ID: "open_rss_mib", Name: "RSS when opened", Unit: "MiB", Lower: true},
		{ID: "open_anon_mib", Name: "anonymous when opened", Unit: "MiB", Lower: true},
	},
	Who: []string{peers.Xaeroflux.Name},
	Run: func(r *Run) ([]Point, error) {
		n, err := startNode(r.Node, r.Path("node"))
		if err != nil {
			return nil, err
		}
		_, err = n.command(lines(r.Events(million)), "append")
		time.Sleep(seconds(min(r.Idle, settle)))
		after, err2 := measure.MemoryOf(n.pid())
		if err = errors.Join(err, err2, n.stop()); err != nil {
			return nil, err
		}
		opened, err := reopened(r, n.dir)
		const mib = 1 << 20
		return one(Sample{
			"rss_mib": float64(after.RSS) / mib, "anon_mib": float64(after.Anonymous) / mib,
			"open_rss_mib": float64(opened.RSS) / mib, "open_anon_mib": float64(opened.Anonymous) / mib,
		}, err)
	},
}

func reopened(r *Run, dir string) (measure.Memory, error) {
	n := &node{bin: r.Node, dir: dir}
	n.cmd = exec.Command(r.Node, "run", "--dir", dir, "--quiet")
	if err := n.cmd.Start(); err != nil {
		return measure.Memory{}, err
	}
	time.Sleep(seconds(min(r.Idle, settle)))
	m, err := measure.MemoryOf(n.pid())
	return m, errors.Join(err, n.stop())
}

// lines reads as n lines of 256 letters.
func lines(n int) io.Reader {
	in, out := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(out, 1<<20)
		for i := range n {
			fmt.Fprintf(w, "%-255d.\n", i)
		}
		out.CloseWithError(w.Flush())
	}()
	return in
}

var idle = &Figure{
	ID:    "idle",
	Title: "A node at rest",
	Text: "The bundled node with an empty log and nothing going on, watched from outside: context switches of all its threads, voluntary or not, " +
		"and bytes of UDP payload that pass, both ways, on the way to its peers.",
	XName: "connected peers", Xs: []float64{0, 3},
	Metrics: []Metric{
		{ID: "switches", Name: "context switches", Unit: "/s", Lower: true, Goals: []Goal{{Value: 1, At: 0}, {Value: 3, At: 3}}},
		{ID: "threads", Name: "threads", Unit: "", Lower: true, Goals: []Goal{{Value: 12, At: 0}, {Value: 12, At: 3}}},
		{ID: "bytes_min", Name: "bytes a minute and peer", Unit: "B", Lower: true, Goals: []Goal{{Value: 1000, At: 3}}},
	},
	Who: []string{peers.Xaeroflux.Name},
	Run: func(r *Run) ([]Point, error) {
		n, err := startNode(r.Node, r.Path("node"))
		if err != nil {
			return nil, err
		}
		s, err := n.rest(r)
		return []Point{{X: r.X, Sample: s}}, errors.Join(err, n.stop())
	},
}

// rest connects as many peers as the run says, lets everything settle, and
// looks at the node for a while.
func (n *node) rest(r *Run) (s Sample, err error) {
	_, place, _ := strings.Cut(n.addr, "@")
	relay, err := newRelay(place, 0)
	if err != nil {
		return nil, err
	}
	defer relay.close()
	peers, err := n.join(r, relay.addr())
	defer func() {
		for _, p := range peers {
			err = errors.Join(err, p.stop())
		}
	}()
	if err != nil {
		return nil, err
	}
	time.Sleep(seconds(min(r.Idle, 3)))
	before, err := measure.ThreadsOf(n.pid())
	if err != nil {
		return nil, err
	}
	bytes, begin := relay.bytes.Load(), time.Now()
	time.Sleep(seconds(r.Idle))
	after, err := measure.ThreadsOf(n.pid())
	if err != nil {
		return nil, err
	}
	took := time.Since(begin)
	s = Sample{"switches": float64(after.Switches-before.Switches) / took.Seconds(), "threads": float64(after.Count)}
	if r.X > 0 {
		s["bytes_min"] = float64(relay.bytes.Load()-bytes) / took.Minutes() / r.X
	}
	return s, nil
}

// join connects peers through the relay.
func (n *node) join(r *Run, place string) ([]*role, error) {
	var all []*role
	if r.X == 0 {
		return nil, nil
	}
	invite, err := n.command(nil, "invite")
	if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(n.addr, "@")
	for i := range int(r.X) {
		p, err := start("store")
		if err != nil {
			return all, err
		}
		all = append(all, p)
		dir := r.Path(fmt.Sprint("peer", i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return all, err
		}
		for _, o := range []order{
			{Op: "open", Dir: dir, Invite: strings.TrimSpace(invite)},
			{Op: "connect", Addr: id + "@" + place, Seconds: 30},
		} {
			if _, err := p.do(o); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}
