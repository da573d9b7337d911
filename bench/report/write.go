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
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// Show prints the results, as tables or as JSON.
func (r *Results) Show(w io.Writer, asJSON bool) error {
	r.stamp()
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(r)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n%s\n%s", r.machine(), r.summary(), r.behind(), r.figures(false))
	return err
}

// stamp notes in each figure where it comes from, so that it can be kept
// beside others of another day.
func (r *Results) stamp() {
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Commit == "" {
			f.Commit, f.Version = r.Commit, map[string]string{}
			for _, who := range f.def.Who {
				if p, err := peers.ByName(who); err == nil && p.Version() != "" {
					f.Version[who] = p.Version()
				}
			}
		}
	}
}

// Write writes bench.json, the drawings, and the parts of benchmarks.md that
// are between marks. Figures that were not measured now are kept.
func (r *Results) Write(dir string) error {
	if dir == "" || len(r.Figures) == 0 {
		return nil
	}
	r.stamp()
	path := filepath.Join(dir, "bench.json")
	all, err := r.merged(path)
	if err != nil {
		return err
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, append(breakLines(b), '\n'), 0o644); err != nil {
		return err
	}
	return errors.Join(all.draw(filepath.Join(dir, "img")), all.document(filepath.Join(dir, "benchmarks.md")))
}

// breakLines gives every row a line of its own, so that a change can be read.
func breakLines(b []byte) []byte {
	return []byte(strings.NewReplacer(`{"id":`, "\n{\"id\":", `{"who":`, "\n{\"who\":").Replace(string(b)))
}

// merged returns the results with the figures that are kept in a file.
func (r *Results) merged(path string) (*Results, error) {
	var kept Results
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w; remove it to begin anew", path, err)
	}
	all := &Results{Machine: r.Machine, Commit: r.Commit, Date: r.Date}
	for _, def := range figures.All {
		if f := r.figure(def.ID); f != nil {
			all.Figures = append(all.Figures, *f)
		} else if f := kept.figure(def.ID); f != nil {
			f.def = def
			all.Figures = append(all.Figures, *f)
		}
	}
	return all, nil
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
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range r.Figures {
		if c, ok := f.chart(); ok {
			if err := os.WriteFile(filepath.Join(dir, "bench-"+f.ID+".svg"), []byte(c.SVG()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// document fills in the parts of benchmarks.md that come from the results.
func (r *Results) document(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(b)
	for name, body := range map[string]string{
		"machine": r.machine(), "goals": r.summary(), "behind": r.behind(), "contenders": contenders(), "figures": r.figures(true),
	} {
		if text, err = splice(text, name, body); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// splice replaces what is between the two marks of a name.
func splice(text, name, body string) (string, error) {
	begin, end := "<!-- "+name+": written by make bench -->\n", "<!-- end of "+name+" -->"
	head, rest, ok := strings.Cut(text, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("lacks the marks %q and %q", strings.TrimSpace(begin), end)
	}
	return head + begin + strings.TrimSpace(body) + "\n" + end + tail, nil
}
