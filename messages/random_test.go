// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// wireTypes is every type there is, for tests that want all of them.
var wireTypes = []Type{
	TypeHello, TypeTopics, TypeLeave, TypeCertificate, TypePing, TypePong, TypeError, TypeBye,
	TypePeaks, TypeDiff, TypeEvents, TypeSyncDone, TypeSubscribe, TypeFork,
	TypePageRequest, TypePageResponse, TypeRangeRequest, TypeRangeResponse, TypeProofRequest, TypeProofResponse,
	TypePeers, TypeCosignRequest, TypeCosignResponse, TypeOpen,
	TypeHave, TypePrune, TypeGraft, TypePresence,
}

// A gen makes random messages that keep every limit, and often sit on one.
type gen struct{ *rand.Rand }

func newGen(seed uint64) gen { return gen{rand.New(rand.NewPCG(seed, 7))} }

// upTo favours the ends and the widths of msgpack's forms.
func (g gen) upTo(limit uint64) uint64 {
	edges := []uint64{0, 1, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, limit - 1, limit}
	if g.IntN(2) == 0 {
		if v := edges[g.IntN(len(edges))]; v <= limit {
			return v
		}
	}
	return g.Uint64N(limit+1) >> g.IntN(64)
}

func (g gen) u32() uint32   { return uint32(g.upTo(1<<32 - 1)) }
func (g gen) count() uint64 { return g.upTo(MaxCount) }
func (g gen) topic() uint32 { return g.u32() }
func (g gen) bool() bool    { return g.IntN(2) == 0 }

func (g gen) fill(b []byte) {
	for i := range b {
		b[i] = byte(g.Uint32())
	}
}

func (g gen) hash() (h digest.Hash) { g.fill(h[:]); return h }

func (g gen) bytes(limit int) []byte {
	n := int(g.upTo(uint64(limit)))
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	g.fill(b[:min(n, 64)])
	return b
}

func (g gen) str(limit int) string {
	return strings.Repeat("é", int(g.upTo(uint64(limit/2))))
}

// name is of a capability.
func (g gen) name() string { return strings.Repeat("é", 1+int(g.upTo(MaxCapBytes/2-1))) }

// page is a page size.
func (g gen) page() uint32 { return 1 << g.IntN(maxPageLog+1) }

func (g gen) kind() identity.LogKind { return identity.LogKind(g.IntN(3)) }

// number is below 1<<64.
func (g gen) number() uint64 { return g.upTo(1<<63) + g.upTo(1<<63-1) }

func (g gen) position() identity.Position {
	if g.bool() {
		return identity.Position{}
	}
	return identity.Position{Term: g.u32(), Leg: g.u32(), Size: max(1, g.count()), Root: g.hash()}
}

func (g gen) strs(n, limit int) (ss []string) {
	for range g.upTo(uint64(n)) {
		ss = append(ss, g.str(limit))
	}
	return ss
}

func (g gen) hashes(limit int) (hs []digest.Hash) {
	for range g.upTo(uint64(limit)) {
		hs = append(hs, g.hash())
	}
	return hs
}

func (g gen) head(atLeast uint64) Head {
	h := Head{Size: max(atLeast, g.count()), Root: g.hash()}
	g.fill(h.Sig[:])
	return h
}

func (g gen) message(t Type) Message {
	switch t {
	case TypeHello:
		return g.hello()
	case TypeTopics:
		m := &Topics{Answers: g.u32(), Offers: g.offers()}
		m.More = g.bool()
		return m
	case TypeLeave:
		return &Leave{Topic: g.topic()}
	case TypeCertificate:
		m := &Certificate{Topic: g.topic(), Sealed: g.bytes(MaxCertificate - 1)}
		m.Sealed = append(m.Sealed, 7)
		return m
	case TypePing:
		return &Ping{Nonce: g.number(), Padding: g.padding()}
	case TypePong:
		return &Pong{Nonce: g.number(), Padding: g.padding()}
	case TypeOpen:
		return &Open{Capability: g.name(), Param: g.bytes(MaxOpenParam)}
	case TypePresence:
		return &Presence{Topic: g.topic(), Capability: g.name(), Data: g.bytes(MaxPresence)}
	case TypePeaks:
		return &Peaks{Topic: g.topic(), Roster: g.position(), Logs: g.count(), Digest: g.hash()}
	case TypeDiff:
		return g.diff()
	case TypePageRequest:
		return &PageRequest{Topic: g.topic(), Log: g.hash(), From: g.count(), Count: g.count(), Tail: g.bool()}
	case TypePageResponse:
		return g.pageResponse()
	case TypeEvents:
		return g.events()
	case TypeProofRequest:
		return &ProofRequest{Topic: g.topic(), Log: g.hash(), Seq: g.count(), Size: g.count()}
	case TypeProofResponse:
		return &ProofResponse{Topic: g.topic(), Log: g.hash(), Seq: g.count(), Head: g.head(0), Hashes: g.hashes(MaxHashes), Leaf: g.bytes(MaxLeafBytes)}
	case TypeSyncDone:
		return &SyncDone{Topic: g.topic(), Roster: g.position(), Logs: g.count(), Digest: g.hash(), Ask: g.bool(), Leaves: g.bool()}
	case TypePeers:
		return &Peers{Topic: g.topic(), Addresses: g.strs(MaxAddresses, MaxAddrBytes)}
	case TypeError:
		return &Error{Code: Code(g.upTo(65535)), Text: g.str(MaxTextBytes)}
	case TypeBye:
		return &Bye{Code: Code(g.upTo(65535)), Text: g.str(MaxTextBytes)}
	case TypeFork:
		return &Fork{Topic: g.topic(), Proof: g.bytes(MaxForkBytes)}
	case TypeSubscribe:
		m := &Subscribe{Topic: g.topic(), Names: g.hashes(40)}
		slices.SortFunc(m.Names, func(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) })
		m.Names = slices.Compact(m.Names)
		if len(m.Names) == 0 {
			m.Names = nil
		}
		return m
	case TypeCosignRequest:
		return &CosignRequest{Topic: g.topic(), Log: g.hash(), Size: g.count(), Root: g.hash()}
	case TypeCosignResponse:
		m := &CosignResponse{Topic: g.topic(), Log: g.hash(), Size: g.count(), Root: g.hash(), Witness: g.hash(), Time: g.count()}
		g.fill(m.Sig[:])
		return m
	case TypeRangeRequest:
		m := &RangeRequest{Topic: g.topic(), Log: g.hash(), From: g.upTo(MaxCount / 2), Newest: g.bool(), Limit: g.count()}
		if g.bool() {
			m.To = m.From + g.upTo(MaxCount/2)
		}
		return m
	case TypeRangeResponse:
		e := g.events()
		return &RangeResponse{
			Log: e.Log, Author: e.Author, PageBytes: e.PageBytes, Kind: e.Kind, Number: e.Number, First: e.First, Count: e.Count, Head: e.Head,
			Left: g.hashes(MaxHashes), Right: e.Right, Records: e.Records,
		}
	case TypeHave:
		return g.have()
	case TypePrune:
		return &Prune{Topic: g.topic()}
	case TypeGraft:
		return g.graft()
	}
	return &Unknown{Number: t}
}

