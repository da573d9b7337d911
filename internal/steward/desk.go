// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// ErrNotSteward is returned if a device cannot write the leg: another one writes
// it, it was handed over or is closed, or nobody belongs to the topic yet.
var ErrNotSteward = errors.New("not the steward of this leg")

// Logs says what the store holds.
type Logs interface {
	// Held returns how much of a data log is held and could be shown to others,
	// with its author's signed head; size 0 and the empty root if none of it is.
	Held(log digest.Hash) (size uint64, root digest.Hash, err error)
}

// An EpochSecret is what an epoch's boxes hold.
type EpochSecret struct {
	Number       uint64
	Secret, Join seal.Secret
}

// Config is what a Desk is made of. All of it is needed, but for Secrets and Founding.
type Config struct {
	State *roster.State // at the end of the leg; the Desk takes a copy
	// Founding are records that State is made of and that are not written yet: the first
	// batch that writes something begins with them, and is of their time, which is Last.
	Founding []roster.Raw
	Device   roster.Key // this one
	// Secrets are all that were kept. The Desk takes the one that the newest
	// epoch was made of. If it is not among them, the Desk makes a new epoch
	// before it lets anybody in, and newcomers read no history before that.
	Secrets []EpochSecret
	Boxes   uint64 // size of the leg's log of boxes
	Last    int64  // time of the newest record of the leg and of that log, milliseconds since 1970
	Logs    Logs
	Rand    io.Reader // crypto/rand's Reader outside of tests
}

// A Desk decides what the steward of a topic writes next. It is ahead of the
// roster by the batches that were not written yet: if one cannot be written, or a
// method returns an error, make a new Desk of what the roster holds. A Desk is
// for one goroutine.
type Desk struct {
	state  *roster.State
	first  []roster.Raw // see Config.Founding
	epoch  *EpochSecret // the newest epoch's; nil if there is none or it is not known
	boxes  uint64
	last   int64
	now    uint64 // seconds since 1970: the clock that invites expire by
	logs   Logs
	random io.Reader
}

// New returns a Desk for the leg that c's state is in. The error is ErrNotSteward.
func New(c Config) (*Desk, error) {
	leg := c.State.Steward()
	switch {
	case !c.State.Founded():
		return nil, fmt.Errorf("%w: its roster is not founded", ErrNotSteward)
	case leg.Author != c.Device:
		return nil, fmt.Errorf("%w: leg %d.%d is of device %s, this is %s", ErrNotSteward, leg.Term, leg.Leg, leg.Author.Short(), c.Device.Short())
	case c.State.Closed() != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotSteward, c.State.Closed())
	}
	d := &Desk{state: c.State.Clone(), first: c.Founding, boxes: c.Boxes, last: c.Last, logs: c.Logs, random: c.Rand}
	d.know(c.Secrets)
	if err := d.writable(); err != nil {
		return nil, err
	}
	return d, nil
}

// know takes the secret of the newest epoch out of those that were kept.
func (d *Desk) know(kept []EpochSecret) {
	e, ok := d.state.Epoch()
	if !ok {
		return
	}
	info := infoOf(&e.Epoch)
	for _, k := range kept {
		if k.Number == e.Number && info.Check(k.Secret) == nil && info.CheckJoin(k.Join) == nil {
			d.epoch = &k
			return
		}
	}
}

// writable returns why nothing can be written: the leg ended by a handover.
func (d *Desk) writable() error {
	if heir := d.state.Heir(); !heir.IsZero() {
		return fmt.Errorf("%w: it was handed over to device %s", ErrNotSteward, heir.Short())
	}
	return nil
}

// State returns the roster with all batches that d made. It is not to be written
// to, and stays as it is until d makes another.
func (d *Desk) State() *roster.State { return d.state }

// EpochDue reports whether the next batch begins an epoch, whatever else is in it.
func (d *Desk) EpochDue() bool {
	return d.hasEpochs() && (d.state.EpochDue() || d.epoch == nil)
}

// hasEpochs reports whether the topic has epochs.
func (d *Desk) hasEpochs() bool { return !d.state.Genesis().Policy.Has(identity.PolicyOpen) }

// infoOf returns what a record says of its epoch.
func infoOf(e *roster.Epoch) seal.Info {
	return seal.Info{ID: e.ID, Number: e.Number, JoinHash: e.Join, Readers: e.Readers}
}
