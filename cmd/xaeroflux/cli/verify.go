// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
	"github.com/xaeroflux/xaeroflux/proof"
)

// verified is what a proof proves.
type verified struct {
	Verified    bool   `json:"verified"` // true
	Log         string `json:"log"`
	Seq         uint64 `json:"seq"`
	Time        string `json:"time"` // that the author gave it
	Type        string `json:"type"`
	TypeBytes   []byte `json:"type_bytes,omitempty"` // the type as it is, if it is not UTF-8
	Key         []byte `json:"key"`
	PayloadSize int    `json:"payload_size"`
	PayloadHash string `json:"payload_hash"`    // SHA-256
	Payload     bool   `json:"payload_checked"` // --payload was given, and fits
	Size        uint64 `json:"size"`            // events under the head
	Root        string `json:"root"`            // over those
}

func (a *app) verifyCmd() *cobra.Command {
	var vkey, payload, old, policyFile string
	var witnesses []string
	var threshold int
	cmd := &cobra.Command{
		Use:   "verify --vkey KEY | --policy FILE [--payload FILE] PROOF",
		Short: "Check a proof, a head or a fork, without a store",
		Long: `Checks a proof file that "xaeroflux prove" printed: that the log's author signed
the head in it, and that the event is in the log under that head. KEY is what
"xaeroflux vkey" prints at the author's. With --payload, also checks that FILE
is the event's payload. With --witness and --threshold, also checks that so many
of these witnesses cosigned the head; with --policy, that those did whom a policy
file asks for (https://c2sp.org/tlog-policy), which may name the log as well.
PROOF may be - for stdin, a head as "xaeroflux head --note" prints it, a proof of
"xaeroflux prove --consistency", with the older head in --old, or a fork that
"xaeroflux forks -o" wrote, which carries its key. Needs no store.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.readFile(args[0], proof.MaxFile+1)
			if err == nil {
				err = heldAgainst(text, cmd.Flags().Changed)
			}
			if err != nil {
				return err
			}
			if proof.IsFork(text) {
				return a.verifyFork(text, vkey)
			}
			p, err := a.policy(policyFile, witnesses, threshold)
			if err != nil {
				return err
			}
			if vkey == "" && len(p.Logs) == 0 {
				return hint(usage("--vkey is missing: whose proof is it?"), "the key as `xaeroflux vkey` prints it, in quotes")
			}
			if proof.IsConsistency(text) {
				return a.verifyConsistency(text, vkey, old, p)
			}
			if isCheckpoint(text) {
				return a.verifyCheckpoint(text, vkey, p)
			}
			v, err := a.verify(text, vkey, payload, p)
			if err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { printVerified(w, v) })
		},
	}
	cmd.Flags().StringVar(&vkey, "vkey", "", "note verifier key of the log")
	cmd.Flags().StringArrayVar(&witnesses, "witness", nil, "key of a witness whose cosignature counts (may be repeated)")
	cmd.Flags().IntVar(&threshold, "threshold", 0, "how many of the witnesses have to have cosigned the head")
	cmd.Flags().StringVar(&policyFile, "policy", "", "file that says which logs and which witnesses count")
	cmd.Flags().StringVar(&old, "old", "", "file with the older head of a consistency proof")
	cmd.Flags().StringVar(&payload, "payload", "", "file that should be the event's payload")
	return cmd
}

// heldAgainst returns an error if a file was to be held against something that says
// nothing of its kind: nobody is to take "verified" for an answer to that.
func heldAgainst(text []byte, given func(flag string) bool) error {
	kind, next := "a proof that an event is in a log", ""
	not := []string{"old"}
	switch {
	case proof.IsFork(text):
		kind, not = "a fork", []string{"old", "payload", "policy", "witness", "threshold"}
	case proof.IsConsistency(text):
		kind, not = "a proof that a log only grew", []string{"payload"}
	case isCheckpoint(text):
		kind, not, next = "a head", []string{"old", "payload"}, "`xaeroflux prove --consistency` at a store of the log, for a proof that it only grew"
	}
	for _, flag := range not {
		if given(flag) {
			return hint(usage("--%s says nothing of this file, which is %s", flag, kind), "%s", cmp.Or(next, "the file that it belongs to"))
		}
	}
	return nil
}

func (a *app) verify(b []byte, vkey, payload string, p proof.Policy) (verified, error) {
	f, err := proof.ParseFile(b)
	if err != nil {
		return verified{}, err
	}
	if vkey, err = p.Log(vkey, f.Checkpoint); err != nil {
		return verified{}, err
	}
	head, leaf, err := f.Verify(vkey)
	if errors.Is(err, proof.ErrKey) {
		return verified{}, hint(err, "the key as `xaeroflux vkey` prints it, in quotes")
	}
	if err != nil {
		return verified{}, err
	}
	if _, _, err := proof.VerifyCosigned(f.Checkpoint, vkey, p); err != nil {
		return verified{}, err
	}
	v := verified{
		Verified: true, Log: head.Log.String(), Seq: f.Index, Time: time.UnixMilli(leaf.Time).UTC().Format(stampLayout),
		Type: string(leaf.Type), TypeBytes: noText(string(leaf.Type)), Key: append([]byte{}, leaf.Key...), PayloadSize: leaf.PayloadLen,
		PayloadHash: leaf.PayloadHash.String(), Size: head.Size, Root: head.Root.String(),
	}
	if payload == "" {
		return v, nil
	}
	v.Payload = true
	return v, a.comparePayload(payload, leaf)
}

// comparePayload holds a file against what the leaf says of the payload.
func (a *app) comparePayload(path string, leaf event.Leaf) error {
	b, err := a.readFile(path, event.MaxPayload+1)
	if err != nil {
		return err
	}
	if len(b) != leaf.PayloadLen {
		return kinded(nodeapi.Proof, "payload %s has %d bytes or more, the event's has %d", path, len(b), leaf.PayloadLen)
	}
	if h := digest.Sum(b); h != leaf.PayloadHash {
		return kinded(nodeapi.Proof, "payload %s has SHA-256 %s, the event's has %s", path, h, leaf.PayloadHash)
	}
	return nil
}

// readFile reads at most limit bytes of a file, or of stdin for "-".
func (a *app) readFile(path string, limit int64) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(a.stdin(), limit))
	}
	f, err := openFile(a.ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

func printVerified(w io.Writer, v verified) {
	fmt.Fprintf(w, "verified: event %d of log %s\n", v.Seq, v.Log)
	fmt.Fprintf(w, "  appended  %s\n  type      %q\n  key       %q\n", v.Time, v.Type, v.Key)
	match := ""
	if v.Payload {
		match = ", which the file matches"
	}
	fmt.Fprintf(w, "  payload   %d bytes, SHA-256 %s%s\n", v.PayloadSize, v.PayloadHash, match)
	fmt.Fprintf(w, "  head      %d events, root %s, signed by the log's author\n", v.Size, v.Root)
}
