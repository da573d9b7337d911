// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

// machine describes where, when and how.
func (r *Results) machine() string {
	var b strings.Builder
	m := r.Machine
	line(&b, []string{"", ""})
	rule(&b, 2)
	for _, row := range [][2]string{
		{"CPU", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)},
		{"memory", fmt.Sprintf("%.0f GiB", float64(m.Memory)/(1<<30))},
		{"disk", m.FS},
		{"system", "Linux " + m.Kernel},
		{"Go", strings.TrimPrefix(m.Go, "go")},
		{"Node.js", strings.TrimPrefix(m.Node, "v")},
		{"date", r.Date.Format("2006-01-02")},
		{"commit", "`" + r.Commit + "`"},
		{"command", "`" + r.command() + "`"},
	} {
		if row[1] != "" {
			line(&b, row[:])
		}
	}
	return b.String()
}

// command is what makes these results again.
func (r *Results) command() string {
	scale, rounds := 1.0, 5
	if len(r.Figures) > 0 {
		scale, rounds = r.Figures[0].Scale, r.Figures[0].Rounds
	}
	s := "OUT=docs make bench"
	if rounds != 5 {
		s = fmt.Sprintf("N=%d %s", rounds, s)
	}
	if scale != 1 {
		s = fmt.Sprintf("SCALE=%g %s", scale, s)
	}
	return s
}

// summary lists all goals.
func (r *Results) summary() string {
	var b strings.Builder
	if n := r.scaled(); n > 0 {
		fmt.Fprintf(&b, "**%d of %d figures come from a short run**, with smaller logs and less time than the goals are meant for; do not quote them.\n\n", n, len(r.Figures))
	}
	line(&b, []string{"figure", "what", "goal", "measured", ""})
	rule(&b, 5)
	for i := range r.Figures {
		for _, v := range r.Figures[i].verdicts() {
			met := "**behind**"
			if v.met {
				met = "met"
			}
			line(&b, []string{v.figure.def.Title, v.what, v.goal, v.measured, met})
		}
	}
	return b.String()
}

func (r *Results) scaled() (n int) {
	for _, f := range r.Figures {
		if f.Scale < 1 {
			n++
		}
	}
	return n
}

// behind lists where another contender is better, a line for each metric.
func (r *Results) behind() string {
	var b strings.Builder
	for i := range r.Figures {
		f := &r.Figures[i]
		lines := map[string]string{}
		for _, d := range f.defeats() {
			if lines[d.metric.Name] != "" {
				lines[d.metric.Name] += "; "
			}
			if f.def.XName != "" {
				lines[d.metric.Name] += fmt.Sprintf("at %s ", exact(d.x))
			}
			lines[d.metric.Name] += fmt.Sprintf("%s %sx", d.who, short(d.times))
		}
		for _, m := range f.def.Metrics {
			if lines[m.Name] != "" {
				fmt.Fprintf(&b, "* %s, %s: %s\n", f.def.Title, m.Name, lines[m.Name])
			}
		}
	}
	if b.Len() == 0 {
		return "Nowhere in these runs.\n"
	}
	return b.String()
}

// contenders says what each one promises.
func contenders() string {
	var b strings.Builder
	line(&b, []string{"", "version", "an acknowledged event is", "how it is run"})
	rule(&b, 4)
	for _, p := range peers.All {
		line(&b, []string{name(p.Name), p.Version(), p.Promise, p.Tuning})
	}
	line(&b, []string{figures.Hypercore, figures.HypercoreVersion, figures.HypercorePromise, figures.HypercoreTuning})
	return b.String()
}

// figures writes all figures, with drawings where the text is a document.
func (r *Results) figures(drawn bool) string {
	var b strings.Builder
	for i := range r.Figures {
		f := &r.Figures[i]
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", f.def.Title, f.def.Text)
		if _, ok := f.chart(); ok && drawn {
			fmt.Fprintf(&b, "![%s](img/bench-%s.svg)\n\n", f.def.Title, f.ID)
		}
		b.WriteString(f.table() + "\n")
		if notes := f.notes(); notes != "" {
			b.WriteString(notes + "\n")
		}
		fmt.Fprintf(&b, "*%s*\n\n", f.origin())
	}
	return b.String()
}

// origin says how a figure was measured.
func (f *Figure) origin() string {
	s := fmt.Sprintf("%d runs each", f.Rounds)
	if f.Rounds == 1 {
		s = "One run each"
	}
	if f.Scale != 1 {
		s += fmt.Sprintf(", at a scale of %g", f.Scale)
	}
	return fmt.Sprintf("%s, %s, commit %s.", s, f.Date.Format("2006-01-02"), f.Commit)
}
