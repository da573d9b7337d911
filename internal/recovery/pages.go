// SPDX-License-Identifier: MPL-2.0

package recovery

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// judgePages decides about the files of a log that nothing is wrong with. Pages
// past the sealed ones that continue them stay where they are: what the AOF holds
// is packed into the same pages, and a newer AOF finds its own. Of what does not
// continue them, that which checks is set aside, and torn writes are cut.
func (p *Plan) judgePages(l *Log) {
	for _, name := range l.Files.Unfinished {
		p.step(Remove, l.ID, name, 0, "its writer was stopped before it was whole")
	}
	for _, name := range l.Files.Derived {
		p.step(Remove, l.ID, name, 0, "of pages that are not sealed; made again from them")
	}
	keep, last := l.Row.SealedPages, ""
	rest := l.Files.Beyond
	for len(rest) > 0 && rest[0].Follows && rest[0].Index == keep {
		keep, last, rest = keep+1, rest[0].File, rest[1:]
	}
	if n := keep - l.Row.SealedPages; n > 0 {
		p.step(Leave, l.ID, l.Files.Beyond[0].File, n, fmt.Sprintf("pages from %d on follow the sealed ones", l.Row.SealedPages))
	}
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && rest[n].File == rest[0].File {
			n++
		}
		p.judgeRest(l.ID, rest[:n], rest[0].Alone && rest[0].File != last)
		rest = rest[n:]
	}
	p.Keep[l.ID] = keep
}

// judgeRest decides about the places of one file that do not stay. whole says that
// nothing else is in it.
func (p *Plan) judgeRest(log digest.Hash, rest []Page, whole bool) {
	sound := uint64(0)
	for _, page := range rest {
		if page.Checks {
			sound++
		}
	}
	file := rest[0].File
	switch {
	case sound == 0:
		p.step(Cut, log, file, uint64(len(rest)), fmt.Sprintf("what is there from page %d on was never written whole", rest[0].Index))
	case whole:
		p.step(Move, log, file, sound, "its pages check and do not continue the log")
	default:
		p.step(Copy, log, file, sound, fmt.Sprintf("from page %d on its pages check and do not continue the log", rest[0].Index))
	}
}

func (p *Plan) step(a Action, log digest.Hash, file string, pages uint64, why string) {
	p.Steps = append(p.Steps, Step{Action: a, Log: log.String(), File: file, Pages: pages, Why: why})
}
