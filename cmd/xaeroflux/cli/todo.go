// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"

	"github.com/xaeroflux/xaeroflux"
)

// commands are what a person types about a flaw that a check found. The library says
// in its own words what is to be done; if that is no command, its words stand.
var commands = map[xaeroflux.Flaw]string{
	xaeroflux.FlawFormat: "xaeroflux repair, which writes it again from what the other files say; or put FORMAT back",
	xaeroflux.FlawAOF:    "xaeroflux repair --from ADDRESS, which keeps what is sound and fetches the rest from a peer; or put back the newest aof/ that there is",
	xaeroflux.FlawEvents: "xaeroflux repair --from ADDRESS, which fetches these events again from a peer",
	xaeroflux.FlawPages:  "xaeroflux repair --from ADDRESS, which fetches the damaged pages again from a peer; or put the files back",
	xaeroflux.FlawTree:   "xaeroflux repair, which makes it again from the pages",
	xaeroflux.FlawPeaks:  "xaeroflux repair, which makes it again from the pages",
	xaeroflux.FlawHead:   "xaeroflux repair, which sets it aside; it is written again with the next pages",
	xaeroflux.FlawFork:   "xaeroflux repair, which sets it aside; it is written again from the AOF",
	xaeroflux.FlawRange:  "xaeroflux repair, which drops it; xaeroflux fetch brings it again",
	xaeroflux.FlawOlder:  "put back the newer aof/ that belongs to these files; if there is none, xaeroflux repair --from ADDRESS fetches what is missing from a peer",
	xaeroflux.FlawLog:    "xaeroflux repair --from ADDRESS, which fetches what is missing from a peer",
	xaeroflux.FlawLink: "put a directory in the place of the link, with a copy of what it leads to (cp -aL LINK NEW); " +
		"or, if it was moved and no other copy is left, `xaeroflux adopt`",
}

// toDo is what a person does about a flaw, or about why a store is not opened, which
// has the name of a flaw; do is how the library says it.
func toDo(kind xaeroflux.Flaw, do string) string { return cmp.Or(commands[kind], do) }

// commandsFor puts commands into what a check found.
func commandsFor(found []xaeroflux.Finding) {
	for i, f := range found {
		found[i].Do = toDo(f.Kind, f.Do)
	}
}

// remedies are what a person types about what a repair left, as commands are about a
// flaw.
var remedies = map[xaeroflux.Remedy]string{
	xaeroflux.RemedyInvite: "xaeroflux repair --invite INVITE, with an invite to the topic from any of its members",
	xaeroflux.RemedyPeer:   commands[xaeroflux.FlawLog],
	xaeroflux.RemedyLoss: "xaeroflux repair --from ADDRESS of a peer that holds this log; or, if there is none, xaeroflux repair --accept-loss, " +
		"which keeps the events before the first that is missing, sets the rest aside, and goes on with a new log",
	xaeroflux.RemedySync:   "xaeroflux sync ADDRESS, with a peer that holds the log: they come back like any others",
	xaeroflux.RemedyFetch:  "xaeroflux fetch LOG --peer ADDRESS, which brings them again",
	xaeroflux.RemedyCosign: "xaeroflux repair --cosign-again, if this store holds of each log the history that it cosigned before; or tell whoever trusts it as a witness",
}
