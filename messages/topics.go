// SPDX-License-Identifier: MPL-2.0

package messages

import "math"

// Topics offers more topics in a session. A topic is shared from when both
// sides have offered it.
//
//	[2, answers, more, [offer ...]]
type Topics struct {
	Answers uint32  // lists of the peer that were taken so far, HELLO the first
	More    bool    // another list follows, of a list that has offers when it is answered
	Offers  []Offer // at most MaxTopics; their numbers continue the earlier ones
}

// An Offer shows that the sender is in a topic, to those who are and to nobody
// else.
//
//	[lobby proof, join proof, partial] or [lobby proof, join proof, partial, mark]
type Offer struct {
	Lobby   [32]byte
	Join    [16]byte
	Partial bool     // the sender follows some logs of the topic only
	Mark    [16]byte // of what it holds of the topic; zero if it states nothing
}

const (
	topicsFields = 3
	offerFields  = 3
	withMark     = 4
	minOffer     = 1 + 2 + 32 + 2 + 16 + 1
)

// Type returns TypeTopics.
func (*Topics) Type() Type { return TypeTopics }

func (m *Topics) encode(w *writer) {
	w.begin(TypeTopics, topicsFields)
	w.uint("answers", uint64(m.Answers), math.MaxUint32)
	w.bool(m.More)
	w.offers(m.Offers)
}

func decodeTopics(r *reader) Message {
	return &Topics{Answers: r.uint32("answers"), More: r.bool("more"), Offers: r.offers()}
}

func (w *writer) offers(offers []Offer) {
	w.list("offers", len(offers), MaxTopics)
	for i := range offers {
		offers[i].encode(w)
	}
}

// encode leaves out a mark that says nothing.
func (o *Offer) encode(w *writer) {
	fields := offerFields
	if o.Mark != [16]byte{} {
		fields = withMark
	}
	w.array(fields)
	w.fixed(o.Lobby[:])
	w.fixed(o.Join[:])
	w.bool(o.Partial)
	if fields == withMark {
		w.fixed(o.Mark[:])
	}
}

func (r *reader) offers() []Offer {
	n := r.list("offers", MaxTopics, minOffer)
	if n == 0 {
		return nil
	}
	all := make([]Offer, n)
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("offer", offerFields)
		r.fixed("lobby proof", all[i].Lobby[:])
		r.fixed("join proof", all[i].Join[:])
		all[i].Partial = r.bool("partial")
		if rest > 0 {
			r.fixed("mark", all[i].Mark[:])
			rest--
		}
		r.skip("offer", rest)
	}
	return all
}
