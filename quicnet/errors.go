// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Alerts as QUIC error codes (RFC 9001, 4.8).
const (
	alertNoProtocol = 0x100 + 120
	alertNoName     = 0x100 + peertls.AlertNoName
)

// dialError turns what quic-go says about a dial into one of transport's
// errors and the next step.
func dialError(ctx context.Context, want identity.PeerID, host string, err error) error {
	var wrong *transport.WrongPeerError
	var te *quic.TransportError
	switch {
	case errors.As(err, &wrong):
		wrong.Host = host
		return wrong
	case errors.As(err, &te) && te.Remote && te.ErrorCode == alertNoName:
		return &transport.WrongPeerError{Host: host, Want: want}
	case errors.Is(err, peertls.ErrIdentity):
		return fmt.Errorf("%w: %s: %w; it is no xaeroflux node", transport.ErrRefused, host, err)
	case errors.Is(err, quic.ErrTransportClosed):
		return fmt.Errorf("%w: carrier", transport.ErrClosed)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("dial %s: %w", host, ctx.Err())
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %s: no answer in time: %w; check the address and that its UDP port is open", transport.ErrUnreachable, host, ctx.Err())
	case errors.As(err, &te) && te.ErrorCode == quic.ConnectionRefused:
		return fmt.Errorf("%w: %s: it does not listen or is busy; try again later", transport.ErrRefused, host)
	case errors.As(err, &te) && te.ErrorCode == alertNoProtocol:
		return fmt.Errorf("%w: %s does not speak %s; check the port and the versions", transport.ErrRefused, host, peertls.Protocol)
	case errors.As(err, &te) && te.Remote:
		return fmt.Errorf("%w: %s: %w", transport.ErrRefused, host, err)
	}
	return fmt.Errorf("%w: %s: %w; check the address and that its UDP port is open", transport.ErrUnreachable, host, err)
}

// closedError says why a connection is closed, from quic-go's words for it.
func closedError(err error) *transport.ClosedError {
	var app *quic.ApplicationError
	var te *quic.TransportError
	switch {
	case errors.As(err, &app):
		return &transport.ClosedError{Code: uint64(app.ErrorCode), Reason: app.ErrorMessage, Remote: app.Remote}
	case errors.As(err, &te) && te.Remote && te.ErrorCode.IsCryptoError():
		// The listener looked at our certificate after Dial had returned.
		return &transport.ClosedError{Remote: true, Err: fmt.Errorf("%w: peer refused our identity: %w", transport.ErrRefused, err)}
	}
	return transport.LostError(err)
}

// streamError turns what a stream of conn returned into transport's errors.
func (c *conn) streamError(err error) error {
	var se *quic.StreamError
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.As(err, &se):
		return &transport.StreamError{Code: uint64(se.ErrorCode), Remote: se.Remote}
	case errors.Is(err, quic.ErrStreamClosed):
		return fmt.Errorf("%w: stream's write side", transport.ErrClosed)
	}
	return c.openError(err)
}

// openError is streamError for what opens, accepts or outlives a stream:
// context and deadline errors pass, the rest means that the connection ended.
func (c *conn) openError(err error) error {
	var timeout interface{ Timeout() bool }
	var idle *quic.IdleTimeoutError
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.As(err, &timeout) && timeout.Timeout() && !errors.As(err, &idle) {
		return err
	}
	return closedError(err)
}
