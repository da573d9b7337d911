// SPDX-License-Identifier: MPL-2.0

package report

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/peers"
)

//go:embed page.md.tmpl
var words string

var pageTemplate = template.Must(template.New(pageName).Parse(words))

// page returns the document: its words and all figures.
func (r *Results) page() string {
	parts := map[string]string{}
	for name, part := range map[string]string{
		"Machine": r.machine(), "Goals": r.summary(), "Behind": r.behind(), "Contenders": r.contenders(), "Figures": r.figures(true),
	} {
		parts[name] = strings.TrimSpace(part)
	}
	var b strings.Builder
	if err := pageTemplate.Execute(&b, parts); err != nil {
		panic(err) // the template is part of this program
	}
	return b.String()
}

// machines returns those that the figures come from, each once.
func (r *Results) machines() []measure.Machine {
	var all []measure.Machine
	for _, f := range r.Figures {
		if !slices.Contains(all, f.Machine) {
			all = append(all, f.Machine)
		}
	}
	return all
}

// machine describes where the figures come from, a column for each machine.
func (r *Results) machine() string {
	all := r.machines()
	rows := [][]string{{""}, {"CPU"}, {"memory"}, {"disk"}, {"system"}, {"Go"}, {"Node.js"}}
	for i, m := range all {
		head := ""
		if len(all) > 1 {
			head = fmt.Sprintf("machine %d", i+1)
		}
		for j, cell := range []string{
			head, fmt.Sprintf("%s, %d cores", m.CPU, m.Cores), fmt.Sprintf("%.0f GiB", float64(m.Memory)/(1<<30)), m.FS,
			"Linux " + m.Kernel, strings.TrimPrefix(m.Go, "go"), strings.TrimPrefix(m.Node, "v"),
		} {
			rows[j] = append(rows[j], cell)
		}
	}
	var b strings.Builder
	for i, row := range rows {
		line(&b, row)
		if i == 0 {
			rule(&b, len(row))
		}
	}
	return b.String()
}

// summary lists all goals.
func (r *Results) summary() string {
	var b strings.Builder
	if n := r.scaled(); n > 0 {
		fmt.Fprintf(&b, "**%d of %d figures come from a short run**, with smaller logs and less time than the goals are meant for; do not quote them.\n\n", n, len(r.Figures))
	}
	line(&b, []string{"figure", "what", "goal", "measured", "", "scale", "date"})
	rule(&b, 7)
	for i := range r.Figures {
		for _, v := range r.Figures[i].verdicts() {
			met := "**behind**"
			if v.met {
				met = "met"
			}
			line(&b, []string{v.figure.def.Title, v.what, v.goal, v.measured, met, exact(v.figure.Scale), v.figure.day()})
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

// contenders says what each one promises, and which versions were measured.
func (r *Results) contenders() string {
	var b strings.Builder
	line(&b, []string{"", "version", "an acknowledged event is", "how it is run"})
	rule(&b, 4)
	for _, p := range peers.All {
		line(&b, []string{name(p.Name), r.versions(p.Name), p.Promise, p.Tuning})
	}
	line(&b, []string{figures.Hypercore, r.versions(figures.Hypercore), figures.HypercorePromise, figures.HypercoreTuning})
	return b.String()
}

// versions returns the versions of a contender that the figures come from.
func (r *Results) versions(who string) string {
	var all []string
	for _, f := range r.Figures {
		if v := f.Version[who]; v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// figures writes all figures, with drawings if the text is a document.
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
		b.WriteString(r.origin(f) + "\n\n")
	}
	return b.String()
}

// origin says how a figure was measured, and by which command.
func (r *Results) origin(f *Figure) string {
	s := fmt.Sprintf("%d runs each", f.Rounds)
	if f.Rounds == 1 {
		s = "One run each"
	}
	if all := r.machines(); len(all) > 1 {
		s += fmt.Sprintf(", machine %d", 1+slices.Index(all, f.Machine))
	}
	return fmt.Sprintf("*%s, at a scale of %g, %s, commit %s:* `%s`", s, f.Scale, f.day(), f.Commit, f.command())
}

func (f *Figure) day() string { return f.Date.Format(time.DateOnly) }

// command is what makes a figure again.
func (f *Figure) command() string {
	s := fmt.Sprintf("make bench ONLY='^%s$'", f.ID)
	if f.Rounds != 5 {
		s += fmt.Sprintf(" N=%d", f.Rounds)
	}
	if f.Scale != 1 {
		s += fmt.Sprintf(" SCALE=%g", f.Scale)
	}
	return s
}
