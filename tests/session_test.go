// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"flag"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

var updatePicture = flag.Bool("update", false, "draw "+sessionPicture+" anew")

const sessionPicture = "../docs/img/session.svg"

// session is what the picture shows typed, for two stores on one machine.
var session = []string{
	`xaeroflux init --open --dir ada | grep ^log`,
	`printf 'milk\nbread\n' | xaeroflux append --dir ada --type todo | tail -1`,
	`xaeroflux run --dir ada --quiet &`,
	`xaeroflux join --dir ben "$(xaeroflux invite --dir ada)" 2>&1 | grep created`,
	`echo 'call the plumber' | xaeroflux append --dir ben --type todo | tail -1`,
	`xaeroflux sync --dir ben "$(xaeroflux invite --dir ada)"`,
	`xaeroflux cat --dir ben`,
	`xaeroflux prove --dir ada 1 | xaeroflux verify --vkey "$(xaeroflux vkey --dir ada)" - | head -1`,
	`xaeroflux run --dir ben --quiet --peer "$(xaeroflux invite --dir ada)" > ben.out &`,
	`xaeroflux status --dir ada | head -1`,
}

// connected is for a person who takes a moment before the last line.
const connected = `until xaeroflux status --dir ada --json | grep -q '"in_sync":true'; do sleep 0.05; done`

// TestSessionPicture types the session, and holds what is printed against the picture:
// ids, addresses, times and sizes aside, its words are the same. With -update it is
// drawn of what was printed.
func TestSessionPicture(t *testing.T) {
	if *updatePicture {
		storetest.Must(t, os.WriteFile(sessionPicture, []byte(draw(typeSession(t, nil))), 0o644))
		return
	}
	picture := text(t, sessionPicture)
	shown := rowsShown(picture)
	if draw(shown) != picture {
		t.Errorf("%s is not what is drawn of its words: -update", sessionPicture)
	}
	if len(shown) > 24 {
		t.Errorf("%d rows", len(shown))
	}
	for _, row := range shown {
		if n := utf8.RuneCountInString(row); n > 100 {
			t.Errorf("%d columns: %s", n, row)
		}
	}
	typeSession(t, shown)
}

// typeSession types the session and returns the rows of the screen; what is printed
// has to be as in the rows shown, if there are any.
func typeSession(t *testing.T, shown []string) (rows []string) {
	t.Helper()
	term := newTerminal(t)
	for i, line := range session {
		if i == len(session)-1 {
			term.run(t, connected, nil)
		}
		var want []string
		switch {
		case shown != nil:
			want = printedAfter(t, &shown, line)
		case strings.HasSuffix(line, " --quiet &"):
			want = []string{"listening " + strings.Repeat("0", 64) + "@127.0.0.1:0"}
		}
		rows = append(append(rows, "$ "+line), term.run(t, line, want)...)
	}
	if len(shown) > 0 {
		t.Errorf("the picture goes on with %q", shown)
	}
	return rows
}

// printedAfter takes a line and what is shown after it from the rows.
func printedAfter(t *testing.T, rows *[]string, line string) []string {
	t.Helper()
	if len(*rows) == 0 || (*rows)[0] != "$ "+line {
		t.Fatalf("the picture does not go on with %s, but %q: -update", line, *rows)
	}
	end := 1
	for end < len(*rows) && !strings.HasPrefix((*rows)[end], "$ ") {
		end++
	}
	printed := (*rows)[1:end:end]
	*rows = (*rows)[end:]
	return printed
}

const (
	columnWidth, rowHeight = 8.7, 20 // of a 14 pixel font; most are narrower
	margin, titleHeight    = 20, 36
)

// The text has a class for each part; a browser that prefers dark draws it dark.
const style = `
    .window { fill: #ffffff; stroke: #d0d7de }  .bar { fill: #f6f8fa }  .edge { stroke: #d0d7de }
    text { fill: #57606a; font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; white-space: pre }
    .prompt { fill: #1a7f37; font-weight: bold }  .typed { fill: #1f2328; font-weight: bold }  .id { fill: #8250df }
    @media (prefers-color-scheme: dark) {
      .window { fill: #0d1117; stroke: #3d444d }  .bar { fill: #161b22 }  .edge { stroke: #3d444d }
      text { fill: #adb6c0 }  .prompt { fill: #3fb950 }  .typed { fill: #f0f6fc }  .id { fill: #b392f0 }
    }
  `

// draw draws rows as a terminal.
func draw(rows []string) string {
	columns := 0
	for _, row := range rows {
		columns = max(columns, utf8.RuneCountInString(row))
	}
	width := int(float64(columns)*columnWidth) + 2*margin
	height := titleHeight + len(rows)*rowHeight + margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">
  <!-- Drawn by: go test ./tests -run TestSessionPicture -update -->
  <title id="t">A session with two stores</title>
  <desc id="d">Ada's store gets two events, Ben's one. After a sync Ben's shows all three, and a proof of an event verifies.</desc>
  <style>%s</style>
  <rect class="window" x="1" y="1" width="%d" height="%d" rx="10"/>
  <path class="bar" d="M2 29V11a9 9 0 0 1 9-9h%da9 9 0 0 1 9 9v18z"/><path class="edge" d="M1 29.5h%d"/>
  <circle cx="20" cy="16" r="5" fill="#ec6a5e"/><circle cx="38" cy="16" r="5" fill="#f4bf4f"/><circle cx="56" cy="16" r="5" fill="#61c554"/>
`, width, height, style, width-2, height-2, width-22, width-2)
	for i, row := range rows {
		fmt.Fprintf(&b, "  <text x=\"%d\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", margin, titleHeight+(i+1)*rowHeight-4, dressed(row))
	}
	return b.String() + "</svg>\n"
}

var longID = regexp.MustCompile(`[0-9a-f]{64}`)

// dressed puts the parts of a row into their classes.
func dressed(row string) string {
	if line, ok := strings.CutPrefix(row, "$ "); ok {
		return `<tspan class="prompt">$</tspan> <tspan class="typed">` + html.EscapeString(line) + `</tspan>`
	}
	return longID.ReplaceAllString(html.EscapeString(row), `<tspan class="id">$0</tspan>`)
}

var (
	drawnRow = regexp.MustCompile(`(?m)^  <text [^>]*>(.*)</text>$`)
	markup   = regexp.MustCompile(`<[^>]*>`)
)

// rowsShown returns the rows that a picture was drawn of.
func rowsShown(picture string) (rows []string) {
	for _, m := range drawnRow.FindAllStringSubmatch(picture, -1) {
		rows = append(rows, html.UnescapeString(markup.ReplaceAllString(m[1], "")))
	}
	return rows
}
