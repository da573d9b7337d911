// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/doctor"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/internal/repair"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A RepairReport says what a repair found, did, and could not do.
type RepairReport struct {
	Found   []Finding    `json:"found"`
	Done    []RepairStep `json:"done"`
	Missing []RepairStep `json:"missing"`         // what is not here: no peer that was asked had it, or none was asked
	Left    []Finding    `json:"left"`            // what a check finds afterwards
	Aside   string       `json:"aside,omitempty"` // where what was replaced is kept
	Asked   []string     `json:"asked,omitempty"` // peers that were dialed to fetch from
	Copy    string       `json:"copy,omitempty"`  // as in a CheckReport: a repair does not change it
}

// Clean reports whether nothing is damaged and nothing is missing.
func (r *RepairReport) Clean() bool { return len(r.Left)+len(r.Missing) == 0 }

// A RepairStep is one thing that was done or could not be done.
type RepairStep struct {
	Log    string `json:"log,omitempty"`
	What   string `json:"what"`
	Remedy Remedy `json:"remedy,omitempty"` // what can be done about it
	Do     string `json:"do,omitempty"`     // the same, as a sentence
}

// Do is the remedy as a sentence.
func (r Remedy) Do() string { return repair.Remedy(r).Do() }

func repairReportOf(r repair.Report) RepairReport {
	return RepairReport{
		Found: findingsOf(r.Found), Done: stepsOf(r.Done), Missing: stepsOf(r.Missing), Left: findingsOf(r.Left),
		Aside: r.Aside, Asked: r.Asked, Copy: r.Copy,
	}
}

func stepsOf(inner []repair.Step) []RepairStep {
	all := make([]RepairStep, len(inner))
	for i, s := range inner {
		all[i] = RepairStep{Log: s.Log, What: s.What, Remedy: Remedy(s.Remedy), Do: s.Do}
	}
	return all
}

// A Remedy is the kind of thing that can be done about a RepairStep.
type Remedy string

// What can be done.
const (
	RemedyIdentity Remedy = Remedy(repair.RemedyIdentity) // put back a copy of identity.key
	RemedyInvite   Remedy = Remedy(repair.RemedyInvite)   // repair again, with an invite to the topic among Invites
	RemedyPeer     Remedy = Remedy(repair.RemedyPeer)     // repair again, From a peer that holds the log
	RemedyLoss     Remedy = Remedy(repair.RemedyLoss)     // that, or AcceptLoss
	RemedySync     Remedy = Remedy(repair.RemedySync)     // open the store, and sync with a peer that holds the log
	RemedyFetch    Remedy = Remedy(repair.RemedyFetch)    // open the store, and Fetch the events
	RemedyCosign   Remedy = Remedy(repair.RemedyCosign)   // repair again with CosignAgain, if a person knows that it may
)

