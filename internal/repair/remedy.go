// SPDX-License-Identifier: MPL-2.0

package repair

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Remedy is what can be done about a Step.
type Remedy string

// Steps that can be taken.
const (
	RemedyIdentity Remedy = "identity" // put identity.key back
	RemedyInvite   Remedy = "invite"   // repair again, with an invite
	RemedyPeer     Remedy = "peer"     // repair again, from a peer that holds the log
	RemedyLoss     Remedy = "loss"     // or else accept the loss
	RemedySync     Remedy = "sync"     // the store is sound without it, so that a sync brings it, and no second repair
	RemedyFetch    Remedy = "fetch"    // fetch the events
	RemedyCosign   Remedy = "cosign"   // say that the store may cosign
)

// Do is the remedy as a sentence.
func (r Remedy) Do() string { return remedies[r] }

var remedies = map[Remedy]string{
	RemedyIdentity: findings.FlawSeed.Do(),
	RemedyInvite:   "repair the store again, with an invite to the topic from any of its members",
	RemedyPeer:     findings.FlawLog.Do(),
	RemedyLoss: "repair the store again, from a peer that holds this log; or, if there is none, accept the loss (AcceptLoss), " +
		"which keeps the events before the first that is missing, sets the rest aside, and goes on with a new log",
	RemedySync:   "sync with a peer that holds the log: they come back like any others",
	RemedyFetch:  "fetch these events from a peer that holds them",
	RemedyCosign: "repair the store with CosignAgain, if it holds of each log the history that it cosigned before; or tell whoever trusts it as a witness",
}

// remedyFor is what can be done about pages that did not come; of most, the finding
// says it that is left.
func remedyFor(err error) Remedy {
	if errors.Is(err, errNoTopic) {
		return RemedyInvite
	}
	return ""
}

// remedyForRows is what can be done about rows that are given up.
func remedyForRows(k *layout.Kind) Remedy {
	if k == &layout.Ranges.Kind {
		return RemedyFetch
	}
	return ""
}
