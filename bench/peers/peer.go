// SPDX-License-Identifier: MPL-2.0

// Package peers puts every contender of the benchmark behind one small
// interface, one file each. A store offers further interfaces if its
// product has what they ask for.
package peers

import (
	"fmt"
	"runtime/debug"
	"slices"
)

// A Store is an open log of one contender.
type Store interface {
	// Append adds events, in order and as one batch if the product has
	// batches. When it returns, the events are as safe as the peer's Promise
	// says. Many goroutines may call it.
	Append(payloads [][]byte) error
	Close() error
}

// An Iterator reads all events in order; fn must not keep payload.
type Iterator interface {
	Iterate(fn func(payload []byte) error) error
}

// A Getter reads one event.
type Getter interface {
	Get(seq int) ([]byte, error)
}

// A Prover makes a proof that one event is in the log as it is now.
type Prover interface {
	Prove(seq int) (Proof, error)
}

// A Proof can be verified without its store.
type Proof interface {
	Verify() error // all but a signature over what it leads to
	Hashes() int
}

// A Loader is a Proof that needs the event read before it can be verified.
type Loader interface {
	Load() error
}

// A Publisher knows when an event is under a signed head.
type Publisher interface {
	// AppendProvable appends one event. It returns when the event is
	// acknowledged; provable then waits until a signed head covers it, proves
	// that, and verifies it with the signature.
	AppendProvable(payload []byte) (provable func() error, err error)
}

// A Hint is what a contender may tune itself for.
type Hint struct {
	Callers    int  // that append at a time
	Batch      int  // events they bring at a time
	EventBytes int  // of a payload
	Unsynced   bool // only fills a store that others read: no need to sync
}

// A Peer is a contender.
type Peer struct {
	Name    string
	Module  string // that it comes from
	Promise string // what an acknowledged event can rely on
	Tuning  string // how the benchmark opens it, if that is not the default
	// Floor marks storage without a tree, a signature or a peer, with group
	// commit added by the benchmark: what one pays for the rest.
	Floor bool
	Open  func(dir string, h Hint) (Store, error)
}

// All are the contenders that run inside of a Go program, Xaeroflux first.
var All = []*Peer{Xaeroflux, Immudb, ImmudbNoIndex, Tessera, NATS, Bbolt, WAL, LMDB}

// ByName returns a contender.
func ByName(name string) (*Peer, error) {
	i := slices.IndexFunc(All, func(p *Peer) bool { return p.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no contender is named %q", name)
	}
	return All[i], nil
}

// Version returns the version of the peer's module that is linked in.
func (p *Peer) Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == p.Module && m.Replace == nil {
			return m.Version
		}
	}
	return ""
}
