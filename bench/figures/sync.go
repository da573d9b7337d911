// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// rawQUIC moves bytes over QUIC and does nothing else.
const rawQUIC = "raw quic-go"

var wireMetric = Metric{ID: "mib_s", Name: "MiB/s in streams", Unit: "MiB/s"}

var coldSync = &Figure{
	ID:    "cold-sync",
	Title: "A new peer fetches 1,000,000 events",
	Text: "256-byte events, two processes, QUIC over loopback. The time is from the dial until the peer has everything verified and on disk; " +
		"Hypercore, over TCP, verifies and does not sync, and ends after its time. The bytes are those of both directions: MiB/s of what the streams carry, and, from a second sync through a relay that counts, bytes an event as UDP payload with all that QUIC adds (Hypercore: TCP payload). Raw quic-go sends as many bytes over one stream and stores nothing.",
	Metrics: []Metric{
		rate.with(Goal{Value: 300_000}),
		wireMetric.with(Goal{Of: rawQUIC, Factor: 0.5}),
		{ID: "wire", Name: "bytes an event on the wire", Unit: "B", Lower: true, Goals: []Goal{{Value: 275}}},
	},
	Who:    []string{peers.Xaeroflux.Name, rawQUIC, Hypercore},
	Shared: "source",
	Prepare: func(r *Run) error {
		if r.Contender == rawQUIC {
			return nil
		}
		return fillShared(r, r.Events(million))
	},
	Run: func(r *Run) ([]Point, error) {
		switch r.Contender {
		case Hypercore:
			return one(hypercore(r, "sync", map[string]any{"events": r.Events(million), "seconds": r.Limit(60)}))
		case rawQUIC:
			return one(rawTransfer(int64(r.Events(million)) * 270))
		}
		return one(coldXaeroflux(r))
	},
}

// A pair is a store that listens and one that is going to come to it, each in
// a process of its own.
type pair struct {
	server, client *role
	invite, addr   string
}

// newPair starts the server on dir. The client has no store yet.
func newPair(dir string) (*pair, error) {
	p := &pair{}
	var err error
	if p.server, err = start("store"); err != nil {
		return p, err
	}
	opened, err := p.server.do(order{Op: "open", Dir: dir})
	if err != nil {
		return p, err
	}
	p.invite = opened.Invite
	listening, err := p.server.do(order{Op: "listen"})
	if err != nil {
		return p, err
	}
	p.addr = listening.Addr
	return p, p.renew()
}

// renew gives the pair a new client.
func (p *pair) renew() (err error) {
	if p.client != nil {
		err = p.client.stop()
	}
	client, err2 := start("store")
	p.client = client
	return errors.Join(err, err2)
}

func (p *pair) open(dir string) error {
	_, err := p.client.do(order{Op: "open", Dir: dir, Invite: p.invite})
	return err
}

func (p *pair) stop() error {
	var errs []error
	for _, r := range []*role{p.client, p.server} {
		if r != nil {
			errs = append(errs, r.stop())
		}
	}
	return errors.Join(errs...)
}

// via is the server's address with another place to send to.
func (p *pair) via(hostport string) string {
	id, _, _ := strings.Cut(p.addr, "@")
	return id + "@" + hostport
}

// place is where the server listens.
func (p *pair) place() string {
	_, hostport, _ := strings.Cut(p.addr, "@")
	return hostport
}

func coldXaeroflux(r *Run) (Sample, error) {
	p, err := newPair(r.Shared)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	s, err := p.cold(r)
	return s, errors.Join(err, p.stop())
}

// cold fetches everything twice: for the time, and through a relay that counts
// what really is on the wire.
func (p *pair) cold(r *Run) (Sample, error) {
	a, err := p.fetch(r.Path("client"), p.addr)
	if err != nil {
		return nil, err
	}
	s := moved(r.Events(million), a.Seconds, a.In+a.Out)
	relay, err := newRelay(p.place(), 0)
	if err != nil {
		return nil, err
	}
	defer relay.close()
	if err := p.renew(); err != nil {
		return nil, err
	}
	_, err = p.fetch(r.Path("counted"), p.via(relay.addr()))
	s["wire"] = float64(relay.bytes.Load()) / float64(r.Events(million))
	return s, err
}

func (p *pair) fetch(dir, addr string) (answer, error) {
	if err := p.open(dir); err != nil {
		return answer{}, err
	}
	return p.client.do(order{Op: "sync", Addr: addr, Events: 1, Seconds: 300})
}

// moved is the sample of a sync that took so long.
func moved(events int, seconds float64, wire uint64) Sample {
	return Sample{
		"rate":  float64(events) / seconds,
		"mib_s": float64(wire) / (1 << 20) / seconds,
		"wire":  float64(wire) / float64(events),
	}
}

