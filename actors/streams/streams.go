// SPDX-License-Identifier: MPL-2.0

// Package streams asks a peer for something on a stream of its own, and tells
// what became of it.
//
// Rule: there is one way to ask and one set of errors. All that comes is bounded in
// length and in time and decoded here; what it means is the caller's. The package
// knows no session: whoever can open a stream to a peer can be asked (docs/xsp.md,
// Transfers). Whose fault an error is (the peer's, the way's, this machine's) is
// decided here too (blame.go).
//
// Start with Ask.
package streams

import (
	"context"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// An Opener is a peer that can be asked.
type Opener interface {
	Peer() identity.PeerID
	OpenStream(ctx context.Context) (transport.Stream, error)
}

// Ask sends a request on a stream of its own and hands the answer to take. The
// peer may keep still for so long; when ctx ends the stream is broken off, and
// the error is the cause. The result of take is returned.
func Ask(ctx context.Context, o Opener, still time.Duration, req messages.Message, take func(*syncer.Answer) error) (err error) {
	frame, err := messages.AppendFrame(nil, req)
	if err != nil {
		return err
	}
	stream, err := o.OpenStream(ctx)
	if err != nil {
		return err
	}
	defer func() { stream.Cancel(uint64(cancelCode(err))) }()
	defer context.AfterFunc(ctx, func() {
		stream.Cancel(uint64(cancelCode(context.Cause(ctx))))
	})()
	if _, err := stream.Write(frame); err != nil {
		return err
	}
	stream.CloseWrite() // a peer that has answered already reads no more, and says so
	err = take(syncer.NewAnswer(o.Peer(), Patient{stream, still}))
	if err != nil && ctx.Err() != nil { // the stream was broken off here
		return context.Cause(ctx)
	}
	return err
}

// Refuse answers the request of a stream with an ERROR.
func Refuse(stream transport.Stream, still time.Duration, code messages.Code) {
	frame, err := messages.AppendFrame(nil, &messages.Error{Code: code, Text: code.String()})
	if err != nil {
		return
	}
	if _, err := (Patient{stream, still}).Write(frame); err == nil {
		stream.CloseWrite()
	}
}
