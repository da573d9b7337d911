// SPDX-License-Identifier: MPL-2.0

//go:build unix

package links

import (
	"bufio"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// Strangers come from as many addresses, each in a subnet of its own, as a node takes
// this many from.
const (
	strangers      = 64
	strangersFrom  = 4
	strangerStream = 256 << 10 // the window with which each stream of yamux begins
	greedyStreams  = 256
)

// A crowd is strangers of one sort, and by how much the process may grow for them: not
// quite twice what was measured in seven runs, the collector's own room and what it has
// not collected included. What silent ones take is what TLS with yamux, or QUIC, keeps
// of a connection: 95 and 150 KiB. A greedy one makes the node keep the most that is
// let in before a topic is proven, a HELLO that does not end, with what was thrown away
// as it grew: some 350 KiB in all. If what it sends on its other streams were taken,
// one alone would bring 64 MiB by TCP.
type crowd struct {
	name  string
	bound int64 // bytes
	long  bool  // only by make links
}

var crowds = []crowd{
	{"tcp silent", 11 << 20, true},   // 5.1 to 5.9 MiB
	{"tcp greedy", 36 << 20, false},  // 18.8 to 22.1 MiB
	{"quic silent", 17 << 20, true},  // 8.0 to 9.4 MiB
	{"quic greedy", 36 << 20, false}, // 19.7 to 20.5 MiB
}

// TestStrangersTakeLittle: what the command's process takes for strangers of each sort,
// none of which has shown that it knows a topic.
func TestStrangersTakeLittle(t *testing.T) {
	ip := namespaces(t)
	ip("-n " + nsRouter + " " + strings.Replace(nsRule, "add", "del", 1))
	ip("-n " + nsRouter + " route add 10.95.0.0/16 via 10.91.0.1")
	for i := range strangersFrom {
		ip(fmt.Sprintf("-n %s addr add %s/32 dev l0", nsHere, strangerAddr(i)))
	}
	node := newProgram(t, nsThere)
	node.do("init", "--open")
	for _, c := range crowds {
		t.Run(c.name, func(t *testing.T) {
			if c.long && !all() {
				t.Skip("make links runs it")
			}
			p := &program{t, node.ns, node.dir}
			pid, at, stop := p.run("--listen", "10.91.1.1:4040")
			defer stop()
			time.Sleep(300 * time.Millisecond) // so that it has started
			before := anonymous(t, pid)
			says, leave := strangersIn(t, nsHere, c.name, at)
			most, kept := before, int64(0)
			end := time.Now().Add(10 * time.Second) // of waiting for all to be connected
			for ; time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				most = max(most, anonymous(t, pid))
				now := says.Load()
				if now == strangers && kept < strangers {
					end = time.Now().Add(2 * time.Second) // in which they send
				}
				kept = max(kept, now)
			}
			leave()
			grown := most - before
			t.Logf("%d strangers: %.1f MiB before, %.1f MiB at most, %d KiB for each", kept, mib(before), mib(most), grown/strangers>>10)
			if kept < strangers {
				t.Errorf("%d strangers were connected at once, want %d", kept, strangers)
			}
			if grown > c.bound {
				t.Errorf("the process grows by %.1f MiB, want at most %.1f", mib(grown), mib(c.bound))
			}
		})
	}
}

func strangerAddr(i int) string { return fmt.Sprintf("10.95.%d.1", i%strangersFrom) }

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// anonymous is the memory of a process that no file backs, in bytes.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no RssAnon: ", string(status))
	return 0
}

// strangersIn starts TestStrangersProgram in a namespace: how many of them are connected
// now, and what ends it.
func strangersIn(t *testing.T, ns, sort, at string) (connected *atomic.Int64, leave func()) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", ns+fmt.Sprint(os.Getpid()%100000), os.Args[0], "-test.run=^TestStrangersProgram$", "-test.v")
	cmd.Env = append(os.Environ(), "XF_LINK_STRANGERS="+sort, "XF_LINK_AT="+at)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	storetest.Must(t, err)
	out, err := cmd.StdoutPipe()
	storetest.Must(t, err)
	storetest.Must(t, cmd.Start())
	connected = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "says connected "); ok {
				n, _ := strconv.ParseInt(text, 10, 64)
				connected.Store(n)
			}
		}
	}()
	return connected, func() {
		in.Close()
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("strangers: %v", err)
		}
	}
}

