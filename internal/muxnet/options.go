// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"io"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/xaeroflux/xaeroflux/transport"
)

// Options shape a Node. The zero value suits a desktop or a server.
type Options struct {
	// MaxStreams is how many streams each side has open at a time, the same on
	// both. A peer that does not count gets twice as many. Default 128.
	MaxStreams int
	// MaxStreamWindow is how many bytes a peer may send ahead of us on one
	// stream, at least 256 KiB, from where it grows as the link can use it.
	// MaxConnWindow is how far all windows of a connection together may grow
	// past 256 KiB each. Default 8 and 32 MiB; Phone says 1 and 4.
	//
	// They count bytes that a peer sends. yamux keeps each frame that came in a
	// buffer of its own, so that a peer who sends single bytes can make us hold
	// several times as much until they are read.
	MaxStreamWindow, MaxConnWindow int
	// HandshakeTimeout is how long a handshake may take. Default 5 seconds.
	HandshakeTimeout time.Duration
	// Doorway counts what listeners take in until it is admitted, for several
	// carriers together. Default one of this node alone, of transport.Strangers.
	Doorway *transport.Doorway
	// StallTimeout ends a connection that takes no byte for so long while some
	// wait to be sent. Default 30 seconds.
	StallTimeout time.Duration
}

// Phone is Options for a device that is short of memory.
var Phone = Options{MaxStreams: 32, MaxStreamWindow: 1 << 20, MaxConnWindow: 4 << 20}

const (
	baseWindow  = 256 << 10 // yamux's first window of every stream
	frameBytes  = 16 << 10  // of yamux: one TLS record
	never       = 10 * 365 * 24 * time.Hour
	goodbyeTime = time.Second // for the last word and the peer's hanging up
)

func (o Options) withDefaults() Options {
	o.MaxStreams = orDefault(o.MaxStreams, 128)
	o.MaxStreamWindow = max(orDefault(o.MaxStreamWindow, 8<<20), baseWindow)
	o.MaxConnWindow = orDefault(o.MaxConnWindow, 32<<20)
	o.HandshakeTimeout = orDefault(o.HandshakeTimeout, 5*time.Second)
	if o.Doorway == nil {
		o.Doorway = transport.NewDoorway(transport.Strangers)
	}
	o.StallTimeout = orDefault(o.StallTimeout, 30*time.Second)
	return o
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// yamuxConfig is the same for both ends. The round trip is measured once, for
// the windows to grow by, and nothing is sent by the clock after that.
func (o Options) yamuxConfig() *yamux.Config {
	// The peer counts a stream out when it has our end of it, which yamux here
	// does only after that end was sent: for a moment we count more than it.
	limit := 2 * o.MaxStreams
	return &yamux.Config{
		AcceptBacklog:           limit, // OpenStream waits for a slot of ours before
		PingBacklog:             4,
		MeasureRTTInterval:      never,
		ConnectionWriteTimeout:  o.StallTimeout,
		MaxIncomingStreams:      uint32(limit),
		InitialStreamWindowSize: baseWindow,
		MaxStreamWindowSize:     uint32(o.MaxStreamWindow),
		LogOutput:               io.Discard, // what matters comes back as an error
		ReadBufSize:             4096,
		MaxMessageSize:          frameBytes,
	}
}