var behind = &Figure{
	ID:    "behind",
	Title: "A peer that is 1000 events behind on a log of 1,000,000",
	Text: "256-byte events, two processes, a new connection each time, from the dial until both agree. Bytes are UDP payload of both directions, " +
		"counted by a relay between them with the handshake; it also makes the round trip of 200 ms. At 0 ms they talk without the relay. " +
		"Raw quic-go asks for as many bytes on a new connection, through the relay always: what the handshake, the first window of 32 packets and their pace leave room for.",
	XName: "ms of round trip", Xs: []float64{0, 200},
	Metrics: []Metric{
		{ID: "ms", Name: "time", Unit: "ms", Lower: true, Goals: []Goal{{Value: 50, At: 0}, {Value: 700, At: 200}}},
		{ID: "kb", Name: "bytes", Unit: "kB", Lower: true, Goals: []Goal{{Value: 275, At: 200}}},
	},
	Who:    []string{peers.Xaeroflux.Name, rawQUIC},
	Shared: "behind",
	Prepare: func(r *Run) error {
		if r.Contender == rawQUIC {
			return nil
		}
		return prepareBehind(r)
	},
	Run: func(r *Run) ([]Point, error) {
		run := catchUp
		if r.Contender == rawQUIC {
			run = rawBehind
		}
		s, err := run(r)
		return []Point{{X: r.X, Sample: s}}, err
	},
}

// prepareBehind makes a store and a peer that has all of it.
func prepareBehind(r *Run) error {
	dir := r.Shared
	r.Shared = dir + "/server"
	if err := fillShared(r, r.Events(million)); err != nil {
		return err
	}
	p, err := newPair(r.Shared)
	if err == nil {
		err = p.open(dir + "/client")
	}
	if err == nil {
		_, err = p.client.do(order{Op: "sync", Addr: p.addr, Events: 1, Seconds: 300})
	}
	return errors.Join(err, p.stop())
}

func catchUp(r *Run) (Sample, error) {
	p, err := newPair(r.Shared + "/server")
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	s, err := p.catchUp(r)
	return s, errors.Join(err, p.stop())
}

func (p *pair) catchUp(r *Run) (Sample, error) {
	if _, err := p.server.do(order{Op: "append", Events: 1000, Batch: 1000}); err != nil {
		return nil, err
	}
	if err := p.open(r.Shared + "/client"); err != nil {
		return nil, err
	}
	addr, kb := p.addr, func(a answer) float64 { return float64(a.In+a.Out) / 1e3 }
	if r.X > 0 {
		relay, err := newRelay(p.place(), seconds(r.X/2e3))
		if err != nil {
			return nil, err
		}
		defer relay.close()
		addr, kb = p.via(relay.addr()), func(answer) float64 { return float64(relay.bytes.Load()) / 1e3 }
	}
	a, err := p.client.do(order{Op: "sync", Addr: addr, Events: 1000, Seconds: 60})
	if err == nil && a.Events != 1000 {
		err = fmt.Errorf("%d events came, not 1000", a.Events)
	}
	return Sample{"ms": a.Seconds * 1e3, "kb": kb(a)}, err
}

var live = &Figure{
	ID:    "live",
	Title: "One live event to a connected peer",
	Text: "A 256-byte event every 5 ms, two processes, QUIC over loopback (Hypercore: TCP). The time from before the append until a subscriber at the peer has the event, " +
		"which is then synced to disk on both sides; Hypercore does not sync.",
	Metrics: []Metric{
		{ID: "p50_ms", Name: "p50", Unit: "ms", Lower: true, Goals: []Goal{{Value: 2}}},
		{ID: "p99_ms", Name: "p99", Unit: "ms", Lower: true},
	},
	Who: []string{peers.Xaeroflux.Name, Hypercore},
	Run: func(r *Run) ([]Point, error) {
		n := max(int(1000*r.Scale), 100)
		if r.Contender == Hypercore {
			return one(hypercore(r, "live", map[string]int{"events": n}))
		}
		if err := os.MkdirAll(r.Path("server"), 0o700); err != nil {
			return nil, err
		}
		p, err := newPair(r.Path("server"))
		if err != nil {
			return nil, errors.Join(err, p.stop())
		}
		s, err := p.live(r, n)
		return one(s, errors.Join(err, p.stop()))
	},
}

func (p *pair) live(r *Run, n int) (Sample, error) {
	if err := p.open(r.Path("client")); err != nil {
		return nil, err
	}
	for _, o := range []order{
		{Op: "connect", Addr: p.addr, Seconds: 30},
		{Op: "watch", Events: n, Seconds: 60 + float64(n)*0.02},
	} {
		if _, err := p.client.do(o); err != nil {
			return nil, err
		}
	}
	if _, err := p.server.do(order{Op: "tick", Events: n, Seconds: 0.005}); err != nil {
		return nil, err
	}
	a, err := p.client.do(order{Op: "watched"})
	return Sample{"p50_ms": quantile(a.Values, 0.5), "p99_ms": quantile(a.Values, 0.99)}, err
}

func quantile(ms []float64, q float64) float64 {
	var d []time.Duration
	for _, v := range ms {
		d = append(d, time.Duration(math.Round(v*1e6)))
	}
	return measure.Quantile(d, q).Seconds() * 1e3
}