// TestStrangersProgram is strangers of a sort, until its standard input ends. It says
// how many are connected whenever that changes.
func TestStrangersProgram(t *testing.T) {
	sort := os.Getenv("XF_LINK_STRANGERS")
	if sort == "" {
		t.Skip("only as a part of TestStrangersTakeLittle")
	}
	a, err := identity.ParseAddress(os.Getenv("XF_LINK_AT"))
	storetest.Must(t, err)
	scheme, how, _ := strings.Cut(sort, " ")
	var n atomic.Int64
	for i := range strangers {
		go func() {
			dial := strangerTCP
			if scheme == "quic" {
				dial = strangerQUIC
			}
			ended, err := dial(i, a, how == "greedy")
			if err != nil {
				fmt.Fprintf(os.Stderr, "stranger %d: %v\n", i, err)
				return
			}
			n.Add(1)
			<-ended
			n.Add(-1)
		}()
	}
	go func() {
		for was := int64(0); ; time.Sleep(10 * time.Millisecond) {
			if now := n.Load(); now != was {
				was = now
				fmt.Printf("says connected %d\n", now)
			}
		}
	}()
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0) // what was begun is let go
}

func strangerKey(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), byte(i)))
}

// strangerTCP shows its certificate, and then says nothing or begins as many streams
// of yamux as it can and fills the first window of each.
func strangerTCP(i int, a identity.Address, fills bool) (ended <-chan struct{}, err error) {
	cert, err := peertls.Certificate(strangerKey(i))
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(strangerAddr(i))}}
	raw, err := d.Dial("tcp", a.Host)
	if err != nil {
		return nil, err
	}
	conf, err := peertls.Dial(cert, identity.SchemeTCP, a.Peer)
	if err != nil {
		return nil, err
	}
	tc := tls.Client(raw, conf)
	if err := tc.Handshake(); err != nil {
		return nil, err
	}
	if fills {
		go tc.Write(greedy())
	}
	gone := make(chan struct{})
	go func() { io.Copy(io.Discard, tc); close(gone) }()
	return gone, nil
}

// unfinished is a HELLO as long as one may be but for its last byte: whoever reads it
// keeps it, and waits.
func unfinished() []byte {
	b := binary.BigEndian.AppendUint32(nil, messages.MaxHelloFrame)
	b = append(b, 0x98, byte(messages.TypeHello)) // an array of eight, and of these the first
	return append(b, make([]byte, messages.MaxHelloFrame-3)...)
}

// greedy is frames of yamux: version 0, type, flags, stream, length. A window update
// with SYN begins a stream, and data follows it: on the first as much as may be kept,
// on the others all that the window lets in.
var greedy = sync.OnceValue(func() (all []byte) {
	frame := func(kind byte, flags uint16, stream, length uint32) {
		all = binary.BigEndian.AppendUint16(append(all, 0, kind), flags)
		all = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(all, stream), length)
	}
	frame(1, 1, 1, 0) // the carrier's stream
	for i := range uint32(greedyStreams) {
		data := make([]byte, strangerStream)
		if i == 0 {
			data = unfinished()
		}
		frame(1, 1, 2*i+3, 0)
		frame(0, 0, 2*i+3, uint32(len(data)))
		all = append(all, data...)
	}
	return all
})

// strangerQUIC is the same over QUIC, where the windows are the node's to give.
func strangerQUIC(i int, a identity.Address, fills bool) (ended <-chan struct{}, err error) {
	c, err := quicnet.New(strangerKey(i), quicnet.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Listen(ctx, strangerAddr(i)+":0"); err != nil { // so that it dials from there
		return nil, err
	}
	conn, err := c.Dial(ctx, a)
	if err != nil {
		return nil, err
	}
	if fills {
		first, err := conn.OpenStream(ctx)
		if err != nil {
			return nil, err
		}
		go first.Write(unfinished())
		for range greedyStreams - 1 {
			go func() {
				if s, err := conn.OpenStream(ctx); err == nil {
					s.Write(make([]byte, strangerStream))
				}
			}()
		}
	}
	return conn.Done(), nil
}
