// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// Two machines with a router between them, as network namespaces. The router
// drops UDP on its way without a word, as many firewalls do, until the rule is
// taken away.
const (
	nsHere, nsRouter, nsThere = "xfhere", "xfrouter", "xfthere"
	nsRule                    = "rule add ipproto udp blackhole"
)

// all reports whether every test is asked for, as make links does: what this machine
// lacks for one fails it then.
func all() bool { return os.Getenv("XF_LINKS") != "" }

// lacks skips the test, or fails it if all are asked for.
func lacks(t *testing.T, why string) {
	t.Helper()
	if all() {
		t.Fatal(why)
	}
	t.Skip(why)
}

// needs is for a test that runs a command: it names the package that has it.
func needs(t *testing.T, command, pack string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		lacks(t, fmt.Sprintf("this test needs the command %s: install the package %s", command, pack))
	}
}

// namespaces makes them, or skips the test.
func namespaces(t *testing.T) (ip func(line string)) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		lacks(t, "network namespaces need Linux and root")
	}
	needs(t, "ip", "iproute2")
	needs(t, "sysctl", "procps")
	suffix := fmt.Sprint(os.Getpid() % 100000) // other runs on this machine have their own
	run := func(line string) error {
		line = strings.NewReplacer(nsHere, nsHere+suffix, nsRouter, nsRouter+suffix, nsThere, nsThere+suffix).Replace(line)
		out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
		return nil
	}
	t.Cleanup(func() {
		for _, ns := range []string{nsHere, nsRouter, nsThere} {
			run("netns del " + ns)
		}
	})
	for i, line := range []string{
		"netns add " + nsHere, "netns add " + nsRouter, "netns add " + nsThere,
		"link add l0 netns " + nsHere + " type veth peer name r0 netns " + nsRouter,
		"link add l1 netns " + nsThere + " type veth peer name r1 netns " + nsRouter,
		"-n " + nsHere + " addr add 10.91.0.1/24 dev l0", "-n " + nsRouter + " addr add 10.91.0.2/24 dev r0",
		"-n " + nsThere + " addr add 10.91.1.1/24 dev l1", "-n " + nsRouter + " addr add 10.91.1.2/24 dev r1",
		"-n " + nsHere + " link set l0 up", "-n " + nsRouter + " link set r0 up",
		"-n " + nsThere + " link set l1 up", "-n " + nsRouter + " link set r1 up",
		"-n " + nsHere + " route add default via 10.91.0.2", "-n " + nsThere + " route add default via 10.91.1.2",
		"netns exec " + nsRouter + " sysctl -q -w net.ipv4.ip_forward=1",
		"-n " + nsRouter + " " + nsRule,
	} {
		err := run(line)
		if err != nil && i == 0 {
			lacks(t, fmt.Sprintf("no network namespaces here: %v", err))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(line string) {
		t.Helper()
		if err := run(line); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNamespaceNode is a node in a namespace: what TestUDPBlocked starts.
func TestNamespaceNode(t *testing.T) {
	dir, invite, peer := os.Getenv("XF_NODE_DIR"), os.Getenv("XF_NODE_INVITE"), os.Getenv("XF_NODE_PEER")
	if dir == "" {
		t.Skip("only as a part of TestUDPBlocked")
	}
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite, RetryQUIC: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if peer == "" {
		at, err := db.Listen(ctx, "10.91.1.1:4040")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("says at %v\nsays invite %s\n", at, storetest.Invited(db))
	} else if err := db.Connect(ctx, peer); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(ended) }()
	for was := ""; ; {
		if p := db.Peers(); len(p) == 1 && p[0].InSync && p[0].Carrier != was {
			was = p[0].Carrier
			fmt.Printf("says carrier %s\n", was)
			storetest.MustAppend(t, db, 1, "now by another carrier (%d)")
		}
		select {
		case <-ended:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// nodeIn starts TestNamespaceNode in a namespace and returns how to wait for
// what it says, and to stop it.
func nodeIn(t *testing.T, ns string, env ...string) (says func(what string) string, stop func()) {
	t.Helper()
	ns += fmt.Sprint(os.Getpid() % 100000)
	cmd := exec.Command("ip", "netns", "exec", ns, os.Args[0], "-test.run=^TestNamespaceNode$", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	stop = func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("node in %s: %v\n%s", ns, err, errs.String())
		}
		timer.Stop()
	}
	return func(what string) string {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "says "+what+" "); ok {
				return text
			}
		}
		t.Fatalf("the node in %s does not say %q: %s", ns, what, errs.String())
		return ""
	}, stop
}

// TestUDPBlocked: a router that drops UDP is got through by TCP, and when it
// stops the session moves to QUIC.
func TestUDPBlocked(t *testing.T) {
	ip := namespaces(t)
	dir := t.TempDir()
	thereSays, stopThere := nodeIn(t, nsThere, "XF_NODE_DIR="+filepath.Join(dir, "there"))
	at, invite := thereSays("at"), thereSays("invite")
	hereSays, stopHere := nodeIn(t, nsHere, "XF_NODE_DIR="+filepath.Join(dir, "here"), "XF_NODE_INVITE="+invite, "XF_NODE_PEER="+at)
	if by := hereSays("carrier"); by != "tcp" {
		t.Errorf("through a router without UDP by %s", by)
	}
	ip("-n " + nsRouter + " " + strings.Replace(nsRule, "add", "del", 1))
	if by := hereSays("carrier"); by != "quic" {
		t.Errorf("after it was opened by %s", by)
	}
	if by := thereSays("carrier"); by != "tcp" {
		t.Errorf("the other end was reached by %s first", by)
	}
	if by := thereSays("carrier"); by != "quic" {
		t.Errorf("the other end is reached by %s", by)
	}
	stopHere()
	stopThere()
}
