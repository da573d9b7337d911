// SPDX-License-Identifier: MPL-2.0

package recovery

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var (
	logID   = digest.Sum([]byte("a log"))
	ours    = [32]byte{1}
	another = [32]byte{2}
)

// sound is a store with one own log of so many events and sealed pages.
func sound(size, sealed uint64) *Witness {
	whole := File{State: Sound}
	return &Witness{Format: whole, Identity: whole, AOF: whole, Logs: []Log{{
		ID: logID, Row: &Row{Own: true, Size: size, SealedPages: sealed, Author: ours, Key: ours},
	}}}
}

// TestJudge says what comes of each thing that can disagree, alone.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Witness)
		refuse Kind // "" if the store opens
		says   string
	}{
		"whole store":            {func(w *Witness) {}, "", ""},
		"FORMAT missing":         {func(w *Witness) { w.Format = File{} }, KindFormat, "put FORMAT back"},
		"FORMAT damaged":         {func(w *Witness) { w.Format = File{Damaged, "FORMAT begins with x"} }, KindFormat, "repair"},
		"identity.key missing":   {func(w *Witness) { w.Identity = File{} }, KindIdentity, "put back the identity.key"},
		"identity.key of others": {func(w *Witness) { w.Logs[0].Row.Key = another }, KindIdentity, "put back the identity.key"},
		"own log of lost topic":  {func(w *Witness) { w.Logs[0].Row.Key, w.Logs[0].Row.TopicMissing = another, true }, "", ""},
		"a peer's author":        {func(w *Witness) { w.Logs[0].Row.Own, w.Logs[0].Row.Author = false, another }, "", ""},
		"aof missing":            {func(w *Witness) { w.AOF = File{} }, KindAOF, "put back the newest aof/"},
		"aof of a time before":   {func(w *Witness) { w.Closed = Closed{3, 4} }, KindOlder, "put back the newer aof/"},
		"closed file lost":       {func(w *Witness) { w.Closed = Closed{3, 0} }, "", ""},
		"head of more":           {func(w *Witness) { w.Logs[0].Head = Head{State: Sound, Size: 101} }, KindOlder, "would fork"},
		"head of what is back":   {func(w *Witness) { w.Logs[0].Row.Signed, w.Logs[0].Head = 101, Head{State: Sound, Size: 101} }, "", ""},
		"head of more than that": {func(w *Witness) { w.Logs[0].Row.Signed, w.Logs[0].Head = 101, Head{State: Sound, Size: 102} }, KindOlder, "would fork"},
		"own pages come back": {func(w *Witness) {
			w.Logs[0].Row.Signed = 101
			w.Logs[0].Files.Beyond = []Page{{Index: 4, Checks: true, Follows: true, End: 101}}
		}, "", ""},
		"head of as much":  {func(w *Witness) { w.Logs[0].Head = Head{State: Sound, Size: 100} }, "", ""},
		"own head damaged": {func(w *Witness) { w.Logs[0].Head = Head{State: Damaged, What: "no signature"} }, KindHead, "no signature"},
		"own pages of more": {func(w *Witness) {
			w.Logs[0].Files.Beyond = []Page{{Index: 4, Checks: true, Follows: true, End: 101}}
		}, KindOlder, "its pages 101"},
		"own pages of others": {func(w *Witness) { w.Logs[0].Files.Beyond = []Page{{Index: 4, Checks: true, End: 101}} }, "", ""},
		"sealed pages gone":   {func(w *Witness) { w.Logs[0].Files.Flaw = "000001.seg: the file is missing" }, KindPages, "000001.seg"},
		"own log without row": {func(w *Witness) { w.Logs[0] = Log{ID: logID, Ours: true, Files: Files{Segments: true}} }, KindOlder, "does not know this log"},
		"a log without row":   {func(w *Witness) { w.Logs[0] = Log{ID: logID, Files: Files{Segments: true}} }, "", ""},
	} {
		w := sound(100, 4)
		c.change(w)
		p := Judge(w)
		if c.refuse == "" && len(p.Refused) == 0 {
			continue
		}
		if len(p.Refused) != 1 || p.Refused[0].Kind != c.refuse || !strings.Contains((&RefusedError{Refused: p.Refused}).Error(), c.says) {
			t.Errorf("%s: %+v", name, p.Refused)
		}
	}
}

// All that disagrees is said at once, and nothing is done then.
func TestJudgeSaysAll(t *testing.T) {
	w := sound(100, 4)
	w.Closed, w.Logs[0].Row.Key = Closed{1, 2}, another
	w.Logs[0].Files = Files{Unfinished: []string{"000000.seg.new"}, Beyond: []Page{{Index: 4, Checks: true}}}
	if p := Judge(w); len(p.Refused) != 2 || len(p.Steps) != 0 || p.Keep != nil {
		t.Errorf("%+v", p)
	}
}

// randomPages is what a crash, or files of different ages, may leave past the
// sealed pages, four in a file.
func randomPages(r *rand.Rand, sealed uint64) (pages []Page) {
	follows := true
	for i := sealed; i < sealed+uint64(r.IntN(14)); i++ {
		if r.IntN(6) == 0 {
			follows = false // a hole
			continue
		}
		p := Page{Index: i, File: string(rune('a' + i/4)), Alone: i/4*4 >= sealed, Checks: r.IntN(4) > 0}
		if follows = follows && p.Checks && r.IntN(8) > 0; follows {
			p.Follows = true
		}
		pages = append(pages, p)
	}
	return pages
}

// Whatever lies past the sealed pages: what continues them stays, what checks is
// kept somewhere, and what does neither goes.
func TestPagesAgainstTheObvious(t *testing.T) {
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := sound(1000, uint64(r.IntN(9)))
		l := &w.Logs[0]
		l.Files.Beyond = randomPages(r, l.Row.SealedPages)
		p := Judge(w)
		keep := l.Row.SealedPages
		for slices.ContainsFunc(l.Files.Beyond, func(b Page) bool { return b.Index == keep && b.Follows }) {
			keep++
		}
		if len(p.Refused) > 0 || p.Keep[logID] != keep {
			t.Fatalf("seed %d: %d pages stay, want %d; %+v", seed, p.Keep[logID], keep, p.Refused)
		}
		for _, b := range l.Files.Beyond {
			if got, want := fate(p, b, keep), obvious(l, b, keep); got != want {
				t.Fatalf("seed %d: page %d of %+v: %q, want %q", seed, b.Index, l.Files.Beyond, got, want)
			}
		}
	}
}

// fate returns what a plan does with a page.
func fate(p Plan, b Page, keep uint64) Action {
	if b.Index < keep {
		return Leave
	}
	var all []Action
	for _, s := range p.Steps {
		if s.File == b.File && s.Action != Leave {
			all = append(all, s.Action)
		}
	}
	if len(all) != 1 {
		return "" // none, or twice
	}
	return all[0]
}

// obvious is what is to be done with a page, by looking at all of them each time.
func obvious(l *Log, b Page, keep uint64) Action {
	sound, stays := false, !b.Alone
	for _, other := range l.Files.Beyond {
		if other.File == b.File {
			stays = stays || other.Index < keep
			sound = sound || other.Checks && other.Index >= keep
		}
	}
	switch {
	case b.Index < keep:
		return Leave
	case !sound:
		return Cut
	case stays:
		return Copy
	}
	return Move
}
