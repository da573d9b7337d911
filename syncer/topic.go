// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A topic is what the session knows of one shared topic.
type topic struct {
	id      identity.TopicID
	number  uint32
	offer   *offer
	stepped bool // it is in Session.stepped: set by touch, cleared by settleStepped
	counted bool // it is in Session.unrested: set by share, then set and cleared by settleOne

	foretold *round // what changed since ours, of a list that is not complete yet

	phase   topicPhase
	store   Store             // of the logs that both sides follow; nil until that is known
	scope   *scope            // the same, if it is not all
	partial bool              // one side follows a part only, or the topic is shared by certificates: fixed by newTopic
	reach   *Reach            // which let both speak of this; else nil
	reached identity.Position // of the roster, at which we told what else is in reach

	// theirs is what the peer holds of logs, if that is not what we do or came up
	// since both last agreed. Of all others it holds what we did before they changed,
	// once the topic is known.
	theirs  map[digest.Hash]*remote
	busy    map[digest.Hash]*remote // those of theirs with something under way
	strange int                     // those of theirs that the peer brought up and the store did not have
	member  bool                    // the peer came with a part of the roster: set by peaks, never cleared
	peaked  bool                    // the peer sent its PEAKS, which come once: set by peaks, never cleared
	known   bool                    // theirs spoke of every log that differed, and does from then on: set by finds and listEnds, never cleared
	listed  map[digest.Hash]bool    // of the list that is coming
	passed  map[digest.Hash]passed  // logs that the peer brought and our roster says nothing of yet

	stated   standing           // in our PEAKS
	toldAt   *identity.Position // the position of the peer when provisional logs were stated last
	strayed  identity.Position  // that of another history to which our legs were stated last
	leads    bool               // we lead rounds: set or cleared by open and peaks, set by wakened and syncDone, as what the peer says asks for one
	round    *round             // under way
	rounds   uint64             // number of the newest
	tries    int                // rounds that did not lead to agreement
	spent    int                // rounds that the peer made us take part in since the last tick
	expected map[uint64]uint64
	// expected is logs that are not here yet, by short id with expectSalt, and
	// the peer's sizes of them.
	expectSalt [16]byte

	touched []*remote // looked at in this step

	forksTold int // since our last list

	heard uint64   // messages of the peer
	quiet progress // at the last tick that found the topic busy

	moves uint64 // changes of logs here

	lazy lazy // what is told beside pushes

	evenings uint32 // how often both sides came to agree

	lastSent, lastGot *standing // of SYNC_DONE
	goal              *goal     // of the sync that is under way, or nil
	accord            accord    // of both sides
	left              bool      // a log of it is left alone here: set by leave, never cleared
	theirsLeft        bool      // one is left alone there: what the peer's last SYNC_DONE says
	asking            bool      // our next SYNC_DONE asks for theirs: set by part and askDone, cleared by sayDone
	debt              debt      // whether the peer asked for ours
	owed              lack      // while it is owing: what was known to be missing then; else nil
	drainAt           uint64    // the Drain that is to be over before we answer, or 0
	pressed           bool      // it asked again since,
	pressedAt         uint64    // and after this Drain we wait for nothing but what is on its way into the store
	stills            int       // asks in a row at which neither side had anything new to tell
	apart             time.Time // since when both sides rest and disagree
	wait              time.Duration
}

// A remote is what the peer holds of one log, and what is under way.
type remote struct {
	id          digest.Hash
	evening     uint32   // evenings of the topic when it came up last
	name        *LogInfo // what its id follows from, if the store does not have the log
	size, pages uint64   // what it holds, or will when what we pushed arrives
	pushed      uint64   // up to where we pushed, if the peer did not deny since that it has it
	end         *uint64  // where it says that the log ends; nil if it does not
	roster      bool     // it is a leg of the roster,
	shown       bool     // which was stated because the peer has a head of more of it
	serving     bool     // it pulls from us: no pushes meanwhile
	phase       logPhase
	wanted      uint64 // size that the peer is to bring us to; 0 for nothing
	knowsFork   bool   // the peer knows that it is forked,
	toldFork    bool   // or we told it
	resumed     int    // how often it was left alone as forked, and taken up again: see resume
	failures    int    // how often in a row something of it failed,
	failedAt    uint64 // how much was held then,
	why         error  // and why it did the last time
	in          *incoming

	judged   *identity.Position // where the roster was before events of the provisional log were handed in last
	declined *identity.Position // and when they were refused
}

// active reports whether something of the log is under way.
func (r *remote) active() bool {
	return r.wants() || r.serving || r.in != nil
}

// remote returns what is known of a log at the peer.
func (s *Session) remote(t *topic, id digest.Hash) *remote {
	if t.theirs[id] == nil && t.known {
		if own, found, err := s.cfg.Store.Log(id); err == nil && found {
			r := t.unheard(id, own.Size)
			if r.pages = own.Pages; own.Frozen {
				r.knowsFork = true
				r.to(aside)
			}
			return r
		}
	}
	return t.unheard(id, 0)
}

// unheard is remote, if the size that the peer holds is known if it is no other.
func (t *topic) unheard(id digest.Hash, size uint64) *remote {
	r := t.theirs[id]
	if r == nil {
		r = &remote{id: id, size: size}
		t.theirs[id] = r
	}
	r.evening = t.evenings
	t.touched = append(t.touched, r)
	return r
}

// forget drops what is known of logs of which the peer holds what we do, and which
// did not come up since both sides agreed the time before: word of what they agreed
// on now may still be on its way here.
func (t *topic) forget() {
	for id, r := range t.theirs {
		if r.evening < t.evenings && !r.active() && r.phase != aside && r.declined == nil {
			delete(t.theirs, id)
		}
	}
	t.evenings++
}

func newTopic(o *offer, number uint32) *topic {
	return &topic{
		id: o.ID, number: number, offer: o,
		partial: o.theirs.Partial || o.Follows != nil || o.reach != nil, reach: o.reach,
		theirs: map[digest.Hash]*remote{}, busy: map[digest.Hash]*remote{}, wait: time.Second,
	}
}
