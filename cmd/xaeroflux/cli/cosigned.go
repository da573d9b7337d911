// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/proof"
)

// policy reads --policy, or --witness and --threshold.
func (a *app) policy(file string, witnesses []string, threshold int) (proof.Policy, error) {
	p := proof.Policy{K: threshold}
	if file != "" {
		if len(witnesses) > 0 || threshold != 0 {
			return p, usage("--policy says which witnesses count; --witness and --threshold do so otherwise")
		}
		text, err := a.readFile(file, proof.MaxPolicy+1)
		if err != nil {
			return p, err
		}
		if p, err = proof.ParsePolicy(text); err != nil {
			return p, hint(kinded(nodeapi.Usage, "%s: %v", file, err), "a policy as https://c2sp.org/tlog-policy has it")
		}
		return p, nil
	}
	for _, text := range witnesses {
		w, err := proof.ParseWitness(text)
		if err != nil {
			return p, hint(err, "the key as the witness publishes it, or `xaeroflux vkey --witness` prints it there, in quotes")
		}
		p.Witnesses = append(p.Witnesses, note.Verifier(w))
	}
	if threshold < 0 || threshold > len(witnesses) {
		return p, usage("--threshold is %d, there are %d of --witness", threshold, len(witnesses))
	}
	return p, nil
}

// isCheckpoint tells a signed head from a proof of an event.
func isCheckpoint(text []byte) bool { return bytes.HasPrefix(text, []byte("xaeroflux/")) }

// verifyCheckpoint checks a signed head and its cosignatures.
func (a *app) verifyCheckpoint(text []byte, vkey string, p proof.Policy) error {
	h, names, err := proof.VerifyCosigned(text, vkey, p)
	if errors.Is(err, proof.ErrKey) {
		return hint(err, "the key as `xaeroflux vkey` prints it, in quotes")
	}
	if err != nil {
		return err
	}
	v := verifiedHead{true, h.Log.String(), h.Size, h.Root.String(), append([]string{}, names...)}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "verified: head of log %s\n", h.Log)
		fmt.Fprintf(w, "  %d events, root %s, signed by the log's author\n", h.Size, h.Root)
		for _, name := range names {
			fmt.Fprintf(w, "  cosigned by %s\n", name)
		}
	})
}

// verifyConsistency checks that a log only grew since an older head.
func (a *app) verifyConsistency(text []byte, vkey, old string, p proof.Policy) error {
	if old == "" {
		return hint(usage("--old is missing: since which head did the log only grow?"), "the older head as `xaeroflux head --note` printed it")
	}
	c, err := proof.ParseConsistency(text)
	if err != nil {
		return err
	}
	olderText, err := a.readFile(old, proof.MaxCheckpoint+1)
	if err != nil {
		return err
	}
	if vkey, err = p.Log(vkey, c.Checkpoint); err != nil {
		return err
	}
	older, err := proof.ParseCheckpoint(olderText, vkey)
	if err != nil {
		return fmt.Errorf("%s: %w", old, err)
	}
	if _, err := c.Verify(vkey, older); err != nil {
		return err
	}
	h, names, err := proof.VerifyCosigned(c.Checkpoint, vkey, p)
	if err != nil {
		return err
	}
	v := verifiedGrowth{true, h.Log.String(), c.Old, h.Size, h.Root.String(), append([]string{}, names...)}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "verified: log %s only grew from %d to %d events\n", h.Log, c.Old, h.Size)
	})
}

// A verifiedHead is a checkpoint that verified.
type verifiedHead struct {
	Verified bool     `json:"verified"` // true
	Log      string   `json:"log"`      // id
	Size     uint64   `json:"size"`     // events under the head
	Root     string   `json:"root"`     // over those, in hex
	Cosigned []string `json:"cosigned"` // names of the witnesses that did
}

// A verifiedGrowth is a consistency proof that verified.
type verifiedGrowth struct {
	Verified bool     `json:"verified"` // true
	Log      string   `json:"log"`      // id
	Old      uint64   `json:"old"`      // events under the older head
	Size     uint64   `json:"size"`     // events under the newer one
	Root     string   `json:"root"`     // over those, in hex
	Cosigned []string `json:"cosigned"` // names of the witnesses that cosigned the newer one
}
