// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestFiguresAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All {
		if seen[f.ID] {
			t.Errorf("two figures are named %s", f.ID)
		}
		seen[f.ID] = true
		if f.Title == "" || f.Text == "" || len(f.Metrics) == 0 || len(f.Who) == 0 || f.Run == nil || f.Who[0] != "xaeroflux" {
			t.Errorf("%s lacks something", f.ID)
		}
		if (f.Shared == "") != (f.Prepare == nil) {
			t.Errorf("%s has one of Shared and Prepare", f.ID)
		}
		if f.Plot != "" && !slices.ContainsFunc(f.Metrics, func(m Metric) bool { return m.ID == f.Plot }) {
			t.Errorf("%s draws %s, which it does not measure", f.ID, f.Plot)
		}
	}
}

// counter is a store that counts, and fails from some event on.
type counter struct {
	events atomic.Int64
	fails  int64
}

var errFull = errors.New("full")

func (c *counter) Append(payloads [][]byte) error {
	for _, p := range payloads {
		if len(p) != 100 {
			return fmt.Errorf("%d bytes", len(p))
		}
	}
	if n := c.events.Add(int64(len(payloads))); c.fails > 0 && n >= c.fails {
		return errFull
	}
	return nil
}

func (c *counter) Close() error { return nil }

func TestWorkIsAllDone(t *testing.T) {
	var c counter
	out, err := work{Callers: 7, Batch: 10, Bytes: 100, Events: 1230, Seconds: 60}.append(&c)
	if err != nil || out.events != 1230 || c.events.Load() != 1230 || len(out.latencies) != 123 {
		t.Errorf("%d events, %d arrived, %d calls: %v", out.events, c.events.Load(), len(out.latencies), err)
	}
}

func TestWorkStopsWhenTheTimeIsUp(t *testing.T) {
	var c counter
	out, err := work{Callers: 2, Batch: 1, Bytes: 100, Events: 1 << 40, Seconds: 0.01}.append(&c)
	if err != nil || out.events == 0 || int64(out.events) != c.events.Load() {
		t.Errorf("%d events, %d arrived: %v", out.events, c.events.Load(), err)
	}
}

func TestWorkReportsAFailure(t *testing.T) {
	c := counter{fails: 50}
	if _, err := (work{Callers: 3, Batch: 10, Bytes: 100, Events: 1000, Seconds: 60}).append(&c); !errors.Is(err, errFull) {
		t.Errorf("the store failed, and the work says %v", err)
	}
}

// TestRelayHoldsBackAndCounts sends packets to an echo through a relay: they
// come back in order, not before their time, and are counted both ways.
func TestRelayHoldsBackAndCounts(t *testing.T) {
	echo, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := echo.ReadFromUDP(buf)
			if err != nil {
				return
			}
			if _, err := echo.WriteToUDP(buf[:n], from); err != nil {
				return
			}
		}
	}()
	const delay = 20 * time.Millisecond
	r, err := newRelay(echo.LocalAddr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, err := net.Dial("udp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	for i := range 50 {
		if _, err := c.Write(fmt.Appendf(nil, "%100d", i)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 2000)
	for i := range 50 {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil || string(buf[:n]) != fmt.Sprintf("%100d", i) {
			t.Fatalf("packet %d is %q: %v", i, buf[:n], err)
		}
		if i == 0 && time.Since(begin) < 2*delay {
			t.Errorf("the first came back after %v", time.Since(begin))
		}
	}
	if n := r.bytes.Load(); n != 2*50*100 {
		t.Errorf("%d bytes were counted", n)
	}
}
