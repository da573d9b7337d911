// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"slices"
	"testing"
	"time"
)

// The state that sessions take of topics is one value for all: it is another one
// only of a topic that is followed in another way, and what was handed out stays as it was.
func TestOfferedIsOneTable(t *testing.T) {
	s, first := newStore(t)
	second, err := s.Found("", Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	one := s.Offered()
	if len(one) != 2 || one[0].ID != first.ID || one[1].ID != second.ID || one[0].Keys != first.Keys || one[0].Follows != nil {
		t.Fatalf("%+v", one)
	}
	was := slices.Clone(one)
	third, err := s.Found("", Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Join(second.Genesis, second.Keys, "another name"); err != nil {
		t.Fatal(err)
	}
	two := s.Offered()
	if len(two) != 3 || !slices.Equal(two[:2], was) || two[2].ID != third.ID {
		t.Errorf("after a third topic, and a name: %+v", two)
	}
	for range 2 { // the second time changes nothing
		if _, err := s.Follow(second.ID, numbered(1), false); err != nil {
			t.Fatal(err)
		}
	}
	three := s.Offered()
	if !slices.Equal(one, was) || three[0] != two[0] || three[1] == two[1] || three[2] != two[2] {
		t.Errorf("%+v became %+v", two, three)
	}
	if f := three[1].Follows; len(f) != 2 || !f[second.Log] || !f[numbered(1)[0]] || two[1].Follows != nil {
		t.Errorf("follows %v, before %v", f, two[1].Follows)
	}
	keys := second.Keys
	for i := range 2 { // by an edit, and by another invite
		keys.Join[0]++
		var x Change = s.NewJoin(second.Genesis, keys, "")
		if i == 0 {
			e, err := s.newEdit(second.ID, func(t *Topic) { t.Keys = keys })
			must(t, err)
			x = e
		}
		before := s.Offered()
		must(t, s.Do(x))
		if now := s.Offered(); now[1] == before[1] || now[1].Keys != keys || len(now[1].Follows) != 2 || now[0] != before[0] || before[1].Keys == keys {
			t.Errorf("with another join key %+v is offered, before %+v", now[1], before[1])
		}
	}
	three = s.Offered()
	if err := s.loadFollows(); err != nil {
		t.Fatal(err)
	}
	for i, o := range s.Offered() { // as it is stored
		if o.ID != three[i].ID || o.Keys != three[i].Keys || len(o.Follows) != len(three[i].Follows) {
			t.Errorf("topic %d: %+v, want %+v", i, o, three[i])
		}
	}
}
