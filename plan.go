// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A Plan is what opening a store would do to its files, or why it would refuse.
type Plan struct {
	Refused []Disagreement `json:"refused"`
	Steps   []PlanStep     `json:"steps"`
	// Copy is why the store is taken for a copy, if it is: opening it makes it a new
	// device.
	Copy string `json:"copy,omitempty"`
}

// A Disagreement is why a store cannot be opened as it is.
type Disagreement struct {
	Kind string `json:"kind"` // which file: "format", "identity", "aof", "older", "pages", "head", "link"
	Log  string `json:"log,omitempty"`
	What string `json:"what"`
	Do   string `json:"do"` // the next step
}

// A PlanStep is one thing that opening does. None loses bytes that check, but those that
// can be made again.
type PlanStep struct {
	Action string `json:"action"` // "leave", "move", "copy", "cut" or "remove"
	Log    string `json:"log,omitempty"`
	File   string `json:"file,omitempty"`
	Pages  uint64 `json:"pages,omitempty"`
	Why    string `json:"why"`
}

// PlanOf returns what opening the store in dir, which must not be open, would do.
// It changes nothing. The error is what keeps it from looking.
func PlanOf(dir string, o *CheckOptions) (_ Plan, err error) {
	defer out(&err)
	if o == nil {
		o = &CheckOptions{}
	}
	inner, err := store.PlanDir(dir, o.Passphrase)
	p := Plan{Refused: append([]Disagreement{}, disagreementsOf(inner.Refused)...), Steps: []PlanStep{}, Copy: inner.Copy}
	for _, s := range inner.Steps {
		p.Steps = append(p.Steps, PlanStep{Action: string(s.Action), Log: s.Log, File: s.File, Pages: s.Pages, Why: s.Why})
	}
	return p, err
}

func disagreementsOf(inner []recovery.Disagreement) (all []Disagreement) {
	for _, d := range inner {
		all = append(all, Disagreement{Kind: string(d.Kind), Log: d.Log, What: d.What, Do: d.Do})
	}
	return all
}
