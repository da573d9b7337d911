// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"fmt"
	"math"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A bound is what an option that is a number may be; zero is its default. Those that
// are times count nanoseconds.
type bound struct {
	name        string
	value       int64
	least, most int64
}

const (
	anyCount = math.MaxInt64
	longest  = int64(10 * 365 * 24 * time.Hour) // some waits are multiplied
)

// bounds are of all options that are numbers.
func (o *Options) bounds() []bound {
	return []bound{
		{"PageBytes", int64(o.PageBytes), segwriter.MinPageBytes, segwriter.MaxPageBytes},
		{"SegmentPages", int64(o.SegmentPages), 2, segwriter.MaxSegmentPages},
		{"MapBytes", o.MapBytes, 0, aof.MaxMapBytes},
		{"MaxOpenFiles", int64(o.MaxOpenFiles), 0, math.MaxInt32},
		{"StallTimeout", int64(o.StallTimeout), 1, longest},
		{"RetryQUIC", int64(o.RetryQUIC), 1, longest},
		{"PeerTimeout", int64(o.PeerTimeout), 1, longest},
		{"CloseTimeout", int64(o.CloseTimeout), 1, longest},
		{"Quota.StoreBytes", o.Quota.StoreBytes, 0, anyCount},
		{"Quota.FreeBytes", o.Quota.FreeBytes, 0, anyCount},
		{"Quota.LogBytes", o.Quota.LogBytes, 0, anyCount},
	}
}

// check returns an ErrOptions for options that no store can be opened with. It looks
// at all of them before anything is made: a store keeps some for ever.
func (o *Options) check() error {
	for _, b := range o.bounds() {
		if b.value != 0 && (b.value < b.least || b.value > b.most) {
			return fmt.Errorf("%w: %s is %d, want %s, or 0 for the default", ErrOptions, b.name, b.value, b.text())
		}
	}
	if o.PageBytes != 0 {
		if err := segwriter.ValidPageBytes(o.PageBytes); err != nil {
			return fmt.Errorf("%w: PageBytes: %w", ErrOptions, err)
		}
	}
	if err := identity.CheckInviteName(o.TopicName); err != nil {
		return fmt.Errorf("%w: TopicName: %w", ErrOptions, err)
	}
	if _, err := o.Kind.policy(); err != nil {
		return fmt.Errorf("Kind: %w", err)
	}
	for _, p := range o.Peers {
		if _, err := addresses(p); err != nil {
			return fmt.Errorf("%w: Peers: %w", ErrOptions, err)
		}
	}
	if err := o.checkListen(); err != nil {
		return fmt.Errorf("%w: Listen: %w", ErrOptions, err)
	}
	return o.together()
}

// checkListen looks at a place to listen at, unless only the program's carrier knows
// what one is.
func (o *Options) checkListen() error {
	scheme, place := identity.SplitScheme(o.Listen)
	if o.Listen == "" || o.NewCarrier != nil || scheme == identity.SchemeUnix {
		return nil
	}
	_, _, err := net.SplitHostPort(place)
	return err
}

func (b bound) text() string {
	if b.most == anyCount {
		return fmt.Sprintf("at least %d", b.least)
	}
	return fmt.Sprintf("%d to %d", b.least, b.most)
}

// together returns an ErrOptions for options that contradict each other.
func (o *Options) together() error {
	switch {
	case o.MustExist && o.MustCreate:
		return fmt.Errorf("%w: MustExist goes not with MustCreate", ErrOptions)
	case o.ReadOnly && (o.Invite != "" || o.Listen != "" || len(o.Peers) > 0 || o.Adopt || o.Alone || o.MustCreate):
		return fmt.Errorf("%w: ReadOnly goes with none of Invite, Listen, Peers, Adopt, Alone and MustCreate", ErrOptions)
	}
	return nil
}
