// SPDX-License-Identifier: MPL-2.0

package api

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// sealedEvent is the i-th of many that differ in all that is sealed, as some have refs or
// an id and some have not.
func sealedEvent(i int) xaeroflux.Event {
	e := xaeroflux.Event{Type: fmt.Sprint("type ", i%5), Key: fmt.Appendf(nil, "key %d", i), Payload: bytes.Repeat([]byte{byte(i)}, i%400)}
	if i%3 == 0 {
		e.Refs = []xaeroflux.Ref{{Log: xaeroflux.LogPrefix{byte(i), 1}, Size: uint64(i + 1)}}
	}
	if i%4 == 0 {
		e.ID = xaeroflux.EventID{byte(i), byte(i >> 8), 1}
	}
	return e
}

// checkSealedEvent checks that a record is the i-th.
func checkSealedEvent(t *testing.T, how string, i int, r *xaeroflux.Record) {
	t.Helper()
	want := sealedEvent(i)
	if r.Sealed != nil || r.Type != want.Type || !bytes.Equal(r.Key, want.Key) || !bytes.Equal(r.Payload, want.Payload) ||
		r.EventID() != want.ID || fmt.Sprint(r.Refs()) != fmt.Sprint(want.Refs) {
		t.Fatalf("%s: event %d is %s %q, %d bytes, refs %v, id %v: %v", how, i, r.Type, r.Key, len(r.Payload), r.Refs(), r.EventID(), r.Sealed)
	}
}

// Sealed records share memory with others that are read with them: what is kept stays as it
// was, and so does a clone of what was borrowed.
func TestSealedRecordsStay(t *testing.T) {
	db := Open(t, t.TempDir(), Small())
	topic, err := db.CreateTopic(ctx, "t", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	var batch []xaeroflux.Event
	for i := range 700 {
		batch = append(batch, sealedEvent(i))
	}
	_, err = topic.AppendBatch(ctx, batch[:600])
	Must(t, err)
	for _, e := range batch[600:] {
		_, err = topic.Append(ctx, e)
		Must(t, err)
	}
	kept := map[string][]xaeroflux.Record{}
	for _, borrow := range []bool{false, true} {
		for r, err := range topic.Events(ctx, xaeroflux.Query{Borrow: borrow}) {
			Must(t, err)
			how := fmt.Sprint("borrow ", borrow)
			checkSealedEvent(t, how, int(r.Seq), &r)
			if !borrow {
				kept[how] = append(kept[how], r)
			}
			kept[how+", cloned"] = append(kept[how+", cloned"], r.Clone())
		}
	}
	for how, all := range kept {
		if len(all) != len(batch) {
			t.Errorf("%s: %d events", how, len(all))
		}
		for i := range all {
			checkSealedEvent(t, how, i, &all[i])
			if got, err := topic.Log().Get(ctx, uint64(i)); err != nil || got.Hash() != all[i].Hash() {
				t.Fatalf("%s: event %d has leaf %v, want %v, %v", how, i, all[i].Hash(), got.Hash(), err)
			}
		}
	}
}
