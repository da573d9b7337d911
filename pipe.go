// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
)

// carrierPipe is what PeerStatus.Carrier says of SyncOver and ServeOver.
const carrierPipe = "pipe"

// SyncOver is Sync over any pair of pipes, with a peer at the other end that
// calls ServeOver: a serial line, a socket of the program's own, what a command
// reads and prints. place says for people where they lead. rw is closed when
// SyncOver returns. A peer that says nothing has two minutes, as a person may have to
// type a password at the other end; a ctx with a deadline makes it less.
//
// The peer is not named beforehand. It proves a key, and no event is exchanged
// with it before both sides proved that they know a topic's key; who is at the
// other end learns our peer id and how many topics we have, not which.
func (db *DB) SyncOver(ctx context.Context, rw io.ReadWriteCloser, place string) (_ SyncReport, err error) {
	defer db.out(&err)
	if err := db.meets(); rw == nil || err != nil {
		return SyncReport{}, fmt.Errorf("sync over %s: %w", place, noPipe(rw, err))
	}
	conn, err := db.pipes.Connect(ctx, rw, identity.PeerID{}, place)
	if err != nil {
		return SyncReport{}, fmt.Errorf("sync over %s: %w", place, err)
	}
	r, err := db.node.Mesh().SyncConn(ctx, conn, carrierPipe)
	if err != nil {
		return reportOf(r), fmt.Errorf("sync over %s: %w", place, err)
	}
	db.settle(ctx)
	return reportOf(r), nil
}

// noPipe is the error of pipes that are not used, which are closed.
func noPipe(rw io.Closer, err error) error {
	if rw == nil {
		return fmt.Errorf("%w: no pipes", ErrOptions)
	}
	return errors.Join(err, rw.Close())
}

// ServeOver runs one session on a pair of pipes, at whose other end a peer
// calls SyncOver, and returns when the peer has left. rw is closed then.
func (db *DB) ServeOver(ctx context.Context, rw io.ReadWriteCloser, place string) (err error) {
	defer db.out(&err)
	if err := db.meets(); rw == nil || err != nil {
		return fmt.Errorf("serve %s: %w", place, noPipe(rw, err))
	}
	conn, err := db.pipes.Accept(ctx, rw, place)
	if err == nil {
		err = db.node.Mesh().ServeConn(ctx, conn, carrierPipe)
	}
	if err != nil {
		return fmt.Errorf("serve %s: %w", place, err)
	}
	return nil
}
