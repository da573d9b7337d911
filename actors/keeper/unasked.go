// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Rule: asks are rare among the events of a data log, and which of them are settled is the
// roster's to say. So what is kept of a log is a stretch without asks that begins where
// they were settled: whatever a later roster takes back lies before it.

// unaskedEvents is how many more events without asks are worth a row.
const unaskedEvents = 4096

// next returns where to read on in a log, all of whose asks below settled are. A roster
// that settles less than it did, as another one decides by now, has all read again.
func (k *Keeper) next(a *asked, l *store.Log, settled uint64) (uint64, error) {
	log := l.ID
	if read, begun := a.read[log]; begun && a.since[log] <= settled {
		return max(read, settled), nil
	}
	a.since[log] = settled
	delete(a.waits, log)
	a.order = slices.DeleteFunc(a.order, func(id digest.Hash) bool { return id == log })
	kept, err := k.Store.Unasked(l)
	if err == nil && kept.From <= settled && settled < kept.To {
		settled = kept.To
	}
	a.kept[log] = kept
	return settled, err
}

// keepUnasked keeps where nothing is asked for, of logs in which that is much more than is
// kept.
func (k *Keeper) keepUnasked(a *asked, st *roster.State) error {
	if k.Store.ReadOnly() != nil {
		return nil
	}
	news := map[digest.Hash]layout.Stretch{}
	for log, read := range a.read {
		at := layout.Stretch{From: st.Settled(log), To: read}
		if waits := a.waits[log]; len(waits) > 0 {
			at.To = waits[0].Seq
		}
		if at.To < a.kept[log].To+unaskedEvents || at.To < at.From {
			continue
		}
		l, err := k.Store.Log(log)
		if err != nil {
			return err
		}
		if l.State().Size >= at.To { // else a cut took some of it back
			news[log] = at
		}
	}
	if len(news) == 0 {
		return nil
	}
	rows, err := k.Store.UnaskedRows(news)
	if err != nil {
		return err
	}
	maps.Copy(a.kept, news)
	return k.Pipeline.Do(k.Context, rows)
}
