// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"github.com/xaeroflux/xaeroflux/proof"
)

// policy reads --witness and --threshold.
func policy(witnesses []string, threshold int) (proof.Policy, error) {
	p := proof.Policy{K: threshold}
	for _, text := range witnesses {
		w, err := proof.ParseWitness(text)
		if err != nil {
			return p, hint(err, "the key as `xaeroflux vkey --witness` prints it at the witness, in quotes")
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
	v := struct {
		Verified bool     `json:"verified"`
		Log      string   `json:"log"`
		Size     uint64   `json:"size"`
		Root     string   `json:"root"`
		Cosigned []string `json:"cosigned"`
	}{true, h.Log.String(), h.Size, h.Root.String(), append([]string{}, names...)}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "verified: head of log %s\n", h.Log)
		fmt.Fprintf(w, "  %d events, root %s, signed by the log's author\n", h.Size, h.Root)
		for _, name := range names {
			fmt.Fprintf(w, "  cosigned by %s\n", name)
		}
	})
}
