// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/messages"
)

// Events that a peer listed, and somebody else brought before it is known what the peer
// holds of all logs, are not wanted any more.
func TestBroughtIsNotWanted(t *testing.T) {
	st := newPageTwin(1)
	_, l := peerLog(5)
	v := newVictim(t, st, Limits{})
	list := listOf(false, stateOf(l.state()))
	list.Part = true
	v.hears(t, list)
	err := st.ingest(Verified{Info: l.info, Count: 5, Records: bytes.Join(l.Records, nil), Head: l.Head})
	if err != nil {
		t.Fatal(err)
	}
	v.Step(Advanced{Log: l.info.Log})
	set, _ := st.Summary(twinTopic.ID())
	done := false
	for _, o := range v.Step(Received{&messages.Peaks{Logs: set.Count, Digest: set.Sum}}) {
		m, sends := o.(Send)
		done = done || sends && m.Message.Type() == messages.TypeSyncDone
	}
	if !done {
		t.Error("the session does not state that it agrees")
	}
}
