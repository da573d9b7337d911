// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Rule: the second fold shares no code with the first one but for the decoding of records
// and the rule of which key a log has. No store asks it anything: tests hold State against
// it, and harnesses what stores show. It believes signatures.

// A SlowFold is what a roster says by the second fold.
type SlowFold struct {
	Roles   map[Key]Role        // of the accounts that belong
	Devices map[Key]Key         // those that belong, and whose they are
	Logs    map[digest.Hash]Key // data logs that were admitted, and whose they are
	Cuts    map[digest.Hash]Cut // up to where logs count; of others all does
	Epochs  map[[8]byte]bool    // as sealed payloads name them
}

// FoldSlowly folds the legs of a chain, oldest first, each as far as it counts.
func FoldSlowly(topic digest.Hash, genesisBody []byte, chain []HeldLeg) (*SlowFold, error) {
	g, err := identity.ParseGenesis(genesisBody)
	if err != nil {
		return nil, err
	}
	w := &slow{topic: topic, g: g}
	for i := range chain {
		if err := w.readLeg(&chain[i]); err != nil {
			return nil, err
		}
	}
	return w.answers(), nil
}

// readLeg reads the records of a leg.
func (w *slow) readLeg(l *HeldLeg) error {
	w.steward, w.boxLog = l.Author, BoxLog(w.topic, l.Author, l.Term, l.Leg)
	for i, raw := range l.Records {
		r, err := Decode(raw.Type, raw.Body)
		if err != nil {
			return fmt.Errorf("record %d of log %s: %w", i, l.Log.Short(), err)
		}
		w.pos, w.ms = Position{l.Term, l.Leg, uint64(i) + 1}, raw.Time
		switch r := r.(type) {
		case *Founding:
		case *Begin:
			w.begin(r)
		case *Admit:
			if l.Term == 0 && l.Leg == 0 && i == 1 {
				w.letIn(r) // the owner, whom genesis names
				continue
			}
			w.judge(r)
		default:
			w.judge(r)
		}
	}
	return nil
}

// begin takes note that another leg goes on.
func (w *slow) begin(b *Begin) {
	if w.add(heirIs{}); b.Term != nil {
		w.add(due{})
	}
}

func (w *slow) answers() *SlowFold {
	f := &SlowFold{
		Roles: map[Key]Role{}, Devices: map[Key]Key{}, Logs: map[digest.Hash]Key{}, Cuts: map[digest.Hash]Cut{}, Epochs: map[[8]byte]bool{},
	}
	accounts, devices, _, logs := w.all()
	for _, a := range accounts {
		if r := w.role(a); r != None {
			f.Roles[a] = r
		}
	}
	for _, d := range devices {
		if w.deviceIn(d) {
			f.Devices[d] = w.accountOf(d)
		}
	}
	for _, id := range logs {
		if l, admitted := w.logIn(id); admitted {
			f.Logs[id] = l.account
		}
		if cuts := w.cuts(id); len(cuts) > 0 {
			f.Cuts[id] = cuts[len(cuts)-1]
		}
	}
	for _, e := range w.epochs() {
		f.Epochs[[8]byte(e.ID[:8])] = true
	}
	return f
}