// state is none half of the time.
func (g gen) state() (mark [16]byte) {
	if g.bool() {
		g.fill(mark[:])
	}
	return mark
}

func (g gen) hello() *Hello {
	m := &Hello{Version: uint16(g.upTo(65535)), MaxFrame: g.u32(), MaxPages: g.u32(), Offers: g.offers()}
	m.More = g.bool()
	g.fill(m.Peer[:])
	for i := range g.upTo(MaxCaps) {
		m.Caps = append(m.Caps, Capability{Name: fmt.Sprintf("%02d", i) + strings.Repeat("x", g.IntN(MaxCapBytes-1)), Param: g.bytes(MaxCapParam)})
	}
	return m
}

func (g gen) offers() (all []Offer) {
	for range g.upTo(MaxTopics) {
		o := Offer{Lobby: g.hash(), Partial: g.bool(), Mark: g.state()}
		g.fill(o.Join[:])
		all = append(all, o)
	}
	return all
}

func (g gen) padding() []byte {
	if n := g.upTo(MaxPadding); n > 0 {
		return make([]byte, n)
	}
	return nil
}

func (g gen) end() LogEnd {
	switch g.IntN(3) {
	case 0:
		return Ongoing
	case 1:
		return Forked
	}
	return EndsAt(g.count())
}

func (g gen) diff() *Diff {
	m := &Diff{Topic: g.topic(), Rung: Rung(1 + g.IntN(3)), More: g.bool(), Part: g.bool()}
	if m.Rung != RungFrontier {
		m.Body = g.bytes(MaxDiffBody)
		return m
	}
	for range g.upTo(MaxEntries) {
		s := LogState{Log: g.hash(), Author: g.hash(), PageBytes: g.page(), Kind: g.kind(), Number: g.number(), Size: g.count(), Pages: g.count(), Head: g.head(0), End: g.end()}
		m.Entries = append(m.Entries, s)
	}
	return m
}

func (g gen) pageResponse() *PageResponse {
	m := &PageResponse{
		Log: g.hash(), From: g.count(), Count: uint32(g.upTo(MaxRunPages)), FirstSeq: g.upTo(MaxCount / 2),
		PageBytes: g.page(), Right: g.hashes(MaxRight), More: g.bool(),
	}
	m.EndSeq = m.FirstSeq + g.upTo(uint64(m.PagesLen())/event.HeaderBytes)
	m.Head = g.head(m.EndSeq)
	for at := g.upTo(9); m.PageBytes >= 9+MinImageBytes/4 && at < uint64(m.Count); at += 1 + g.upTo(9) {
		i := RunImage{Skip: uint32(g.upTo(3)), Pages: 1 + uint32(g.upTo(5)), Bytes: uint32(MinImageBytes + g.upTo(uint64(4*m.PageBytes)-MinImageBytes-1))}
		if at += uint64(i.Skip) + uint64(i.Pages); at > uint64(m.Count) || len(m.Images) > 40 {
			break
		}
		m.Images = append(m.Images, i)
	}
	return m
}

func (g gen) events() *Events {
	m := &Events{
		Topic: g.topic(), Log: g.hash(), Author: g.hash(), PageBytes: g.page(), Kind: g.kind(), Number: g.number(),
		First: g.upTo(MaxCount / 2), Right: g.hashes(MaxRight), Records: g.bytes(1 << 17),
	}
	m.Count = uint32(g.upTo(uint64(len(m.Records)) / event.HeaderBytes))
	if m.Count == 0 {
		m.Records = nil
	}
	m.Head = g.head(m.First + uint64(m.Count))
	return m
}

func (g gen) have() *Have {
	m := &Have{Topic: g.topic()}
	for range g.upTo(MaxHave) {
		m.Logs = append(m.Logs, LogSize{Log: g.hash(), Size: g.count()})
	}
	return m
}

func (g gen) graft() *Graft {
	m := &Graft{Topic: g.topic()}
	for range g.upTo(MaxHave) {
		m.Logs = append(m.Logs, LogHeld{Log: g.hash(), Size: g.count(), Pages: g.count()})
	}
	return m
}
