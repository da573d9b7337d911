// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
)

// A storeRole is a process with a Xaeroflux store.
type storeRole struct {
	db      *xaeroflux.DB
	watched chan watchResult
}

type watchResult struct {
	ms  []float64
	err error
}

var ctx = context.Background()

func (s *storeRole) do(o order) (answer, error) {
	switch o.Op {
	case "open":
		return s.open(o)
	case "listen":
		a, err := s.db.Listen(ctx, "127.0.0.1:0")
		return answer{Addr: a.String()}, err
	case "append":
		return s.append(o)
	case "append until killed":
		return answer{}, s.appendForever(o)
	case "sync":
		return s.sync(o)
	case "connect":
		return answer{}, s.connect(o)
	case "watch":
		return answer{}, s.watch(o)
	case "watched":
		w := <-s.watched
		return answer{Values: w.ms}, w.err
	case "tick":
		return answer{}, s.tick(o)
	case "logs":
		return s.logs(o)
	case "close":
		return answer{}, s.close()
	}
	return answer{}, fmt.Errorf("no such order")
}

// open opens a store and reads its last event.
func (s *storeRole) open(o order) (answer, error) {
	start := time.Now()
	db, err := xaeroflux.Open(o.Dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: o.Invite})
	if err != nil {
		return answer{}, err
	}
	s.db = db
	size := db.Head().Size
	if size > 0 {
		_, err = db.Get(ctx, size-1)
	}
	took := time.Since(start).Seconds()
	invite, e := db.Invite(ctx, nil)
	return answer{Seconds: took, Events: size, Invite: invite}, errors.Join(err, e)
}

func (s *storeRole) append(o order) (answer, error) {
	pool := payloads(max(o.Batch, 1), 256)
	for n := 0; n < o.Events; n += len(pool) {
		if _, err := s.db.AppendBatch(ctx, events(pool[:min(len(pool), o.Events-n)])); err != nil {
			return answer{}, err
		}
	}
	return answer{Events: s.db.Head().Size}, nil
}

func events(payloads [][]byte) []xaeroflux.Event {
	all := make([]xaeroflux.Event, len(payloads))
	for i, p := range payloads {
		all[i].Payload = p
	}
	return all
}

// appendForever goes on in the background; this process is going to be killed.
func (s *storeRole) appendForever(o order) error {
	go func() {
		for {
			if _, err := s.append(order{Events: o.Batch, Batch: o.Batch}); err != nil {
				return
			}
		}
	}()
	return nil
}

// sync brings the store level with a peer.
func (s *storeRole) sync(o order) (answer, error) {
	limit, cancel := context.WithTimeout(ctx, seconds(o.Seconds))
	defer cancel()
	start := time.Now()
	r, err := s.db.Sync(limit, o.Addr)
	if err == nil && r.EventsIn+r.PagesIn == 0 && o.Events > 0 {
		err = fmt.Errorf("nothing came")
	}
	return answer{Seconds: time.Since(start).Seconds(), Events: r.EventsIn, In: r.BytesIn, Out: r.BytesOut}, err
}

// connect keeps to a peer, and returns when both agree.
func (s *storeRole) connect(o order) error {
	if err := s.db.Connect(ctx, o.Addr); err != nil {
		return err
	}
	for deadline := time.Now().Add(seconds(o.Seconds)); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if p := s.db.Peers(); len(p) > 0 && p[0].InSync {
			return nil
		}
	}
	return fmt.Errorf("not in sync with %s after %v s", o.Addr, o.Seconds)
}

// watch notes how old each event is when a subscriber has it. It returns when
// the subscriber waits.
func (s *storeRole) watch(o order) error {
	after, err := s.frontier()
	if err != nil {
		return err
	}
	s.watched = make(chan watchResult, 1)
	go func() {
		var w watchResult
		limit, cancel := context.WithTimeout(ctx, seconds(o.Seconds))
		defer cancel()
		for r, err := range s.db.Subscribe(limit, xaeroflux.Query{After: after, Limit: o.Events}) {
			if err != nil {
				w.err = err
				break
			}
			sent := int64(binary.LittleEndian.Uint64(r.Payload))
			w.ms = append(w.ms, float64(time.Now().UnixNano()-sent)/1e6)
		}
		if w.err == nil && len(w.ms) < o.Events {
			w.err = fmt.Errorf("%d of %d events came", len(w.ms), o.Events)
		}
		s.watched <- w
	}()
	return nil
}

func (s *storeRole) frontier() (xaeroflux.Frontier, error) {
	t, err := s.db.Topic(xaeroflux.TopicID{})
	if err != nil {
		return nil, err
	}
	all, err := t.Logs()
	f := xaeroflux.Frontier{}
	for _, l := range all {
		f[l.ID()] = l.Size()
	}
	return f, err
}

// tick appends single events that say when, with a pause between them.
func (s *storeRole) tick(o order) error {
	for range o.Events {
		p := make([]byte, 256)
		binary.LittleEndian.PutUint64(p, uint64(time.Now().UnixNano()))
		if _, err := s.db.Append(ctx, xaeroflux.Event{Payload: p}); err != nil {
			return err
		}
		time.Sleep(seconds(o.Seconds))
	}
	return nil
}

// logs makes logs with one event each: a topic each, as an author has one log
// in a topic.
func (s *storeRole) logs(o order) (answer, error) {
	payload := payloads(1, int(o.Bytes))[0]
	invites := make([]string, o.Events)
	for i := range invites {
		invites[i] = identitytest.NewTopic(i + 1).Invite()
	}
	var next, made atomic.Int64
	start := time.Now()
	errs := make(chan error, logCallers)
	for range cap(errs) {
		go func() {
			var err error
			for err == nil && time.Since(start).Seconds() < o.Seconds {
				n := next.Add(1)
				if n > int64(o.Events) {
					break
				}
				if err = s.newLog(invites[n-1], payload); err == nil {
					made.Add(1)
				}
			}
			errs <- err
		}()
	}
	var err error
	for range cap(errs) {
		err = errors.Join(err, <-errs)
	}
	return answer{Seconds: time.Since(start).Seconds(), Events: uint64(made.Load())}, err
}

// logCallers is how many make logs at a time.
const logCallers = 256

// newLog joins a topic, which somebody else founded, and makes a log with one event
// in it.
func (s *storeRole) newLog(invite string, payload []byte) error {
	t, err := s.db.Join(ctx, invite)
	if err != nil {
		return err
	}
	_, err = t.Append(ctx, xaeroflux.Event{Payload: payload})
	return err
}

func (s *storeRole) close() error {
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}
