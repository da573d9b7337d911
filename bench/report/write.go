// SPDX-License-Identifier: MPL-2.0

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/xaeroflux/xaeroflux/bench/figures"
)

// Show prints the results, as tables or as JSON.
func (r *Results) Show(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(r)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n%s\n%s", r.machine(), r.summary(), r.behind(), r.figures(false))
	return err
}

// Prepare makes the folder that Write is to write to, so that a run of an hour
// does not end with a folder that cannot be written, or holds a bench.json
// that cannot be read.
func Prepare(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "img"), 0o755); err != nil {
		return err
	}
	if _, err := load(dir); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, "bench-")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Write writes bench.json, the drawings and benchmarks.md into a folder that
// Prepare made. Figures that were not measured now are kept.
func (r *Results) Write(dir string) error {
	if dir == "" || len(r.Figures) == 0 {
		return nil
	}
	kept, err := load(dir)
	if err != nil {
		return err
	}
	return r.over(kept).write(dir)
}

// Rewrite writes benchmarks.md and the drawings again from the bench.json of a folder.
func Rewrite(dir string) error {
	kept, err := load(dir)
	if err != nil {
		return err
	}
	return kept.write(dir)
}

func (r *Results) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, resultsName), append(breakLines(b), '\n'), 0o644); err != nil {
		return err
	}
	return errors.Join(r.draw(filepath.Join(dir, "img")),
		os.WriteFile(filepath.Join(dir, pageName), []byte(r.page()), 0o644))
}

// Files that Write writes, beside the drawings in img.
const (
	resultsName = "bench.json"
	pageName    = "benchmarks.md"
)

// breakLines gives every row a line of its own, so that a change can be read.
func breakLines(b []byte) []byte {
	return []byte(strings.NewReplacer(`{"id":`, "\n{\"id\":", `{"who":`, "\n{\"who\":").Replace(string(b)))
}

// load reads the results that a folder keeps: none if it has none. A figure
// that this program no longer measures is left out.
func load(dir string) (*Results, error) {
	path := filepath.Join(dir, resultsName)
	var kept Results
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &kept, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to begin anew", path, err)
	}
	known := kept.Figures[:0]
	for _, f := range kept.Figures {
		if f.def, err = figures.ByID(f.ID); err == nil {
			known = append(known, f)
		}
	}
	kept.Figures = known
	return &kept, nil
}

// over returns all figures: those of r, and of others what is kept.
func (r *Results) over(kept *Results) *Results {
	all := &Results{}
	for _, def := range figures.All {
		f := r.figure(def.ID)
		if f == nil {
			f = kept.figure(def.ID)
		}
		if f != nil {
			all.Figures = append(all.Figures, *f)
		}
	}
	return all
}

func (r *Results) figure(id string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].ID == id {
			return &r.Figures[i]
		}
	}
	return nil
}

func (r *Results) draw(dir string) error {
	for _, f := range r.Figures {
		if c, ok := f.chart(); ok {
			if err := os.WriteFile(filepath.Join(dir, "bench-"+f.ID+".svg"), []byte(c.SVG()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
