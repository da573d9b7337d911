// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// epochFirst makes the epoch that is due, if one is.
func (d *Desk) epochFirst(w *draft) error {
	if !d.EpochDue() {
		return nil
	}
	return d.newEpoch(w)
}

// withhold makes an epoch before a record that lets somebody in who is to read nothing that
// was sealed until then: events under it are all that the newcomer gets.
func (d *Desk) withhold(w *draft, r roster.Record) error {
	if w.Epoch != nil || !d.withholds(r) {
		return nil
	}
	return d.newEpoch(w)
}

// withholds reports whether a record lets somebody in who is to read nothing of before.
func (d *Desk) withholds(r roster.Record) bool {
	if !d.hasEpochs() || !d.state.Genesis().Policy.Has(identity.PolicySealed) || d.state.Genesis().Policy.Has(identity.PolicyHistory) {
		return false
	}
	switch r := r.(type) {
	case *roster.MakeInvite:
		return r.Invite.Role.Reads() && r.Invite.Link == nil
	case *roster.Admit:
		return r.By == nil && r.Role.Reads()
	}
	return false
}

// newEpoch adds an epoch for all who belong now.
func (d *Desk) newEpoch(w *draft) error {
	e, err := d.draw()
	if err != nil {
		return err
	}
	to := d.state.Recipients()
	info, err := seal.NewInfo(e.Number, e.Secret, e.Join, readers(to))
	if err != nil {
		return err
	}
	step, err := d.step(e, &info)
	if err != nil {
		return err
	}
	boxes, err := d.seal(w, to, e)
	if err != nil {
		return err
	}
	r := &roster.Epoch{Number: info.Number, ID: info.ID, Join: info.JoinHash, Readers: info.Readers, Boxes: *boxes, Step: step}
	if err := d.apply(w, r); err != nil {
		return err
	}
	w.Epoch, d.epoch = e, e
	return nil
}

// draw returns the secrets of the next epoch.
func (d *Desk) draw() (*EpochSecret, error) {
	e := new(EpochSecret)
	if before, ok := d.state.Epoch(); ok {
		e.Number = before.Number + 1
	}
	var err error
	if e.Secret, err = seal.ReadSecret(d.random); err != nil {
		return nil, err
	}
	e.Join, err = seal.ReadSecret(d.random)
	return e, err
}

// step returns the step from an epoch to the one before, if newcomers read history.
// It leads nowhere if the secret of the one before is not known.
func (d *Desk) step(e *EpochSecret, info *seal.Info) ([]byte, error) {
	if !d.state.Genesis().Policy.Has(identity.PolicyHistory) || e.Number == 0 {
		return nil, nil
	}
	if d.epoch == nil {
		b := make([]byte, seal.StepBytes)
		_, err := io.ReadFull(d.random, b)
		return b, err
	}
	before, _ := d.state.Epoch()
	s := seal.SealStep(e.Secret, info.ID, before.ID, d.epoch.Secret)
	return s[:], nil
}

// readers returns recipients as package seal has them.
func readers(all []roster.Recipient) []seal.Reader {
	rs := make([]seal.Reader, len(all))
	for i, r := range all {
		kem, _ := publicKey(r.KEM) // the fold lets in KEM keys of this length only
		rs[i] = seal.Reader{ID: seal.Recipient(r.ID), Kind: r.Kind, KEM: kem}
	}
	return rs
}
