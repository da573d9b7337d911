// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

func foundStore(t *testing.T) (*Store, *Topic) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	if err := Create(dir, CreateOptions{PageBytes: 4096, SegmentPages: 2, Seed: identity.Seed{1}}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{MapBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	topic, err := s.Found("notes", Founding{Policy: identity.PolicyOpen, PageBytes: 0}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	return s, topic
}

// A deviceCase is an "xf/device" that a peer sends as the first of its log.
type deviceCase struct {
	card   roster.DeviceCard
	signer identity.Device
	topic  *Topic
	row    aof.LogRow
	change func([]byte) []byte
}

func (c *deviceCase) body(t *testing.T, writer identity.Device) []byte {
	t.Helper()
	ask := &roster.DeviceAsk{Device: roster.SignDevice(c.topic.ID, c.card, c.signer.AuthorKey(c.topic.Genesis), writer.AuthorKey(c.topic.Genesis))}
	b, err := roster.EncodeAsk(nil, ask)
	if err != nil {
		t.Fatal(err)
	}
	if c.change != nil {
		b = c.change(b)
	}
	return b
}

// Only who has the keys of a store makes it believe that there is a copy.
func TestOnlyACopyIsTakenForOne(t *testing.T) {
	s, topic := foundStore(t)
	other := &Topic{ID: topic.ID, Genesis: topic.Genesis}
	me := s.Device()
	former := identity.Device{Seed: me.Seed, Generation: identity.Generation{7}}
	copied := identity.Device{Seed: me.Seed, Generation: identity.Generation{8}}
	stranger := identity.Device{Seed: identity.Seed{9}, Generation: identity.Generation{9}}
	key := func(d identity.Device) roster.Key { return roster.Key(d.AuthorID(topic.Genesis)) }
	err := s.aof.Commit(func(txn *aof.Txn) error {
		old := aof.NewLogRow(identity.DataLog(topic.ID, former.AuthorID(topic.Genesis), 4096), false)
		u := &device.Turn{Old: former, Next: me}
		return u.PutOld(txn, []aof.LogRow{old})
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		want   bool
		writer identity.Device
		change func(*deviceCase)
	}{
		"a copy":                           {true, copied, func(*deviceCase) {}},
		"of what it was":                   {true, copied, func(c *deviceCase) { c.card.Parent, c.signer = key(former), former }},
		"by another seed, with our key":    {true, stranger, func(*deviceCase) {}},
		"signed by a stranger":             {false, stranger, func(c *deviceCase) { c.signer = stranger }},
		"of a stranger":                    {false, stranger, func(c *deviceCase) { c.card.Parent, c.signer = key(copied), copied }},
		"of nobody":                        {false, copied, func(c *deviceCase) { c.card.Parent = roster.Key{} }},
		"signed by what it was":            {false, copied, func(c *deviceCase) { c.signer = former }},
		"for another log of its author":    {false, copied, func(c *deviceCase) { c.card.Number = 1 }},
		"in the log of another":            {false, copied, func(c *deviceCase) { c.row = rowFor(topic, stranger) }},
		"with bytes behind it":             {false, copied, func(c *deviceCase) { c.change = func(b []byte) []byte { return append(b, 0) } }},
		"with a signature that is changed": {false, copied, func(c *deviceCase) { c.change = func(b []byte) []byte { b[len(b)-1] ^= 1; return b } }},
		"with nothing in it":               {false, copied, func(c *deviceCase) { c.change = func([]byte) []byte { return nil } }},
	} {
		c := &deviceCase{
			card:   roster.DeviceCard{Device: key(x.writer), PageBytes: 4096, Parent: key(me)},
			signer: me, topic: other, row: rowFor(topic, x.writer),
		}
		c.card.PageBytes = topic.Genesis.PageBytes
		x.change(c)
		var got bool
		err := s.aof.Commit(func(txn *aof.Txn) (err error) {
			got, err = s.isCopy(txn, &c.row, c.body(t, x.writer))
			return err
		})
		if err != nil || got != x.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, x.want)
		}
	}
}

func rowFor(t *Topic, d identity.Device) aof.LogRow {
	return aof.NewLogRow(identity.DataLog(t.ID, d.AuthorID(t.Genesis), t.Genesis.PageBytes), false)
}

// A turning store writes as record 0 a record that no topic's rules
// refuse, and not before the last event of the log that it follows.
func TestDeviceRecord(t *testing.T) {
	s, topic := foundStore(t)
	u := &device.Turn{Old: s.Device(), Next: identity.Device{Seed: s.Device().Seed, Generation: identity.Generation{8}}}
	before := aof.NewLogRow(identity.DataLog(topic.ID, u.Old.AuthorID(topic.Genesis), topic.Genesis.PageBytes), true)
	before.Size, before.LastTime = 1, 5
	var b []byte
	undone := errors.New("that is enough")
	err := s.aof.Commit(func(txn *aof.Txn) error {
		row, err := u.PutLog(txn, topic, device.AccountKept(topic), []aof.LogRow{before})
		if err != nil {
			return err
		}
		return errors.Join(undone, txn.Events(row.Num, 0, row.Size, func(_ uint64, _ int, records []byte) error {
			b = bytes.Clone(records)
			return nil
		}))
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	rec, n, err := event.DecodeRecord(b)
	if err != nil || n != len(b) || !isDevice(&rec) || !event.IsReserved(rec.Type) || rec.Time != 5 {
		t.Fatalf("%+v, %v", rec, err)
	}
	a, err := roster.DecodeAsk(string(rec.Type), rec.Content())
	if err != nil {
		t.Fatal(err)
	}
	d := a.(*roster.DeviceAsk).Device
	if d.Card.Account != roster.Key(topic.Genesis.Owner) || !d.Verify(topic.ID) || d.Card.Ends != nil || len(d.Card.KEM) > 0 {
		t.Errorf("a card %+v", d.Card)
	}
}
