// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestLinkNode is a node in a namespace, which does what it is told on stdin and
// says what it sees.
func TestLinkNode(t *testing.T) {
	dir := os.Getenv("XF_LINK_DIR")
	if dir == "" {
		t.Skip("only as a part of TestLinks")
	}
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: os.Getenv("XF_LINK_INVITE"), Advertise: os.Getenv("XF_LINK_ADVERTISE") != ""})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at, err := db.Listen(ctx, os.Getenv("XF_LINK_LISTEN"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("says at %v\n", at)
	fmt.Printf("says invite %s\n", storetest.Invited(db))
	go func() {
		for r, err := range db.Subscribe(ctx, xaeroflux.Query{}) {
			if err != nil {
				return
			}
			fmt.Printf("says event %s\n", r.Payload)
		}
	}()
	go func() {
		for state, since := "", (time.Time{}); ; time.Sleep(10 * time.Millisecond) {
			p := linkPeer(db)
			if p.Connected() && !p.Since.Equal(since) {
				since = p.Since
				fmt.Printf("says session %v\n", since)
			}
			if now := string(p.State) + " by " + p.Carrier; now != state {
				state = now
				fmt.Printf("says state %s\n", state)
			}
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch verb, rest, _ := strings.Cut(lines.Text(), " "); verb {
		case "append":
			if _, err := db.AppendBatch(ctx, []xaeroflux.Event{{Type: "line", Payload: []byte(rest)}}); err != nil {
				t.Fatal(err)
			}
		case "connect":
			if err := db.Connect(ctx, rest); err != nil {
				t.Fatal(err)
			}
		case "changed":
			db.NetworkChanged()
		case "status":
			fmt.Printf("says status %s\n", linkPeer(db).State)
		}
	}
}

// linkPeer is what the node's status says of the other node.
func linkPeer(db *xaeroflux.DB) xaeroflux.PeerStatus {
	if all := db.SyncStatus().Peers; len(all) > 0 {
		return all[0]
	}
	return xaeroflux.PeerStatus{State: "away"}
}

// A linkNode is a running TestLinkNode.
type linkNode struct {
	t     *testing.T
	ns    string
	env   []string
	cmd   *exec.Cmd
	in    io.WriteCloser
	said  chan string
	state string // as it said last

	sessions int // that it had since it was started
}

func startLink(t *testing.T, ns, dir string, env ...string) *linkNode {
	n := &linkNode{t: t, ns: ns + fmt.Sprint(os.Getpid()%100000), env: append(os.Environ(), append(env, "XF_LINK_DIR="+dir)...)}
	n.start()
	t.Cleanup(n.kill)
	return n
}

func (n *linkNode) start() {
	n.t.Helper()
	n.cmd = exec.Command("ip", "netns", "exec", n.ns, os.Args[0], "-test.run=^TestLinkNode$", "-test.v")
	n.cmd.Env = n.env
	n.cmd.Stderr = os.Stderr
	var err error
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		n.t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	said := make(chan string, 1<<12)
	n.said, n.state, n.sessions = said, "", 0
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "says "); ok {
				said <- text
			}
		}
	}()
}

// kill ends the node without a word, as a power cut does.
func (n *linkNode) kill() {
	n.cmd.Process.Kill()
	for range n.said {
	}
	n.cmd.Wait()
}

// signal sends the node's process a signal.
func (n *linkNode) signal(s os.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

func (n *linkNode) tell(line string) { fmt.Fprintln(n.in, line) }

// await waits until the node says something that begins with what, and returns the
// rest; it takes note of its state meanwhile. false: not in time.
func (n *linkNode) await(what string, limit time.Duration) (string, bool) {
	end := time.After(limit)
	for {
		select {
		case text, ok := <-n.said:
			if !ok {
				n.t.Fatalf("the node in %s has ended", n.ns)
			}
			if state, ok := strings.CutPrefix(text, "state "); ok {
				n.state = state
			}
			if strings.HasPrefix(text, "session ") {
				n.sessions++
			}
			if rest, ok := strings.CutPrefix(text, what); ok {
				return rest, true
			}
		case <-end:
			return "", false
		}
	}
}

// must is await that has to come.
func (n *linkNode) must(what string) string {
	n.t.Helper()
	text, ok := n.await(what, time.Minute)
	if !ok {
		n.t.Fatalf("the node in %s does not say %q; it is %s", n.ns, what, n.state)
	}
	return text
}
