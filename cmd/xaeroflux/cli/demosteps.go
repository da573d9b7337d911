// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
)

// liveWithin is how long the demo waits for an event to come over.
const liveWithin = 10 * time.Second

func (d *demo) adaAppends(ctx context.Context, a *app, in *demoInput) (err error) {
	d.step("Ada creates a store and appends %s, one event a line", in.name)
	if d.ada, err = xaeroflux.Open(filepath.Join(d.dir, "ada"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic}); err != nil {
		return err
	}
	m := a.meter("appending", in.total, true)
	defer m.end()
	start := time.Now()
	w := &batcher{b: &local{db: d.ada}, done: func(xaeroflux.Receipt) error { return ctx.Err() }}
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		d.sum.Bytes += uint64(len(line))
		m.add(int64(len(line)) + 1)
		if err := w.add(ctx, xaeroflux.Event{Type: "line", Payload: line}); err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	m.end()
	h := d.ada.Head()
	if h.Size == 0 {
		return hint(fmt.Errorf("%s is empty", in.name), "xaeroflux demo without a file, or with another")
	}
	d.sum.Events, d.sum.AppendSeconds, d.sum.Root = h.Size, took.Seconds(), h.Root.String()
	d.fact("%s events, %s, on disk and synced in %s (%s)", count(h.Size), bytesText(d.sum.Bytes), ms(took), perSecond(h.Size, took))
	d.fact("root %s", h.Root)
	d.fact("The log's mountains: perfect trees over so many events each. One hash at each")
	d.fact("top; the root binds them together, and Ada's signature is under the root.")
	d.say("")
	for _, row := range mountains(h.Size) {
		d.fact("  %s", row)
	}
	return nil
}

func (d *demo) benJoins(ctx context.Context) (err error) {
	d.step("Ben joins with Ada's invite and, still offline, writes three notes of his own")
	if d.addr, err = d.ada.Listen(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	invite, err := d.ada.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true}) // or Ben would be online at once
	if err != nil {
		return err
	}
	if d.ben, err = xaeroflux.Open(filepath.Join(d.dir, "ben"), &xaeroflux.Options{Invite: invite}); err != nil {
		return err
	}
	var notes []xaeroflux.Event
	for _, text := range []string{"I was offline", "so I wrote this", "and it will find its way"} {
		notes = append(notes, xaeroflux.Event{Type: "note", Payload: []byte(text)})
	}
	if _, err := d.ben.AppendBatch(ctx, notes); err != nil {
		return err
	}
	d.fact("invite %.24s… (%d characters, with the topic's keys)", invite, len(invite))
	d.fact("Ben's own log: 3 events, root %s", d.ben.Head().Root.Short())
	return nil
}

func (d *demo) benSyncs(ctx context.Context) error {
	d.step("Ben syncs with Ada over QUIC, both ways, and verifies every event he gets")
	r, err := d.ben.Sync(ctx, d.addr.String())
	if err != nil {
		return err
	}
	took := r.Took
	d.sum.SyncSeconds, d.sum.SyncBytes, d.sum.SyncRoundTrips = took.Seconds(), r.BytesIn+r.BytesOut, r.RoundTrips
	d.fact("in   %s events, %d whole pages, %s", count(r.EventsIn), r.PagesIn, bytesText(r.BytesIn))
	d.fact("out  %s events, %d whole pages, %s", count(r.EventsOut), r.PagesOut, bytesText(r.BytesOut))
	d.fact("%s, %d round trips, %s", ms(took), r.RoundTrips, perSecond(r.EventsIn+r.EventsOut, took))
	return nil
}

func (d *demo) adaProves(ctx context.Context) error {
	log := d.ada.Topics()[0].Log()
	seq := log.Size() / 2
	d.step("Ada proves event %s in a file; Ben verifies it with her public key", count(seq))
	text, err := log.ProofFile(ctx, seq)
	if err != nil {
		return err
	}
	at, err := d.ben.Log(log.ID()) // her log, as Ben knows it
	if err != nil {
		return err
	}
	rec, err := at.Get(ctx, seq)
	if err != nil {
		return err
	}
	return d.benVerifies(text, at.Head().VKey(), rec)
}

// benVerifies checks the proof file, and that a forged one is refused.
func (d *demo) benVerifies(text []byte, vkey string, rec xaeroflux.Record) error {
	start := time.Now()
	f, err := proof.ParseFile(text)
	if err != nil {
		return err
	}
	head, leaf, err := f.Verify(vkey)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if !bytes.Equal(f.Extra, rec.Leaf()) {
		return fmt.Errorf("demo: Ada's proof is of another event than Ben's event %d", rec.Seq)
	}
	d.sum.ProofBytes, d.sum.Verified = len(text), true
	d.fact("event    %.60q", rec.Payload)
	d.fact("proof    %d bytes with %d hashes, in a log of %s events", len(text), len(f.Hashes), count(head.Size))
	d.fact("verified in %s: this type, time and %d bytes of payload are event %d", ms(took), leaf.PayloadLen, rec.Seq)
	f.Extra = bytes.Clone(f.Extra)
	f.Extra[len(f.Extra)-1] ^= 1
	if _, _, err := f.Verify(vkey); err == nil {
		return errors.New("a forged event verifies")
	}
	d.sum.ForgeryRefused = true
	d.fact("with one bit of the event changed, the same proof is refused")
	return nil
}

func (d *demo) benAppendsLive(ctx context.Context) error {
	d.step("Ben appends one more; the connection is still up, and Ada sees it come")
	ctx, cancel := context.WithTimeout(ctx, liveWithin)
	defer cancel()
	log := d.ben.Topics()[0].Log()
	start := time.Now()
	r, err := d.ben.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello, Ada")})
	if err != nil {
		return err
	}
	durable := time.Since(start)
	for rec, err := range d.ada.Subscribe(ctx, xaeroflux.Query{Log: log.ID(), From: r.Seq}) {
		if err != nil {
			return err
		}
		took := time.Since(start)
		d.sum.LiveSeconds = took.Seconds()
		d.fact("%q: on Ben's disk after %s, verified and on Ada's after %s", rec.Payload, ms(durable), ms(took))
		return nil
	}
	return fmt.Errorf("demo: Ben's event did not reach Ada within %s", liveWithin)
}
