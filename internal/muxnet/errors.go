// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// DialError turns what dialing a place failed with into one of transport's errors
// and the next step. ctx is the caller's; check says what to look at if
// nobody answers.
func DialError(ctx context.Context, at identity.Address, check string, err error) error {
	place := at.Host
	var wrong *transport.WrongPeerError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &wrong):
		wrong.Host = place
		return wrong
	case errors.Is(err, transport.ErrClosed):
		return err
	case unknownName(err):
		return &transport.WrongPeerError{Host: place, Want: at.Peer}
	case errors.Is(err, peertls.ErrIdentity), errors.As(err, &header):
		return fmt.Errorf("%w: %s: %w; it is no xaeroflux node", transport.ErrRefused, place, err)
	case remoteAlert(err):
		return fmt.Errorf("%w: %s: %w; check the address and the versions", transport.ErrRefused, place, err)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("dial %s: %w", place, ctx.Err())
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: no answer in time: %w; check %s", transport.ErrUnreachable, place, context.DeadlineExceeded, check)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %s: nobody listens there; check %s", transport.ErrRefused, place, check)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: %s hung up; it is no xaeroflux node, or busy: try again later", transport.ErrRefused, place)
	}
	return fmt.Errorf("%w: %s: %w; check %s", transport.ErrUnreachable, place, err, check)
}
