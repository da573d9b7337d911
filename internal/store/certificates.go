// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Certificates makes and judges certificates by the rosters that this store holds. No
// lock is held while signatures are verified.
func (s *Store) Certificates() syncer.Certificates { return certificates{s} }

type certificates struct{ s *Store }

// Verify implements syncer.Certificates.
func (c certificates) Verify(topic identity.TopicID, binding []byte, dialer bool, body []byte) error {
	x, err := roster.DecodeCertificate(body)
	if err != nil {
		return fmt.Errorf("%w: %w", roster.ErrCertificate, err)
	}
	st, err := c.s.Roster(topic)
	if err != nil {
		return err
	}
	return x.Verify(st, binding, dialer)
}

// Removed implements syncer.Certificates.
func (c certificates) Removed(topic identity.TopicID) (bool, error) {
	t, l, err := c.own(topic)
	if err != nil {
		return false, err
	}
	d, known, _, err := c.s.deviceIn(t, l.Author)
	return known && !d.Belongs && d.Log == l.ID, err // it did not join again
}

// own returns a topic and this store's log in it, whose author is the device.
func (c certificates) own(topic identity.TopicID) (*Topic, *Log, error) {
	t, err := c.s.Topic(topic)
	if err != nil {
		return nil, nil, err
	}
	l, err := c.s.Log(t.Log)
	return t, l, err
}

// deviceIn returns what a topic's roster says of a device, and when that last changed.
func (s *Store) deviceIn(t *Topic, device roster.Key) (d roster.DeviceState, known bool, changed roster.Position, err error) {
	err = s.askRoster(t, func(st *roster.State) {
		d, known = st.Device(device)
		changed, _ = st.Changed(device)
	})
	return d, known, changed, err
}

// Certificate implements syncer.Certificates. One that is too long for its message shows
// fewer legs.
func (c certificates) Certificate(topic identity.TopicID, binding []byte, dialer bool) ([]byte, error) {
	t, l, err := c.own(topic)
	if err != nil {
		return nil, err
	}
	key, ok := c.s.device.AuthorKeyOf(t.Genesis, l.Author)
	if !ok {
		return nil, nil // the log is of another generation of this store, which shows itself no more
	}
	for legs := roster.MaxLegs; legs > 0; legs /= 2 {
		x, err := c.s.certificate(t, l, legs)
		if err != nil || x == nil {
			return nil, err
		}
		if err := x.Sign(t.ID, binding, dialer, key); err != nil {
			return nil, err
		}
		if b, err := roster.AppendCertificate(nil, x); err != nil || len(b) <= maxCertificate {
			return b, err
		}
	}
	return nil, nil
}

// maxCertificate is how long a certificate may be, which is sealed with a tag of 16 bytes.
const maxCertificate = messages.MaxCertificate - 16

// certificate returns what shows that this device belongs, or asks to, with so many legs
// at most; nil if nothing does.
func (s *Store) certificate(t *Topic, own *Log, legs int) (*roster.Certificate, error) {
	d, known, at, err := s.deviceIn(t, own.Author)
	switch {
	case err != nil:
		return nil, err
	case d.Belongs && s.renewal(t, d) != nil:
		return &roster.Certificate{Added: s.renewal(t, d)}, nil
	case d.Belongs:
		return s.member(t, own, at, legs)
	case known && d.Log == own.ID: // it was removed, and a peer may know better
		return s.member(t, own, d.Since, legs)
	}
	if refused, err := s.Refused(t); errors.Is(refused, ErrInviteVoid) || err != nil {
		return nil, err // peers would take it for a stranger's
	}
	return s.askToBelong(own)
}

// member returns the certificate of a device that was admitted at a position; nil if nothing
// shows that.
func (s *Store) member(t *Topic, own *Log, at roster.Position, legs int) (*roster.Certificate, error) {
	m, err := s.membership(t, own.Author, at, legs)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return s.keptMember(t, own)
	}
	return &roster.Certificate{Member: m}, nil
}

// askToBelong returns the certificate of a newcomer, whose log begins with what asks for
// its admission; nil if it does not.
func (s *Store) askToBelong(own *Log) (*roster.Certificate, error) {
	if own.State().Size == 0 {
		return nil, nil
	}
	first, err := s.rawRecord(own, 0)
	if err != nil {
		return nil, err
	}
	var x roster.Certificate
	ask, err := roster.DecodeAsk(first.Type, first.Body)
	if err != nil {
		return nil, nil // it is the application's
	}
	switch a := ask.(type) {
	case *roster.Join:
		x.Invited = a
	case *roster.DeviceAsk:
		x.Added = a
	}
	if x.Device() != own.Author {
		return nil, nil
	}
	return &x, nil
}

// rawRecord returns one record of a log.
func (s *Store) rawRecord(l *Log, seq uint64) (r roster.Raw, err error) {
	err = s.ReadWhole(l, seq, seq+1, func(run Run) error {
		return run.Each(func(_ uint64, rec *event.Record) error {
			r = roster.Raw{Type: string(rec.Type), Time: rec.Time, Body: slices.Clone(rec.Payload)}
			return nil
		})
	})
	return r, err
}
