// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"log/slog"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// maxTold bounds the faults of a topic's roster that are told one by one: a steward can
// write any number of them. All are in its status.
const maxTold = 100

// look notes that a topic's roster, or what comes with it, may have faults.
func (k *Keeper) look(topic identity.TopicID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.suspects[topic] = true
}

// tellFaults tells what is newly wrong with a topic's roster, but for what may be none once
// more is here.
func (k *Keeper) tellFaults(topic identity.TopicID) error {
	k.mu.Lock()
	suspect := k.suspects[topic]
	delete(k.suspects, topic)
	k.mu.Unlock()
	if !suspect {
		return nil
	}
	all, err := k.Store.RosterFaults(topic, false)
	if err != nil {
		return err
	}
	for i := range all {
		f := &all[i]
		at := faultAt{f.Kind, f.Log, f.Seq}
		if f.Kind.Passes() || k.told[topic][at] || len(k.told[topic]) == maxTold {
			continue
		}
		if k.told[topic] == nil {
			k.told[topic] = map[faultAt]bool{}
		}
		k.told[topic][at] = true
		k.Logger.Warn("something is wrong with the roster of a topic", slog.String("topic", topic.Short()), slog.String("fault", string(f.Kind)),
			slog.String("log", f.Log.String()), slog.Uint64("record", f.Seq), slog.Any("error", f))
		k.Found(f)
	}
	return nil
}

// faultAt is what a fault is told once for.
type faultAt struct {
	kind store.FaultKind
	log  digest.Hash
	seq  uint64
}
