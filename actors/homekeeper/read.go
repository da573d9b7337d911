// SPDX-License-Identifier: MPL-2.0

package homekeeper

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A reading is how far the logs of the home topic were read.
type reading struct {
	topic digest.Hash
	state *home.State
	logs  map[digest.Hash]uint64
}

// state reads what is new; k.tending is held. If what was read of a log counts no more, or
// the store is another person's by now, all is read again.
func (k *Keeper) state(h *layout.Home) (*home.State, error) {
	t, err := k.Store.Topic(h.Topic)
	if err != nil {
		return nil, err
	}
	var logs []*store.Log
	for l, err := range k.Store.TopicLogs(h.Topic) {
		if err != nil {
			return nil, err
		}
		logs = append(logs, l)
	}
	less := func(l *store.Log) bool { return l.State().Size < k.read.logs[l.ID] }
	if k.read.topic != t.ID || slices.ContainsFunc(logs, less) {
		k.read = reading{t.ID, home.New(t.Genesis), map[digest.Hash]uint64{}}
	}
	for _, l := range logs {
		if err := k.readLog(t, l); err != nil {
			return nil, err
		}
	}
	return k.read.state, nil
}

// errWaits ends a read before an event of which the key is not here yet.
var errWaits = errors.New("its key is not here yet")

func (k *Keeper) readLog(t *store.Topic, l *store.Log) error {
	from, to := k.read.logs[l.ID], l.State().Size
	if from >= to {
		return nil
	}
	if l.Provisional() && !l.Own {
		if trusted, err := k.Store.Trusted(t, l); err != nil || !trusted {
			return err
		}
	}
	err := k.Store.Read(l, from, to, func(run store.Run) error {
		if run.Gone() {
			k.read.logs[l.ID] = run.First + uint64(run.Count)
			return nil
		}
		return run.Each(func(seq uint64, rec *event.Record) error {
			if err := k.take1(l, rec); err != nil {
				return err
			}
			k.read.logs[l.ID] = seq + 1
			return nil
		})
	})
	if errors.Is(err, errWaits) {
		return nil
	}
	return err
}

// take1 takes one event in.
func (k *Keeper) take1(l *store.Log, rec *event.Record) error {
	if event.IsReserved(rec.Type) || rec.Erased() {
		return nil
	}
	p, err := k.Store.Open(l, rec)
	if errors.Is(err, store.ErrSealed) {
		return errWaits
	}
	if err == nil {
		e := home.Entry{Author: roster.Key(l.Author), Type: string(p.Type), Key: bytes.Clone(p.Key), Payload: bytes.Clone(p.Payload)}
		err = k.read.state.Add(e)
	}
	if err != nil {
		k.Logger.Warn("an event of the home topic says nothing", slog.String("log", l.ID.Short()), slog.Any("error", err))
	}
	return nil
}

// say appends an event of a topic to this device's log of the home topic.
func (r *round) say(typ string, key digest.Hash, payload []byte) error {
	r.did = true
	return r.k.say(r.topic, seal.Plain{Type: []byte(typ), Key: key[:], Payload: payload})
}

func (k *Keeper) say(home *store.Topic, p seal.Plain) error {
	sealed, err := k.Store.Seal(home, home.Log, &p)
	if err != nil {
		return err
	}
	e := event.Event{Payload: sealed}
	_, err = k.Pipeline.Append(k.Context, home.Log, pipeline.Entry{Event: e, Flags: event.FlagSealedPayload | event.FlagSealedHeader}, k.Now())
	return err
}

// SayRoot says the person's root KEM key in the home topic, unless somebody did.
func (k *Keeper) SayRoot(root *home.Root) error {
	k.tending.Lock()
	defer k.tending.Unlock()
	h := k.Store.Home()
	st, err := k.state(h)
	if err != nil || st.Root() != nil {
		return err
	}
	t, err := k.Store.Topic(h.Topic)
	if err != nil {
		return err
	}
	return k.say(t, seal.Plain{Type: []byte(home.TypeRoot), Payload: root.Append(nil)})
}
