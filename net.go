// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A PeerStatus is what is known of one connected peer.
type PeerStatus = actors.PeerStatus

// A SyncReport says what a Sync moved and how long it took.
type SyncReport = actors.SyncReport

// A quiet session costs a packet now and then, so that it outlives the idle
// timeout of the carrier and a lost peer is noticed.
const keepAlive = 2 * time.Minute

func (o Options) carrier(seed identity.Seed) (transport.Carrier, error) {
	if o.NewCarrier != nil {
		return o.NewCarrier(seed)
	}
	return quicnet.New(seed.PeerKey(), quicnet.Options{KeepAlive: keepAlive})
}

// invite returns the invite of the options, or nil.
func (o Options) invite() (*identity.Invite, error) {
	if o.Invite == "" {
		return nil, nil
	}
	return identity.ParseInvite(o.Invite)
}

// Listen lets peers connect at a UDP address, "host:port"; port 0 picks one.
// It returns the address that peers take.
func (db *DB) Listen(ctx context.Context, hostport string) (Address, error) {
	a, err := db.node.Listen(ctx, hostport)
	if err != nil {
		return a, fmt.Errorf("listen: %w", err)
	}
	return a, nil
}

// Connect keeps a peer connected from now on, and connects again whenever the
// connection is lost. The peer is an address ("<peer id>@host:port") or an
// invite with addresses in it.
func (db *DB) Connect(ctx context.Context, peer string) error {
	addrs, err := addresses(peer)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	for _, a := range addrs {
		if err := db.node.Keep(a); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	return ctx.Err()
}

// Sync connects to a peer, or uses the connection there is, and returns when
// both sides hold the same events of every topic they share.
func (db *DB) Sync(ctx context.Context, peer string) (SyncReport, error) {
	addrs, err := addresses(peer)
	if err != nil {
		return SyncReport{}, fmt.Errorf("sync: %w", err)
	}
	var report SyncReport
	for _, a := range addrs {
		if report, err = db.node.Sync(ctx, a); err == nil {
			return report, nil
		}
	}
	return report, fmt.Errorf("sync: %w", err)
}

func addresses(peer string) ([]identity.Address, error) {
	if len(peer) > 3 && (peer[:3] == "xf1" || peer[:3] == "XF1") {
		inv, err := identity.ParseInvite(peer)
		if err != nil {
			return nil, err
		}
		if len(inv.Peers) == 0 {
			return nil, fmt.Errorf("%w: the invite names no address; it was made by a store that does not listen", identity.ErrAddress)
		}
		return inv.Peers, nil
	}
	a, err := identity.ParseAddress(peer)
	return []identity.Address{a}, err
}

// Peers returns the peers that are connected, ordered by id.
func (db *DB) Peers() []PeerStatus { return db.node.Peers() }
