// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/memlog"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// pageBytes is the smallest page size, so that 64 pages are few events.
const pageBytes = segwriter.MinPageBytes

// A log is one log of a model store. Whoever brings events to it checked the signature of
// their head.
type log struct {
	memlog.Log
	info   syncer.LogInfo // what never changes
	summed uint64         // as which size it is in its store's digest
	why    event.Reason   // that the log is closed for; 0 if it is not
}

// state is what a store publishes of the log.
func (l *log) state() syncer.LogInfo {
	i := l.info
	i.Size, i.Root, i.Head, i.Right = l.Size(), l.Root(l.Size()), l.Head, l.Right
	i.Pages, i.SealedSize = uint64(len(l.Pages())), l.Sealed()
	return i
}

// copied returns the log as it is now; it shares what does not change.
func (l *log) copied() *log {
	return &log{Log: l.Clone(), info: l.info, why: l.why}
}
