// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Quota bounds what a store takes. A field of zero is no bound.
type Quota struct {
	// StoreBytes is of all files of the store, for appends here and from
	// peers. Segment files count whole from when they are begun.
	StoreBytes int64
	// FreeBytes must stay free on the file system of the store, for appends
	// here and from peers.
	FreeBytes int64
	// LogBytes is of the events of one log of somebody else. A member that makes
	// further keys has further logs: StoreBytes and FreeBytes bound all of them.
	LogBytes int64
}

// Options for Open. The zero value, like nil, means the defaults. A value out of
// bounds, or negative, is an ErrOptions, and nothing is created.
type Options struct {
	// Invite is the topic that a new store begins with, as another store's
	// Invite returned it. Default: a new topic of its own. An existing store
	// joins it as a further topic, unless Leave was called for it. The peers named in
	// it are kept connected.
	Invite string
	// TopicName is what to call the topic that a new store founds, here and in
	// invites: at most 64 bytes, printable. Default: none.
	TopicName string
	// Kind is of the topic that a new store founds: who takes part, and who can read it.
	// Default: PrivateTopic.
	Kind TopicKind
	// MustExist refuses to create a store, and to go on with a creation that was cut
	// off. Default: Open creates one.
	MustExist bool
	// MustCreate refuses to open a store that is there already, with ErrExists,
	// unless its creation was cut off before its first topic.
	// Default: Open opens it.
	MustCreate bool

	// Passphrase asks for the passphrase of the store, and is called only if it has one;
	// what it returns is wiped after use. Default: such a store is an ErrPassphrase.
	Passphrase func() ([]byte, error)
	// NewPassphrase is the passphrase of a store that is created; see SetPassphrase.
	// Default: none.
	NewPassphrase []byte

	// ReadOnly opens a store that is there without changing anything on disk: also
	// on one that may not be written, and next to others that only read. Acknowledged
	// events can be read, proven and checked; everything else returns
	// ErrReadOnly, and no peer is met. While another has the store open to write,
	// Open returns ErrInUse: a snapshot next to a writer would need a lock in the
	// store, and that is a change. Default: the store is opened to be written.
	ReadOnly bool

	// Place names the place that the store's data lies in, for systems that keep
	// moving it between machines of one kind: as long as the name is the same, it
	// is where it was. A store that is found elsewhere is a copy, and goes on as
	// a new device; see DB.Moved. Default: what the system says of machine, disk
	// and directory.
	Place string
	// Adopt keeps the store the device that it was, though it is found in another
	// place. No other copy of it may be used from then on, or its logs fork.
	Adopt bool
	// Alone lets a store append that was restored from a backup and adopted, and has
	// met no peer since: no peer holds events of it that are not here, or its logs
	// fork. Without it such an append is an ErrRestored until a sync.
	Alone bool

	// PageBytes is the page size of the logs of topics that are founded here:
	// 4096, 8192, 16384, 32768 or 65536. It is part of the topic, and of the id of
	// every log in it. Default: what the store was created with, 16384 for a new
	// one.
	PageBytes int
	// SegmentPages is the number of pages in one segment file of a store that
	// is created, 2 to 65536. Default: 1024.
	SegmentPages int
	// MapBytes is the initial size of the AOF's memory map; it grows by
	// itself. Default: 64 MiB.
	MapBytes int64

	// MaxOpenFiles is how many page files are kept open or mapped, those that
	// wait for a sync included: at that number the oldest is synced and closed.
	// Beyond it are the AOF, sockets, and pages that are being read. Default: a
	// quarter of the descriptors that the process may have, at most 128.
	MaxOpenFiles int

	// Listen is where peers may connect, "host:port" by QUIC and TCP or any
	// other place that DB.Listen takes; port 0 picks one, the same each time if
	// nobody else has it. Default: none, peers cannot connect to us.
	Listen string
	// Peers are kept connected: addresses ("<peer id>@host:port", or as
	// DB.Connect takes them) or invites with addresses in them. Default: none.
	Peers []string
	// Advertise lets peers tell each other where this store listens, so that
	// members of a topic find it without an invite that names it. Default:
	// only peers that connect to it know where it is.
	Advertise bool
	// StallTimeout is how long a session may stand still while its peer owes
	// something, before it is closed and dialed anew. Default: 30 s.
	StallTimeout time.Duration
	// Doze spares the battery of a phone: sessions that are quiet ask their peers
	// every 2 minutes whether they are there, instead of every 15 seconds, and
	// peers do not ask more often. The price: while nothing is sent, a peer that is
	// gone, and one that cannot reach us any more because a NAT forgot the way, is
	// noticed that much later, and "in sync" may be 2 minutes old. A push that does
	// not arrive, and NetworkChanged, are looked after as ever. Default: off.
	Doze bool
	// NewCarrier makes what moves bytes between peers from the key whose public half is
	// the store's PeerID, which it must prove to hold. Default: raw QUIC (package quicnet),
	// and TCP (package tcpnet) if QUIC does not get through, with windows
	// for a desktop; quicnet.Phone has smaller ones. Unix sockets are there in
	// any case. Names of hosts are then the carrier's own: it is handed those
	// that peers told as they are, and has to keep them from what is private.
	NewCarrier func(key ed25519.PrivateKey) (transport.Carrier, error)
	// RetryQUIC is how long a session that fell back to TCP lasts before QUIC
	// is tried again; the pause doubles to five times that. Default: 1 minute.
	RetryQUIC time.Duration

	// PeerTimeout is how long a peer may take over its greeting. It has three
	// times as long for what follows, and six times as long for each part of
	// what is on its way. Default: 10 s.
	PeerTimeout time.Duration

	// Quota bounds what the store takes, from its application and from peers.
	// Default: nothing is bounded.
	Quota Quota

	// Logger receives what goes on. A logger of another library comes by its
	// handler, as zap's does: slog.New(zapslog.NewHandler(log.Core())).
	// Default: nothing is logged.
	Logger *slog.Logger
	// Actors are for a program that has actors of its own. Default: nothing is shared.
	Actors ActorOptions
	// Now is the clock of event times, which many goroutines ask. If it gets ahead of the machine's by seconds,
	// that is taken for a sleep, as after NetworkChanged. Default: time.Now.
	Now func() time.Time
	// CloseTimeout is how long Close waits for work under way. Default: 10 s.
	CloseTimeout time.Duration

	fault pipeline.Fault // kills stages in tests
}

func (o *Options) withDefaults() (Options, error) {
	var d Options
	if o != nil {
		d = *o
	}
	if err := d.check(); err != nil {
		return d, err
	}
	if d.SegmentPages == 0 {
		d.SegmentPages = 1024
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.CloseTimeout == 0 {
		d.CloseTimeout = 10 * time.Second
	}
	d.MustExist = d.MustExist || d.ReadOnly
	return d, nil
}
