// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// A lan is network namespaces on one bridge. All names begin with a prefix of
// this process, so that runs do not meet.
type lan struct {
	prefix string
	nodes  int
	lossy  bool // packets get lost
}

// lossPercent of the packets that reach a node are dropped.
const lossPercent = 5

func ip(format string, args ...any) error { return run("ip", fmt.Sprintf(format, args...)) }

func run(name, line string) error {
	out, err := exec.Command(name, strings.Fields(line)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, line, err, out)
	}
	return nil
}

// why says what is missing for network namespaces, or nothing.
func why() string {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		return "network namespaces need Linux and root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "network namespaces need the command ip (iproute2)"
	}
	probe := fmt.Sprintf("xfl%dprobe", os.Getpid())
	if err := ip("netns add %s", probe); err != nil {
		return err.Error()
	}
	if err := ip("netns del %s", probe); err != nil {
		return err.Error()
	}
	return ""
}

// newLAN makes the namespaces. Close it also after an error.
func newLAN(nodes int) (*lan, error) {
	swept := sweep()
	l := &lan{prefix: fmt.Sprintf("xfl%d", os.Getpid()), nodes: nodes}
	err := errors.Join(
		swept,
		ip("netns add %s", l.bridge()),
		ip("-n %s link add br0 type bridge", l.bridge()),
		ip("-n %s link set br0 up", l.bridge()))
	for i := 0; i < nodes && err == nil; i++ {
		err = l.add(i)
	}
	return l, err
}

func (l *lan) bridge() string     { return l.prefix + "b" }
func (l *lan) node(i int) string  { return fmt.Sprintf("%sn%d", l.prefix, i) }
func (l *lan) place(i int) string { return fmt.Sprintf("10.92.0.%d:4040", i+1) }

func (l *lan) add(i int) error {
	ns := l.node(i)
	err := errors.Join(
		ip("netns add %s", ns),
		ip("link add e0 netns %s type veth peer name p%d netns %s", ns, i, l.bridge()),
		ip("-n %s link set p%d master br0", l.bridge(), i),
		ip("-n %s addr add 10.92.0.%d/24 dev e0", ns, i+1),
		ip("-n %s link set lo up", ns),
		ip("-n %s link set e0 up", ns),
		l.link(i, true))
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("nft"); err != nil {
		return nil
	}
	// On the way out, a drop would be an error for the sender.
	rules := fmt.Sprintf("add table inet lab; add chain inet lab in { type filter hook input priority 0 ; }; "+
		"add rule inet lab in iifname e0 numgen random mod 100 < %d counter drop", lossPercent)
	out, err := exec.Command("ip", "netns", "exec", ns, "nft", rules).CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	l.lossy = true
	return nil
}

// link plugs a node in or out.
func (l *lan) link(i int, up bool) error {
	return ip("-n %s link set p%d %s", l.bridge(), i, map[bool]string{true: "up", false: "down"}[up])
}

var counted = regexp.MustCompile(`counter packets (\d+)`)

// lost says how many packets got lost. None at all is an error: nothing was
// tried then.
func (l *lan) lost() (string, error) {
	if !l.lossy {
		return "no loss, as there is no nft here", nil
	}
	sum := 0
	for i := range l.nodes {
		out, err := exec.Command("ip", "netns", "exec", l.node(i), "nft", "list", "table", "inet", "lab").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("nft: %w: %s", err, out)
		}
		if m := counted.FindSubmatch(out); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			sum += n
		}
	}
	if sum == 0 {
		return "", errors.New("nft was to drop packets, and dropped none")
	}
	return fmt.Sprintf("%d %% loss (%d packets)", lossPercent, sum), nil
}

func (l *lan) close() error {
	var errs []error
	for i := range l.nodes {
		errs = append(errs, ip("netns del %s", l.node(i)))
	}
	return errors.Join(append(errs, ip("netns del %s", l.bridge()))...)
}
