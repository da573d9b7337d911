// SPDX-License-Identifier: MPL-2.0

package keeper

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// watchers are those who wait for news of a topic's roster.
type watchers struct {
	mu  sync.Mutex // guards all
	all map[digest.Hash]map[*Watching]bool
}

// A Watching tells that a topic's roster may say something new.
type Watching struct {
	C     <-chan struct{} // holds one
	tell  chan struct{}
	topic digest.Hash
	of    *watchers
}

// Watch tells of news of a topic's roster from now on, until Close is called.
func (k *Keeper) Watch(topic digest.Hash) *Watching {
	c := make(chan struct{}, 1)
	w := &Watching{C: c, tell: c, topic: topic, of: &k.watchers}
	k.watchers.mu.Lock()
	defer k.watchers.mu.Unlock()
	if k.watchers.all[topic] == nil {
		k.watchers.all[topic] = map[*Watching]bool{}
	}
	k.watchers.all[topic][w] = true
	return w
}

// Close ends w.
func (w *Watching) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	if delete(w.of.all[w.topic], w); len(w.of.all[w.topic]) == 0 {
		delete(w.of.all, w.topic)
	}
}

func (s *watchers) news(topic digest.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.all[topic] {
		select {
		case w.tell <- struct{}{}:
		default: // it is going to look anyway
		}
	}
}
