// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/carriers"
	"github.com/xaeroflux/xaeroflux/actors/mesh"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/tcpnet"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A SyncReport says what a Sync moved and how long it took.
type SyncReport struct {
	Peer       PeerID        `json:"peer"`
	EventsIn   uint64        `json:"events_in"`
	EventsOut  uint64        `json:"events_out"`
	PagesIn    uint64        `json:"pages_in"`
	PagesOut   uint64        `json:"pages_out"`
	BytesIn    uint64        `json:"bytes_in"` // of the connection, with all that it carried
	BytesOut   uint64        `json:"bytes_out"`
	RoundTrips uint64        `json:"round_trips"` // of the difference of what both sides hold
	Took       time.Duration `json:"took_ns"`
}

func reportOf(r session.Report) SyncReport {
	return SyncReport{
		Peer: PeerID(r.Peer), EventsIn: r.EventsIn, EventsOut: r.EventsOut, PagesIn: r.PagesIn, PagesOut: r.PagesOut,
		BytesIn: r.BytesIn, BytesOut: r.BytesOut, RoundTrips: r.RoundTrips, Took: r.Took,
	}
}

// carriers returns what moves bytes between peers, and the one of them that
// makes connections of pipes.
func (o Options) carriers(device identity.Device) (*carriers.Set, *pipenet.Carrier, error) {
	door := transport.NewDoorway(transport.Strangers)
	pipes, err := pipenet.New(device.PeerKey(), pipenet.Options{Doorway: door})
	if err != nil {
		return nil, nil, err
	}
	if o.NewCarrier != nil {
		own, err := o.NewCarrier(device.PeerKey())
		if err != nil {
			return nil, nil, err
		}
		return carriers.New(carriers.Options{}, []transport.Carrier{own}, pipes), pipes, nil
	}
	quic, err := quicnet.New(device.PeerKey(), quicnet.Options{Doorway: door})
	if err != nil {
		return nil, nil, err
	}
	tcp, err := tcpnet.New(device.PeerKey(), tcpnet.Options{Doorway: door})
	if err != nil {
		return nil, nil, err
	}
	return carriers.New(carriers.Options{}, []transport.Carrier{quic, tcp}, pipes), pipes, nil
}

// lookup returns what resolves the names of hosts, if they are the system's.
func (o Options) lookup() mesh.Lookup {
	if o.NewCarrier != nil {
		return nil
	}
	return mesh.LookupIP
}

// invite returns the invite of the options, or nil.
func (o Options) invite() (*identity.Invite, error) {
	if o.Invite == "" {
		return nil, nil
	}
	return identity.ParseInvite(o.Invite)
}

// Listen lets peers connect at "host:port", by QUIC (UDP) and, for those whose
// network lets no UDP through, by TCP at the same port. Port 0 picks one that follows
// from the peer id, so that peers find this store there again after a restart, or a free
// one if somebody else has that.
// "quic://host:port" and "tcp://host:port" are for one of them, and
// "unix:///path" is for processes of this user on this machine. It returns the
// address that peers take. The error is ErrOptions for no place.
func (db *DB) Listen(ctx context.Context, hostport string) (_ Address, err error) {
	defer db.out(&err)
	if err = db.meets(); err == nil {
		err = db.opts.checkPlace(hostport)
	}
	if err != nil {
		return Address{}, fmt.Errorf("listen: %w", err)
	}
	a, err := db.listen(ctx, hostport) // whose error says where
	if err != nil {
		return Address{}, err
	}
	return addressOf(a), nil
}

// checkPlace checks a place to listen at, which a carrier of the application's own reads by
// itself.
func (o Options) checkPlace(place string) error {
	_, rest := identity.SplitScheme(place)
	_, _, err := net.SplitHostPort(rest)
	if place != "" && (err == nil || o.NewCarrier != nil || strings.HasPrefix(place, "unix:")) {
		return nil
	}
	return fmt.Errorf("%w: %q is no place to listen at; \":4040\" is every network, \"127.0.0.1:0\" this machine", ErrOptions, place)
}

func (db *DB) listen(ctx context.Context, hostport string) (identity.Address, error) {
	if host, free := strings.CutSuffix(hostport, ":0"); free && db.opts.NewCarrier == nil && !strings.HasPrefix(hostport, "unix:") {
		if a, err := db.node.Mesh().Listen(ctx, fmt.Sprintf("%s:%d", host, usualPort(db.PeerID()))); err == nil {
			return a, nil
		}
	}
	return db.node.Mesh().Listen(ctx, hostport)
}

