// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// mappingLasts is how long the router's NAT keeps a mapping that nothing uses, in
// seconds: as short as is met often.
const mappingLasts = 30

// inRouter runs a command in the router's namespace.
func (p *pairOf) inRouter(env string, name string, args ...string) string {
	p.t.Helper()
	ns := nsRouter + fmt.Sprint(os.Getpid()%100000)
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, name}, args...)...)
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v: %v: %s", cmd, err, out)
	}
	return string(out)
}

// rest waits until no packet passes the router: one that is under way when something
// happens would show the way by itself.
func (p *pairOf) rest() {
	p.t.Helper()
	counters := func() string {
		return p.inRouter("", "cat", "/sys/class/net/r0/statistics/rx_packets", "/sys/class/net/r1/statistics/rx_packets")
	}
	end := time.Now().Add(time.Minute)
	for last, since := counters(), time.Now(); time.Since(since) < 2*time.Second; time.Sleep(200 * time.Millisecond) {
		if now := counters(); now != last {
			last, since = now, time.Now()
		}
		if time.Now().After(end) {
			p.t.Fatal("packets pass for a minute, and nobody says anything")
		}
	}
}

// translate makes the router a NAT: what is behind it has its address and a port that
// it picks, and is reached from outside by that port only while the mapping lasts.
func (p *pairOf) translate() {
	p.t.Helper()
	p.inRouter("", "nft", strings.Join([]string{
		"add table ip nat",
		"add chain ip nat out { type nat hook postrouting priority 100 ; }",
		"add rule ip nat out oifname r1 masquerade fully-random",
		"add chain ip nat through { type filter hook forward priority 0 ; }",
		"add rule ip nat through iifname r1 ct state new drop",
		"add chain ip nat in { type filter hook input priority 0 ; }",
		"add rule ip nat in iifname r1 drop",
	}, "; "))
	for _, which := range []string{"udp_timeout", "udp_timeout_stream"} {
		p.inRouter("", "sysctl", "-q", "-w", fmt.Sprintf("net.netfilter.nf_conntrack_%s=%d", which, mappingLasts))
	}
}

// staySilent lets nobody say anything for longer than a mapping lasts.
func (p *pairOf) staySilent() { time.Sleep(2*mappingLasts*time.Second + 5*time.Second) }

// forgetMappings is a NAT that is started again.
func (p *pairOf) forgetMappings() {
	p.t.Helper()
	p.inRouter("XF_LINK_FORGET=1", os.Args[0], "-test.run=^TestForgetMappings$")
}
