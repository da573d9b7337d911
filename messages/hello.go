// SPDX-License-Identifier: MPL-2.0

package messages

import "math"

// ProtocolVersion is the version of XSP that this package speaks.
const ProtocolVersion = 2

// Names of capabilities.
const (
	CapSync = "SYNC" // the sync protocol itself
	CapRun  = "RUN"  // no capability: its parameter is a value of each opening of a store
	CapDoze = "DOZE" // no capability: the sender is not to be woken by PINGs more often than DozeEvery
)

// Hello is the first message of both sides of a session.
//
//	[1, version, peer, [capability ...], max frame, max pages, more, [offer ...]]
type Hello struct {
	Version  uint16
	Peer     [32]byte     // Ed25519 key of the sender; must be that of the channel
	Caps     []Capability // at most MaxCaps, by increasing names
	MaxFrame uint32       // longest EVENTS body in bytes the sender takes
	MaxPages uint32       // pages the sender serves for one PAGE_REQUEST
	More     bool         // TOPICS with more offers follows when this list is answered
	Offers   []Offer      // at most MaxTopics, numbered from 0
}

// A Capability is something that the sender speaks.
//
//	[name, parameter]
type Capability struct {
	Name  string // 1 to MaxCapBytes bytes
	Param []byte // at most MaxCapParam bytes; limits of an extension, say
}

const (
	helloFields      = 7
	capabilityFields = 2
	minCapability    = 1 + 1 + 1 + 2
)

// Type returns TypeHello.
func (*Hello) Type() Type { return TypeHello }

func (m *Hello) encode(w *writer) {
	w.begin(TypeHello, helloFields)
	w.uint("version", uint64(m.Version), math.MaxUint16)
	w.fixed(m.Peer[:])
	w.list("capabilities", len(m.Caps), MaxCaps)
	last := ""
	for _, c := range m.Caps {
		if c.Name <= last {
			w.fail(ErrMalformed, "capability", "%q after %q, want increasing names", c.Name, last)
		}
		last = c.Name
		w.array(capabilityFields)
		w.str("capability", c.Name, MaxCapBytes)
		w.bin("parameter", c.Param, MaxCapParam)
	}
	w.uint("max frame", uint64(m.MaxFrame), math.MaxUint32)
	w.uint("max pages", uint64(m.MaxPages), math.MaxUint32)
	w.bool(m.More)
	w.offers(m.Offers)
}

func decodeHello(r *reader) Message {
	m := &Hello{Version: r.uint16("version")}
	r.fixed("peer", m.Peer[:])
	m.Caps = r.capabilities()
	m.MaxFrame = r.uint32("max frame")
	m.MaxPages = r.uint32("max pages")
	m.More = r.bool("more")
	m.Offers = r.offers()
	return m
}

func (r *reader) capabilities() []Capability {
	n := r.list("capabilities", MaxCaps, minCapability)
	if n == 0 {
		return nil
	}
	all := make([]Capability, n)
	last := ""
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("capability", capabilityFields)
		all[i] = Capability{Name: r.str("capability", MaxCapBytes), Param: clone(r.bin("parameter", MaxCapParam))}
		r.skip("capability", rest)
		if r.err == nil && all[i].Name <= last {
			r.fail(ErrMalformed, "capability", "%q after %q, want increasing names", all[i].Name, last)
		}
		last = all[i].Name
	}
	return all
}

// clone copies what is borrowed; empty is nil.
func clone(b []byte) []byte { return append([]byte(nil), b...) }
