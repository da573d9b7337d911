// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A head that a key signed which was hurt in memory is published to nobody.
func TestAHeadThatDoesNotVerifyIsNotPublished(t *testing.T) {
	s, topic := newStore(t)
	l, err := s.Log(topic.Log)
	if err != nil {
		t.Fatal(err)
	}
	before, key := l.State(), l.key
	l.key = slices.Clone(key)
	l.key[3] ^= 1
	next := *before
	next.Size, next.Root = 1, digest.Sum([]byte("an event"))
	if _, err := s.publish(l, &next); !errors.Is(err, ErrCorrupt) || l.State() != before {
		t.Errorf("published %+v, %v", l.State().Head, err)
	}
	l.key = key
	if _, err := s.publish(l, &next); err != nil || l.State().Size != 1 {
		t.Errorf("with the key as it is: %v", err)
	}
}
