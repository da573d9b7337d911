// SPDX-License-Identifier: MPL-2.0

package families

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Rule: what a store shows of a topic is what the second fold says of the roster that it
// holds, and of nothing else. So each is asked while it runs, and its roster is read
// afterwards.

// A shownState is what a store showed of the topic before it was closed.
type shownState struct {
	topic   identity.TopicID
	members []string
	hidden  map[xaeroflux.LogID][]uint64 // events that it cannot read
}

// shows asks a store.
func (p *person) shows() (s shownState, err error) {
	s = shownState{topic: identity.TopicID(p.topic.ID()), hidden: map[xaeroflux.LogID][]uint64{}}
	members, err := p.topic.Members()
	if err != nil {
		return s, err
	}
	for _, m := range members {
		for _, d := range m.Devices {
			s.members = append(s.members, memberLine(roster.Key(m.Account), fmt.Sprint(m.Role), digest.Hash(d.Log)))
		}
	}
	slices.Sort(s.members)
	for r, err := range p.topic.Events(ctx, xaeroflux.Query{}) {
		if err != nil {
			return s, err
		}
		if r.Sealed != nil {
			s.hidden[r.Log] = append(s.hidden[r.Log], r.Seq)
		}
	}
	return s, nil
}

func memberLine(account roster.Key, role string, log digest.Hash) string {
	return fmt.Sprintf("%s is %s by log %s", account.Short(), role, log.Short())
}

// checkFold holds what a closed store showed against the fold of its roster.
func (p *person) checkFold(shown shownState) (err error) {
	s, err := store.Open(p.dir, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	st, err := s.Roster(shown.topic)
	if err != nil {
		return err
	}
	t, err := s.Topic(shown.topic)
	if err != nil {
		return err
	}
	chain, err := chainOf(s, st)
	if err != nil {
		return err
	}
	f, err := roster.FoldSlowly(t.ID, t.Genesis.Append(nil), chain)
	if err != nil {
		return err
	}
	return errors.Join(sameMembers(f, st, shown), sameEpochs(f, st), p.sameCuts(s, f, shown))
}

// chainOf reads the legs that count, each up to where the next one continues it.
func chainOf(s *store.Store, st *roster.State) (chain []roster.HeldLeg, err error) {
	for _, id := range st.Legs() {
		raw, err := rawOf(s, id.Log)
		if err != nil {
			return nil, err
		}
		if n := len(chain); n > 0 && len(raw) > 0 {
			r, err := roster.Decode(raw[0].Type, raw[0].Body)
			if err != nil {
				return nil, err
			}
			last := r.(*roster.Begin).Last()
			for n > 0 && chain[n-1].Log != last.Log {
				n-- // the term begins before the end of the leg before
			}
			if n == 0 || uint64(len(chain[n-1].Records)) < last.Size {
				return nil, fmt.Errorf("leg %s continues log %s at %d, which is not held", id.Log.Short(), last.Log.Short(), last.Size)
			}
			chain[n-1].Records = chain[n-1].Records[:last.Size]
			chain = chain[:n]
		}
		chain = append(chain, roster.HeldLeg{LegID: id, Records: raw})
	}
	return chain, nil
}

func rawOf(s *store.Store, log digest.Hash) (all []roster.Raw, err error) {
	l, err := s.Log(log)
	if err != nil {
		return nil, err
	}
	err = s.ReadWhole(l, 0, l.Whole().Size, func(run store.Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			all = append(all, roster.Raw{Type: string(r.Type), Time: r.Time, Body: slices.Clone(r.Payload)})
			return nil
		})
	})
	return all, err
}

// sameMembers compares members, their roles and devices.
func sameMembers(f *roster.SlowFold, st *roster.State, shown shownState) error {
	var all []string
	for device, account := range f.Devices {
		d, _ := st.Device(device)
		if owner := f.Logs[d.Log]; owner != account {
			return fmt.Errorf("log %s of device %s is admitted for %s, by the fold it is of %s", d.Log.Short(), device.Short(), owner.Short(), account.Short())
		}
		all = append(all, memberLine(account, fmt.Sprint(f.Roles[account]), d.Log))
	}
	slices.Sort(all)
	if !slices.Equal(all, shown.members) {
		return fmt.Errorf("it shows the members\n    %s\n  and its roster has\n    %s", strings.Join(shown.members, "\n    "), strings.Join(all, "\n    "))
	}
	return nil
}

func sameEpochs(f *roster.SlowFold, st *roster.State) error {
	epochs := st.Epochs()
	if len(epochs) != len(f.Epochs) {
		return fmt.Errorf("it has %d epochs, its roster %d", len(epochs), len(f.Epochs))
	}
	for _, e := range epochs {
		if !f.Epochs[[8]byte(e.ID[:8])] {
			return fmt.Errorf("epoch %d is not one of its roster", e.Number)
		}
	}
	return nil
}

// sameCuts checks that of each log that much counts as its roster says, and that nothing is
// hidden which was sealed by a key of that roster.
func (p *person) sameCuts(s *store.Store, f *roster.SlowFold, shown shownState) error {
	for l, err := range s.TopicLogs(shown.topic) {
		if err != nil {
			return err
		}
		if l.Kind != identity.KindData {
			continue
		}
		now, whole := l.State(), l.Whole()
		c, cut := f.Cuts[l.ID]
		switch size, is := l.Cut(); {
		case cut != is || cut && size != c.Size:
			return fmt.Errorf("log %s is cut at %d (%v), by its roster at %d (%v)", l.ID.Short(), size, is, c.Size, cut)
		case cut && whole.Size >= c.Size && now.Size != c.Size && now.Size != 0:
			return fmt.Errorf("%d events of log %s count, which is cut at %d", now.Size, l.ID.Short(), c.Size)
		case cut && now.Size == c.Size && c.Size > 0 && now.Root != c.Root:
			return fmt.Errorf("log %s counts up to %d with another root than its cut", l.ID.Short(), c.Size)
		}
		if err := checkHidden(s, l, f, shown.hidden[xaeroflux.LogID(l.ID)]); err != nil {
			return err
		}
	}
	return nil
}

// checkHidden checks that events of a log which cannot be read are sealed by keys that are not
// of the roster which counts: they were made in a part that is void.
func checkHidden(s *store.Store, l *store.Log, f *roster.SlowFold, hidden []uint64) error {
	for _, seq := range hidden {
		err := s.ReadWhole(l, seq, seq+1, func(run store.Run) error {
			return run.Each(func(_ uint64, r *event.Record) error {
				epoch, err := seal.Epoch8(r.Payload)
				if err == nil && f.Epochs[epoch] {
					err = fmt.Errorf("event %d of log %s cannot be read, and is sealed by a key of the roster", seq, l.ID.Short())
				}
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
