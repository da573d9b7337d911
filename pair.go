// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/pairing"
	"github.com/xaeroflux/xaeroflux/internal/pairnet"
)

// Errors of pairing by a code.
var (
	// ErrPairing is returned by GiveByCode and TakeByCode for an attempt that handed over
	// nothing. It says why, and what to do next.
	ErrPairing = pairing.ErrPairing
	// ErrCodesDiffer is the ErrPairing of a code that was mistyped, or guessed.
	ErrCodesDiffer = pairing.ErrCodesDiffer
	// ErrPairingCode is the ErrPairing of a text that is no code.
	ErrPairingCode = pairing.ErrCode
)

// MaxPairings is how many attempts with a wrong code end GiveByCode: somebody else is
// guessing.
const MaxPairings = 5

// GiveByCode hands a secret text, as an invite, over to another device at hand: show is
// called with six digits for a person to type there, who calls TakeByCode with
// them and a connection to l. Each code serves for one attempt and for ten minutes at
// most; then show is called with the next one.
//
// It returns nil once a device has everything, and closes l in any case. The error is
// ctx's, the listener's, or an ErrPairing after MaxPairings attempts with wrong codes.
// Neither end tells who it is, and nobody who listens in, or takes the place of one of
// them with one guess of a million, learns anything (CPace, draft-irtf-cfrg-cpace-21).
func GiveByCode(ctx context.Context, l net.Listener, text string, show func(code string)) (err error) {
	defer out(&err)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := giving{text: []byte(text), show: show, done: make(chan error, 1)}
	if len(g.text) > pairing.MaxPayload {
		return errors.Join(fmt.Errorf("%w: %w (%d bytes)", ErrOptions, pairing.ErrTooLarge, len(g.text)), l.Close())
	}
	err = g.draw()
	if err == nil {
		context.AfterFunc(ctx, func() { l.Close() })
		var serving sync.WaitGroup
		serving.Go(func() { g.accept(ctx, l) })
		err = g.wait(ctx)
		cancel()
		serving.Wait()
	}
	return wrap("give by code", err)
}

// giving is what GiveByCode waits with.
type giving struct {
	text []byte
	show func(string)
	done chan error // holds one: how it ended

	mu    sync.Mutex // guards what follows
	codes pairing.Codes
	wrong int
}

// draw shows the next code.
func (g *giving) draw() error {
	g.mu.Lock()
	code, err := g.codes.Show(rand.Reader, time.Now())
	g.mu.Unlock()
	if err == nil {
		g.show(code.String())
	}
	return err
}

// wait shows another code each time that one is too old, until all is over.
func (g *giving) wait(ctx context.Context) error {
	old := time.NewTicker(pairing.Lifetime)
	defer old.Stop()
	for {
		select {
		case err := <-g.done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-old.C:
			if err := g.draw(); err != nil {
				return err
			}
		}
	}
}

// connections is how many may be under way at once: one that says nothing burns no code.
const connections = 16

// accept serves all that connect, each for as long as an attempt may take.
func (g *giving) accept(ctx context.Context, l net.Listener) {
	var serving sync.WaitGroup
	defer serving.Wait()
	room := make(chan struct{}, connections)
	for {
		c, err := l.Accept()
		if err != nil {
			g.end(err)
			return
		}
		room <- struct{}{}
		serving.Go(func() {
			g.attempt(ctx, c)
			<-room
		})
	}
}

// attempt serves one connection.
func (g *giving) attempt(ctx context.Context, c net.Conn) {
	took := false
	err := pairnet.Give(ctx, c, func() (pairing.Code, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		took = true
		return g.codes.Take(time.Now())
	}, g.text)
	switch {
	case err == nil:
		g.end(nil)
	case took && ctx.Err() == nil:
		g.failed(err)
	}
}

// failed shows another code, unless somebody is guessing.
func (g *giving) failed(err error) {
	g.mu.Lock()
	g.wrong++
	last := g.wrong == MaxPairings
	g.mu.Unlock()
	if !last {
		err = g.draw()
	}
	if err != nil {
		g.end(err)
	}
}

// end ends GiveByCode, if nothing else did.
func (g *giving) end(err error) {
	select {
	case g.done <- err:
	default:
	}
}

// TakeByCode returns the text that another device, which c leads to and where GiveByCode
// is under way, hands over to whoever has its code. The code is six digits, with spaces
// and dashes anywhere. It closes c. The error is ErrPairingCode, ErrCodesDiffer or
// another ErrPairing; the code has served then, and the other device shows another one.
func TakeByCode(ctx context.Context, c net.Conn, code string) (text string, err error) {
	defer out(&err)
	typed, err := pairing.ParseCode(code)
	if err != nil {
		return "", wrap("take by code", errors.Join(err, c.Close()))
	}
	got, err := pairnet.Take(ctx, c, typed)
	return string(got), wrap("take by code", err)
}
