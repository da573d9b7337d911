// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A row is one entry on disk, under the peer's id (docs/format.md, "Peers").
// Numbers are little-endian, times are milliseconds since 1970, 0 for none.
//
//	0   u8   version, 1
//	1   u8   places
//	2   u8   topics
//	3   u8   length of the last error
//	4   u16  failures
//	6   u16  day of the first proof, since 1970; 0: not known
//	8   i64  seen
//	16  i64  erred
//	then the topics, 32 bytes each,
//	the last error,
//	and each place: i64 proven | source (32) | u8 public | u16 length | host
const (
	rowVersion = 1
	rowHeader  = 24
	placeFixed = 8 + 32 + 1 + 2

	lastMillis = 253402300799999 // of the year 9999
)

// ErrRow is returned for a row that does not decode.
var ErrRow = errors.New("malformed row of a peer")

// Changes returns the rows that changed since it was last called; a nil row
// says that the peer is gone.
func (b *Book) Changes() map[identity.PeerID][]byte {
	rows := make(map[identity.PeerID][]byte, len(b.changed))
	for p := range b.changed {
		rows[p] = nil
		if e := b.peers[p]; e != nil && e.Tried {
			rows[p] = e.row()
		}
	}
	clear(b.changed)
	return rows
}

// Load takes in a row that Changes returned.
func (b *Book) Load(p identity.PeerID, row []byte) error {
	e, err := parseRow(p, row)
	if err != nil {
		return err
	}
	e.resume()
	if p != b.self && (len(b.peers) < MaxTried+MaxKept || b.peers[p] != nil) {
		b.peers[p] = e
		b.version++
	}
	return nil
}

// resume goes on with the pause that a row leads to: of all its places, as it does not
// say which of them failed how often.
func (e *Entry) resume() {
	if e.Erred.IsZero() {
		return
	}
	for i := range e.Places {
		p := &e.Places[i]
		p.failed, p.next = e.Failures, e.Erred.Add(Pause(e.Failures, 0))
	}
	e.schedule()
}

// CheckRow says what is wrong with a row.
func CheckRow(p identity.PeerID, row []byte) error {
	_, err := parseRow(p, row)
	return err
}

func (e *Entry) row() []byte {
	le := binary.LittleEndian
	b := []byte{rowVersion, byte(len(e.Places)), byte(len(e.Topics)), byte(len(e.LastError))}
	b = le.AppendUint16(b, uint16(min(e.Failures, math.MaxUint16)))
	b = le.AppendUint16(b, dayOf(e.First))
	b = le.AppendUint64(b, millis(e.Seen))
	b = le.AppendUint64(b, millis(e.Erred))
	for _, t := range e.Topics {
		b = append(b, t[:]...)
	}
	b = append(b, e.LastError...)
	for _, p := range e.Places {
		b = le.AppendUint64(b, millis(p.Proven))
		b = append(b, p.Source[:]...)
		public := byte(0)
		if p.Public {
			public = 1
		}
		b = append(b, public)
		b = le.AppendUint16(b, uint16(len(p.Host)))
		b = append(b, p.Host...)
	}
	return b
}

func parseRow(peer identity.PeerID, b []byte) (*Entry, error) {
	bad := func(what string) error { return fmt.Errorf("%w: peer %s: %s", ErrRow, peer.Short(), what) }
	le := binary.LittleEndian
	if len(b) < rowHeader || b[0] != rowVersion {
		return nil, bad(fmt.Sprintf("%d bytes that do not begin with version %d", len(b), rowVersion))
	}
	places, topics, errLen := int(b[1]), int(b[2]), int(b[3])
	e := &Entry{Peer: peer, Tried: true, Failures: int(le.Uint16(b[4:])), First: dayAt(le.Uint16(b[6:])), Seen: at(le.Uint64(b[8:])), Erred: at(le.Uint64(b[16:]))}
	b = b[rowHeader:]
	if places > MaxPlaces || topics > MaxTopics || errLen > MaxErrText || len(b) < 32*topics+errLen {
		return nil, bad(fmt.Sprintf("%d places, %d topics, an error of %d bytes in %d", places, topics, errLen, len(b)))
	}
	for range topics {
		e.Topics = append(e.Topics, digest.Hash(b[:32]))
		b = b[32:]
	}
	e.LastError, b = string(b[:errLen]), b[errLen:]
	for range places {
		if len(b) < placeFixed || len(b) < placeFixed+int(le.Uint16(b[placeFixed-2:])) {
			return nil, bad("a place is cut off")
		}
		n := int(le.Uint16(b[placeFixed-2:]))
		p := Place{Proven: at(le.Uint64(b)), Source: identity.PeerID(b[8:40]), Public: b[40] == 1, Host: string(b[placeFixed : placeFixed+n])}
		if _, err := identity.ParseAddress(identity.Address{Peer: peer, Host: p.Host}.String()); err != nil {
			return nil, bad(err.Error())
		}
		e.Places, b = append(e.Places, p.withNet()), b[placeFixed+n:]
	}
	if len(b) > 0 {
		return nil, bad(fmt.Sprintf("%d bytes after its end", len(b)))
	}
	return e, nil
}

const day = 24 * time.Hour

func dayOf(t time.Time) uint16 {
	if t.IsZero() {
		return 0
	}
	return uint16(min(max(t.Unix(), 0)/int64(day/time.Second), math.MaxUint16))
}

func dayAt(n uint16) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(int64(n)*int64(day/time.Second), 0)
}

func millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.UnixMilli(), 0))
}

func at(ms uint64) time.Time {
	if ms == 0 || ms > lastMillis {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