// usualPort is where a store listens if no port is named: below those that systems hand
// out by themselves.
func usualPort(id PeerID) uint32 {
	const first, ports = 20000, 12000
	return first + binary.BigEndian.Uint32(id[:4])%ports
}

// Connect keeps a peer connected from now on, and connects again whenever the
// connection is lost. The peer is an address ("<peer id>@host:port") or an
// invite with addresses in it. An address that names no carrier is tried by QUIC
// and a moment later by TCP; one that names "tcp://" or "quic://" before the
// host only by that. "unix:///path" may go without the peer id.
func (db *DB) Connect(ctx context.Context, peer string) (err error) {
	defer db.out(&err)
	addrs, err := addresses(peer)
	if err = errors.Join(err, db.meets()); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	for _, a := range addrs {
		if err := db.node.Mesh().KeepConnected(a); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
	}
	return ctx.Err()
}

// NetworkChanged tells the store that this machine may be in another network, or
// was asleep: every peer is asked at once whether it is there, and one that does
// not answer within two seconds, or is not connected, is dialed at once. Call it
// when the system says so (ConnectivityManager, NWPathMonitor, netlink); without,
// a connection that is lost is noticed within half a minute, and a sleep of the
// machine by its clocks. It does not wait, and costs a packet for each peer.
func (db *DB) NetworkChanged() {
	if db.meets() == nil {
		db.node.Mesh().NetworkChanged()
	}
}

// Sync connects to a peer, or uses the connection there is, and returns when both
// sides hold what either held of every topic they share when Sync was called, whatever
// is appended meanwhile: every event that one of the two had acknowledged by then is on
// both. If nobody writes that takes a round trip and what is missing, else up to two
// seconds more.
//
// It ends by itself. If something is not on both sides, and nothing that the two hold
// brings it there, the error says why once everything else is: ErrQuota or ErrLog for a
// log that this store leaves alone, ErrPeerFull for one that the peer does, ErrUnsettled
// for branches that contradict each other, ErrNoKeys if one of the two lacks the newest
// key, ErrNotShared if no topic is shared, and ErrNotTaken for what is not stored or
// brought, however often it is tried. A *StallError is a peer that owes something and
// brings nothing, a *PeerError one that broke a rule or ended the session. That is said
// of the two: another peer may bring what is missing.
//
// Three things are not waited for: logs that one side does not follow (Topic.Follow);
// pieces of a log that were fetched beyond a gap, which peers ask for by Fetch; and events
// of a log that its author forked, of which each side keeps what it has (DB.Forks, and
// DB.OwnLogs for those of this store).
func (db *DB) Sync(ctx context.Context, peer string) (_ SyncReport, err error) {
	defer db.out(&err)
	addrs, err := addresses(peer)
	if err = errors.Join(err, db.meets()); err != nil {
		return SyncReport{}, fmt.Errorf("sync: %w", err)
	}
	var report session.Report
	for _, a := range addrs {
		if PeerID(a.Peer) == db.PeerID() {
			err = fmt.Errorf("%w: %s is this store itself", ErrAddress, a)
			continue
		}
		if report, err = db.node.Mesh().Sync(ctx, a); err == nil {
			db.settle(ctx)
			return reportOf(report), nil
		}
	}
	return reportOf(report), fmt.Errorf("sync: %w", db.removedOr(err))
}

// removedOr adds to a sync without a shared topic that this store was removed from all
// its topics, if that is so.
func (db *DB) removedOr(err error) error {
	if !errors.Is(err, ErrNotShared) {
		return err
	}
	c := db.st.Certificates()
	for _, t := range db.st.Topics() {
		if t.Left || db.isHome(TopicID(t.ID)) {
			continue
		}
		if gone, why := c.Removed(t.ID); why != nil || !gone {
			return err
		}
	}
	return fmt.Errorf("%w: %w", err, ErrRemoved)
}

// settle has what a sync brought be read with the keys that came, and topics be joined
// that other devices of the person are in.
func (db *DB) settle(ctx context.Context) {
	db.node.Keeper().Settle(ctx)
	db.node.Home().Settle(ctx)
}

func addresses(peer string) ([]identity.Address, error) {
	if identity.IsInvite(peer) {
		inv, err := identity.ParseInvite(peer)
		if err != nil {
			return nil, err
		}
		if len(inv.Peers) == 0 {
			return nil, fmt.Errorf("%w: the invite names no address: it was made by a store that did not listen, or by a unix socket only, which stands in no invite", identity.ErrAddress)
		}
		return inv.Peers, nil
	}
	a, err := identity.ParseAddress(peer)
	return []identity.Address{a}, err
}
