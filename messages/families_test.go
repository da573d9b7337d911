// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"reflect"
	"testing"
)

// Every type is in the range of its family, ranges do not overlap and leave 96
// to 127 free, and the list that the other tests go by has all of them.
func TestFamilies(t *testing.T) {
	last, all := Type(0), map[Type]bool{}
	for _, f := range families {
		if f.first <= last || f.last < f.first || f.last > 95 {
			t.Errorf("family %s has %d to %d, behind %d", f.name, f.first, f.last, last)
		}
		last = f.last
		for _, k := range f.kinds {
			all[k.typ] = true
			if k.typ.String() != k.name || k.typ.MaxBody() != k.maxBody {
				t.Errorf("%s is %v, with at most %d bytes", k.name, k.typ, k.typ.MaxBody())
			}
		}
	}
	for _, typ := range wireTypes {
		if !all[typ] {
			t.Errorf("%v is in no family", typ)
		}
		delete(all, typ)
	}
	if len(all) > 0 {
		t.Errorf("the tests leave out %v", all)
	}
}

// What may come where, beside the table itself: places are apart.
func TestPlaces(t *testing.T) {
	places := []Place{Greeting, Meeting, Syncing, Request, Answer}
	for i, a := range places {
		for _, b := range places[:i] {
			if a&b != 0 || a == 0 {
				t.Errorf("places %d and %d overlap", a, b)
			}
		}
	}
	for _, c := range []struct {
		typ  Type
		at   Place
		want bool
	}{
		{TypeHello, Greeting, true}, {TypeHello, Meeting, false}, {TypeHello, Syncing, false},
		{TypePing, Greeting, false}, {TypePing, Meeting, true}, {TypePing, Syncing, true}, {TypePing, Request, false},
		{TypePeaks, Meeting, false}, {TypePeaks, Syncing, true}, {TypeOpen, Request, true}, {TypeOpen, Syncing, false},
		{TypePageRequest, Syncing, false}, {TypeError, Answer, true}, {TypeError, Request, false}, {TypeBye, Answer, false},
		{Type(200), Syncing, true}, {Type(200), Nowhere, false}, {Type(127), Syncing, false}, {Type(1000), Request, true},
	} {
		if got := c.typ.Comes(c.at); got != c.want {
			t.Errorf("%v at %d: %v", c.typ, c.at, got)
		}
	}
}

// TopicOf knows every message of the control stream that has a topic.
func TestTopicOf(t *testing.T) {
	for _, typ := range wireTypes {
		m := newGen(3).message(typ)
		f := reflect.ValueOf(m).Elem().FieldByName("Topic")
		want := f.IsValid() && (typ.Comes(Meeting|Syncing) || typ == TypeProofResponse)
		got, ok := TopicOf(m)
		if ok != want || ok && uint64(got) != f.Uint() {
			t.Errorf("%v: %d, %v", typ, got, ok)
		}
	}
}

func TestLogEnd(t *testing.T) {
	for _, size := range []uint64{0, 1, MaxCount} {
		if at, ends := EndsAt(size).At(); !ends || at != size {
			t.Errorf("ends at %d, %v; want %d", at, ends, size)
		}
	}
	for _, e := range []LogEnd{Ongoing, Forked} {
		if _, ends := e.At(); ends {
			t.Errorf("%d ends", e)
		}
	}
}
