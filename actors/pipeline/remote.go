// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// AppendOf is the append of events that a peer brought and that are verified.
func AppendOf(v syncer.Verified) *messages.Append {
	return &messages.Append{
		Log: v.Info.Log, Create: NewLogOf(v.Info), Records: v.Records, Leaves: v.Leaves, First: v.First,
		Remote: &messages.Proven{Head: v.Head, Right: v.Right, Left: v.Left.Hashes(), Root: v.Root, Time: v.Time, Closed: v.Closed},
	}
}

// NewLogOf is the log that is created if it is not there yet.
func NewLogOf(i syncer.LogInfo) *messages.NewLog {
	return &messages.NewLog{LogName: identity.LogName{Topic: i.Topic, Author: i.Author, PageBytes: i.PageBytes, Kind: i.Kind, Number: i.Number}}
}
