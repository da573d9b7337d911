// SPDX-License-Identifier: MPL-2.0

// Package child is the process that is killed: it opens a store as an
// application does, appends to several logs at once, has an actor with a cursor
// follow them, and says on stdout what was acknowledged and what the actor saw.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
)

// Logs is how many logs are appended to at once.
const Logs = 3

// ActorName is the name of the actor that follows.
const ActorName = "follower"

var out struct {
	sync.Mutex // guards w
	w          *bufio.Writer
}

// say prints a line at once: what is said is in the pipe and outlives a kill.
func say(format string, args ...any) {
	out.Lock()
	defer out.Unlock()
	fmt.Fprintf(out.w, format+"\n", args...)
	out.w.Flush()
}

// Run appends until it is killed. The arguments are directory, seed, and
// "early" for the control: to acknowledge before appending.
func Run(ctx context.Context, args []string) error {
	out.w = bufio.NewWriter(os.Stdout)
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	early := len(args) > 2 && args[2] == "early"
	db, err := xaeroflux.Open(args[0], &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Invite: invite(0), PageBytes: 4096, Place: rig.Place, SegmentPages: 4, MapBytes: 1 << 20, Now: func() time.Time { return time.UnixMilli(oracle.Epoch) },
	})
	if err != nil {
		return err
	}
	errs := make(chan error, Logs)
	for n := range Logs {
		t, err := db.Join(ctx, invite(n))
		if err != nil {
			return err
		}
		if n == 0 {
			if err := follow(db, t); err != nil {
				return err
			}
		}
		go func() { errs <- appendTo(ctx, t, n, seed, early) }()
	}
	return errors.Join(<-errs, db.Close())
}

func invite(n int) string { return oracle.Topic(n).Invite() }

// appendTo appends batches of random length, one event at a time now and then.
func appendTo(ctx context.Context, t *xaeroflux.Topic, n int, seed uint64, early bool) error {
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(n)))
	for {
		from := t.Log().Size()
		count := 1 + rnd.IntN(24)
		if rnd.IntN(3) == 0 {
			count = 1
		}
		say("issue %d %d", n, from+uint64(count))
		if early {
			say("ack %d %d", n, from+uint64(count))
		}
		r, err := t.AppendBatch(ctx, oracle.ForAPI(oracle.Events(seed, n, from, count)))
		if err != nil {
			return err
		}
		say("ack %d %d", n, r.Seq+uint64(r.Count))
	}
}

// follow spawns an actor that says which events of log 0 it is sent.
func follow(db *xaeroflux.DB, t *xaeroflux.Topic) error {
	own := t.Log().ID()
	props := actor.PropsFromFunc(func(ctx actor.Context) {
		m, ok := ctx.Message().(*xaeroflux.Committed)
		if !ok {
			return
		}
		if first := m.Records[0]; first.Log == own {
			say("saw %d %d", first.Seq, m.Records[len(m.Records)-1].Seq+1)
		}
		m.Done(nil)
	})
	_, err := db.Spawn(ActorName, props, &xaeroflux.SpawnOptions{Topic: t.ID(), Batch: 16})
	return err
}

// A Story is what children said, over all lives of a store.
type Story struct {
	Want *oracle.Oracle
	seen uint64 // events of log 0 that the actor was sent
	Acks int
}

// Hear takes in one life: every line until the pipe ends. fn, if not nil, is
// called after each acknowledgement. The error is for an actor that was sent an
// event twice in one life, or that missed one.
func (s *Story) Hear(lines *bufio.Scanner, fn func(acks int)) error {
	acks, last := 0, int64(-1) // of this life
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 {
			continue // the kill cut it off
		}
		a, err1 := strconv.ParseUint(f[1], 10, 64)
		b, err2 := strconv.ParseUint(f[2], 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("child said %q", lines.Text())
		}
		switch f[0] {
		case "issue":
			s.Want.Issue(int(a), b)
		case "ack":
			s.Want.Ack(int(a), b)
			acks++
			s.Acks++
			if fn != nil {
				fn(acks)
			}
		case "saw":
			if last >= 0 && a != uint64(last) {
				return fmt.Errorf("the actor was sent event %d after %d", a, last-1)
			}
			if a > s.seen {
				return fmt.Errorf("the actor was sent event %d first, and had seen %d: it missed some", a, s.seen)
			}
			last, s.seen = int64(b), max(s.seen, b)
		}
	}
	return nil
}
