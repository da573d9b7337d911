// SPDX-License-Identifier: MPL-2.0

package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/transport"
)

const (
	burst    = 16               // frames at most, before the victim is asked whether it is there
	bursts   = 40               // in one session
	patience = 60 * time.Second // for its answer
)

// attack is one attacker: session after session until all frames are sent.
func (c *campaign) attack(worker, round uint64) error {
	self := identity.Device{Seed: identity.Seed(noise(rand.New(rand.NewPCG(c.seed, ^worker)), 32)), Generation: identity.Generation{1}}
	carrier := c.net.Node(self.PeerID())
	defer carrier.Close()
	for n := uint64(0); c.left.Load() > 0; n++ {
		a := &attacker{campaign: c, rng: rand.New(rand.NewPCG(c.seed, worker<<56|round<<40|n))}
		if err := a.session(carrier, self); err != nil {
			return fmt.Errorf("attacker %d, round %d, session %d: %w", worker, round, n, err)
		}
	}
	return nil
}

// An attacker is one session of one.
type attacker struct {
	*campaign
	*evilpeer.Peer
	rng   *rand.Rand
	pongs chan uint64   // sequences of proofs
	gone  chan struct{} // closed when the victim ended the session, and
	code  messages.Code // why, after that
	wg    sync.WaitGroup
}

func (a *attacker) session(carrier transport.Carrier, self identity.Device) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if a.Peer, err = evilpeer.Dial(ctx, carrier, self.PeerID(), identity.Address{Peer: identity.PeerID(a.addr.Peer), Host: a.addr.Host}); err != nil {
		return err
	}
	defer a.wg.Wait()
	defer a.Conn.CloseWithError(0, "")
	if err := a.Open(ctx); err != nil {
		return a.unlessClosed(err)
	}
	a.pongs, a.gone = make(chan uint64, 4096), make(chan struct{})
	a.wg.Go(a.read)
	answers := rand.New(rand.NewPCG(a.seed, a.rng.Uint64()))
	a.wg.Go(func() { a.answer(ctx, answers) })
	hello := a.Greeting(a.Offer(a.corpus.topic))
	greeting := evilpeer.Encoded(hello)
	if a.rng.IntN(20) == 0 {
		greeting = spoil(a.rng, greeting)
	}
	a.sessions.Add(1)
	if ok, err := a.say(ctx, 0, greeting); !ok {
		return err
	}
	for i := range uint64(bursts) {
		frames := make([][]byte, 1+a.rng.IntN(burst))
		for j := range frames {
			frames[j] = frame(a.rng, a.corpus.message(a.rng))
		}
		if a.rng.IntN(4) == 0 {
			a.transfer(ctx)
		}
		if ok, err := a.say(ctx, 1+i%9, frames...); !ok || a.left.Load() <= 0 {
			return err
		}
	}
	return nil
}

// unlessClosed makes nothing of an error that the victim's hanging up explains.
func (a *attacker) unlessClosed(err error) error {
	if a.Conn.Err() != nil {
		return nil
	}
	return err
}

// say sends frames, and asks for the proof of an event to know that they were
// read. False says that the session is over: one of them was read then.
func (a *attacker) say(ctx context.Context, seq uint64, frames ...[]byte) (bool, error) {
	ping := evilpeer.Encoded(&messages.ProofRequest{Log: a.corpus.victim, Seq: seq})
	for _, f := range append(frames, ping) {
		if err := a.Raw(f); err != nil {
			a.Conn.CloseWithError(0, "") // nothing more can be said: the reader ends
			<-a.gone
			a.count(1)
			return false, nil
		}
	}
	for {
		select {
		case pong := <-a.pongs:
			if pong == seq {
				a.count(len(frames))
				return true, nil
			}
		case <-a.gone:
			a.count(1)
			return false, nil
		case <-ctx.Done():
			return false, fmt.Errorf("the victim neither answers nor hangs up for %v", patience)
		}
	}
}

// count counts frames that were read. A session that found no place, or gave it
// to another, read none for sure.
func (a *attacker) count(n int) {
	select {
	case <-a.gone:
		if a.code == messages.CodeBusy || a.code == messages.CodeClosing {
			return
		}
	default:
	}
	a.frames.Add(uint64(n))
	a.left.Add(-int64(n))
}

// read takes what the victim says, until it ends the session.
func (a *attacker) read() {
	defer close(a.gone)
	for {
		m, err := a.Read()
		if err != nil {
			var c *transport.ClosedError
			if errors.As(a.Conn.Err(), &c) && c.Remote {
				a.code = messages.Code(c.Code)
			}
			return
		}
		switch m := m.(type) {
		case *messages.Error:
			a.code = m.Code
			return
		case *messages.Bye:
			a.code = m.Code
			return
		case *messages.ProofResponse:
			if m.Log == a.corpus.victim {
				select {
				case a.pongs <- m.Seq:
				default: // of those that nobody waits for
				}
			}
		}
	}
}

// transfer asks for pages, rightly or not, and reads some of what comes.
func (a *attacker) transfer(ctx context.Context) {
	request := frame(a.rng, a.corpus.request(a.rng))
	read := int64(a.rng.IntN(40_000))
	a.wg.Go(func() {
		stream, err := a.Transfer(ctx, request)
		if err != nil {
			return
		}
		defer stream.Cancel(0)
		stream.SetReadDeadline(time.Now().Add(time.Second)) // a request cut short is not answered
		io.CopyN(io.Discard, stream, read)
	})
}

// answer serves the victim's pulls with runs, true and spoiled.
func (a *attacker) answer(ctx context.Context, rng *rand.Rand) {
	long := a.corpus.logs[3]
	for ctx.Err() == nil {
		_, err := a.Serve(ctx, rng.IntN(8) > 0, func(req *messages.PageRequest) [][]byte {
			from := int(min(req.From, uint64(long.Pages()-1)))
			if rng.IntN(4) == 0 {
				from = rng.IntN(long.Pages())
			}
			m, pages := long.Run(from, min(from+1+rng.IntN(64), long.Pages()))
			if rng.IntN(4) == 0 {
				pages[rng.IntN(len(pages))] ^= 1
			}
			return [][]byte{frame(rng, m), pages}
		})
		if err != nil && a.Conn.Err() != nil {
			return
		}
	}
}