// RepairOptions say what Repair may use. The zero value works: then what the
// store itself still has is used, and the peers that it remembers.
type RepairOptions struct {
	// From is peers to fetch from, all at once: addresses, or invites with
	// addresses in them.
	From []string
	// Invites give back the keys of topics if the AOF, which alone holds
	// them, is lost. Their addresses are asked too.
	Invites []string
	// Offline asks only these, and none of the peers that the store remembers,
	// of which the four seen last are asked otherwise.
	Offline bool
	// AcceptLoss gives up events of this store's own logs that nobody has. So
	// that it can never sign other events in their place, the store goes on
	// under a new identity with new logs, and the old ones stay readable.
	AcceptLoss bool
	// CosignAgain lets a store that may have cosigned newer heads than it knows of
	// (its AOF was lost, or an older one put back) cosign again. It is a person's
	// word that the store holds, of each log, the history that it cosigned.
	CosignAgain bool
	// Place names the place of the store, as in Options.
	Place string
	// Passphrase asks for the one of identity.key, as in Options.
	Passphrase func() ([]byte, error)
	// NewCarrier replaces QUIC and TCP, as in Options.
	NewCarrier func(key ed25519.PrivateKey) (transport.Carrier, error)
	// PeerTimeout is how long a peer may take. Default 10 seconds.
	PeerTimeout time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Repair mends a store that is not open: damaged and missing pages are fetched
// from peers, each proven under its author's signature before it is written;
// trees and mountains are made again; a lost AOF is rebuilt from the pages and
// what can be read of the old one. Peers are those that are named and those that the
// store remembers; a log comes from all of them at once. If none has it, it keeps what can be proven.
// Whatever is replaced is moved to damaged/ in dir. A store that is found in another
// place stays what it is, and the report says so: opening it decides. The error is for what keeps
// Repair from working; what it could not mend is in the report.
func Repair(ctx context.Context, dir string, o RepairOptions) (_ RepairReport, err error) {
	defer out(&err)
	if err := notBackup(dir); err != nil {
		return RepairReport{}, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PeerTimeout <= 0 {
		o.PeerTimeout = 10 * time.Second
	}
	peers, invites, err := o.named()
	if err != nil {
		return RepairReport{}, fmt.Errorf("repair: %w", err)
	}
	ask, forget := identity.Passphrase(o.Passphrase).Once()
	defer forget()
	do := repair.Options{Passphrase: ask, Invites: invites, AcceptLoss: o.AcceptLoss, CosignAgain: o.CosignAgain, Place: o.Place, Now: o.Now()}
	var fetcher *swarm.Fetcher
	do.Fetch = func(device identity.Device, known map[identity.PeerID][]byte) (repair.Fetcher, error) {
		if !o.Offline {
			peers = append(peers, lastSeen(device.PeerID(), known, rememberedAsked)...)
		}
		if peers = each(peers); len(peers) == 0 {
			return nil, nil
		}
		carriers, _, err := Options{NewCarrier: o.NewCarrier}.carriers(device)
		if err != nil {
			return nil, err
		}
		fetcher = swarm.NewFetcher(swarm.Visits{Carrier: carriers, Self: device.PeerID(), PeerTimeout: o.PeerTimeout, Still: o.PeerTimeout}, peers)
		return fetcher, nil
	}
	r, err := doctor.Repair(ctx, durable.OS, dir, do)
	if fetcher != nil {
		for _, a := range fetcher.Asked() {
			r.Asked = append(r.Asked, a.String())
		}
	}
	return repairReportOf(r), err
}

// named returns the addresses of From and Invites, and the invites.
func (o *RepairOptions) named() (peers []identity.Address, invites []*identity.Invite, err error) {
	for _, from := range o.From {
		addrs, err := addresses(from)
		if err != nil {
			return nil, nil, err
		}
		peers = append(peers, addrs...)
	}
	for _, text := range o.Invites {
		v, err := identity.ParseInvite(text)
		if err != nil {
			return nil, nil, err
		}
		invites, peers = append(invites, v), append(peers, v.Peers...)
	}
	return peers, invites, nil
}

// rememberedAsked is how many remembered peers a repair asks: those that are not there
// may cost RepairOptions.PeerTimeout, once.
const rememberedAsked = 4

// lastSeen returns where the peers that were seen last were found then.
func lastSeen(self identity.PeerID, rows map[identity.PeerID][]byte, most int) (all []identity.Address) {
	book := peerbook.New(self)
	for p, row := range rows {
		_ = book.Load(p, row) // one that cannot be read is one peer less to ask
	}
	entries := slices.SortedFunc(book.All, func(a, b peerbook.Entry) int { return b.Seen.Compare(a.Seen) })
	for _, e := range entries {
		if i := slices.IndexFunc(e.Places, func(p peerbook.Place) bool { return p.MayAsk(e.Peer) }); i >= 0 && len(all) < most {
			all = append(all, identity.Address{Peer: e.Peer, Host: e.Places[i].Host})
		}
	}
	return all
}

func each(peers []identity.Address) (all []identity.Address) {
	for _, p := range peers {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
