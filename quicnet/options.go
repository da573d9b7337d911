// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// Options shape a Carrier. The zero value suits a desktop or a server.
type Options struct {
	// MaxStreamWindow and MaxConnWindow are how many bytes a peer may send
	// ahead of us on one stream and in all. Big windows are what makes one
	// stream fast; they are also memory that a peer can make us hold. Default
	// 32 and 48 MiB; Phone says 2 and 4.
	MaxStreamWindow, MaxConnWindow uint64
	// MaxIncomingStreams is how many streams a peer may have open. Default 256.
	MaxIncomingStreams int64
	// IdleTimeout ends a connection on which nothing came in for so long, and
	// is how long a vanished peer can go unnoticed by one who sends nothing.
	// The smaller of both sides' counts. Default 5 minutes.
	//
	// It is a backstop: whoever uses a connection asks for signs of the peer
	// while it is used, and a quiet one costs no packet here.
	IdleTimeout time.Duration
	// HandshakeTimeout is how long a handshake may make no progress; in all it
	// may take twice as long. Default 5 seconds.
	HandshakeTimeout time.Duration
	// Doorway counts incoming connections until they are admitted, for several
	// carriers together. From a quarter of its places on, an address must first
	// prove that it can receive. Default one of this carrier alone, of
	// transport.Strangers.
	Doorway *transport.Doorway
	// ListenAddr is where Listen("") listens. Default ":0".
	ListenAddr string
}

// Phone is Options for a device where memory and battery are short.
var Phone = Options{MaxStreamWindow: 2 << 20, MaxConnWindow: 4 << 20, MaxIncomingStreams: 32}

func (o Options) withDefaults() Options {
	o.MaxStreamWindow = orDefault(o.MaxStreamWindow, 32<<20)
	o.MaxConnWindow = max(orDefault(o.MaxConnWindow, 48<<20), o.MaxStreamWindow)
	o.MaxIncomingStreams = orDefault(o.MaxIncomingStreams, 256)
	o.IdleTimeout = orDefault(o.IdleTimeout, 5*time.Minute)
	o.HandshakeTimeout = orDefault(o.HandshakeTimeout, 5*time.Second)
	if o.Doorway == nil {
		o.Doorway = transport.NewDoorway(transport.Strangers)
	}
	if o.ListenAddr == "" {
		o.ListenAddr = ":0"
	}
	return o
}

func orDefault[T int | int64 | uint64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
