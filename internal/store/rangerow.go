// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// keyOf names the row of a part of a log.
func keyOf(log digest.Hash, s syncer.Span) layout.RangeKey {
	return layout.RangeKey{Log: log, First: s.First, End: s.End}
}

func rangeName(log digest.Hash, s syncer.Span) string { return keyOf(log, s).String() }

const _ = uint(aof.MaxRangeBytes - layout.MaxRangeBytes) // any event fits

// decodeRange reads a row; the range is info's and shares b. Whether it is
// proven is not looked at.
func decodeRange(info syncer.LogInfo, s syncer.Span, b []byte) (*syncer.Range, error) {
	r, err := layout.Ranges.ParseValue(keyOf(info.Log, s), b)
	if err != nil {
		return nil, err
	}
	return chunk.OfRow(info, keyOf(info.Log, s), r), nil
}

// splitRangeKey returns what a row is of.
func splitRangeKey(key []byte) (log digest.Hash, s syncer.Span, err error) {
	k, err := layout.Ranges.ParseKey(key)
	return k.Log, syncer.Span{First: k.First, End: k.End}, err
}
