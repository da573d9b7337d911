// SPDX-License-Identifier: MPL-2.0

package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
)

// hypercore has node do an operation of bench/hypercore/index.js.
func hypercore(r *Run, op string, args any) (Sample, error) {
	var s Sample
	err := callHypercore(r, op, args, &s)
	return s, err
}

func growHypercore(r *Run) ([]Point, error) {
	var sizes []int
	for _, n := range logSizes {
		if n <= r.Events(5_000_000) {
			sizes = append(sizes, n)
		}
	}
	var points []Point
	args := map[string]any{"batch": 1000, "bytes": 256, "sizes": sizes, "seconds": r.Limit(12)}
	err := callHypercore(r, "grow", args, &points)
	return points, err
}

// callHypercore runs one operation, and decodes the last line it prints.
func callHypercore(r *Run, op string, args, result any) error {
	b, err := json.Marshal(args)
	if err != nil {
		return err
	}
	cmd := exec.Command("node", filepath.Join(r.Hypercore, "index.js"), op, r.Dir, r.Shared, string(b))
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("hypercore %s: %w: %s", op, err, bytes.TrimSpace(talk.Bytes()))
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], result); err != nil {
		return fmt.Errorf("hypercore %s printed %q: %w", op, lines[len(lines)-1], err)
	}
	return nil
}

// Facts about Hypercore, as package peers says them of others.
const (
	HypercoreVersion = "11.37.1"
	HypercorePromise = "handed to the system, not synced: a power cut can lose it; in the Merkle tree, under a signed head"
	HypercoreTuning  = "in Node.js, by its own script; a caller is a promise"
)
