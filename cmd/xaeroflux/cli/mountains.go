// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"math/bits"
	"strings"
)

// Bounds of the picture.
const (
	pictureWidth  = 76
	pictureHeight = 8
)

// A mountain is one peak as it is drawn: height lines high, twice as wide.
type mountain struct {
	label  string
	height int
}

// mountains draws the peaks of a log of n events: from left to right perfect
// trees over 2^k events each, as many as n has bits set, each with its size
// below. Heights follow k, cut to what fits.
func mountains(n uint64) []string {
	var all []mountain
	for top := pictureHeight; top > 0; top-- {
		all = peaks(n, top)
		if rangeWidth(all) <= pictureWidth {
			break
		}
	}
	var rows []string
	for row := pictureHeight; row > 0; row-- {
		var line strings.Builder
		for _, m := range all {
			line.WriteString(m.slice(row))
		}
		if text := strings.TrimRight(line.String(), " "); text != "" {
			rows = append(rows, text)
		}
	}
	var labels strings.Builder
	for _, m := range all {
		labels.WriteString(center(m.label, m.width()))
	}
	return append(rows, strings.TrimRight(labels.String(), " "))
}

// peaks returns the mountains of n events, the highest top lines high.
func peaks(n uint64, top int) []mountain {
	var all []mountain
	highest := bits.Len64(n) - 1
	for rest := n; rest > 0; {
		k := bits.Len64(rest) - 1
		height := 1 + k
		if highest >= top {
			height = 1 + k*(top-1)/highest
		}
		all = append(all, mountain{short(1 << k), height})
		rest &^= 1 << k
	}
	return all
}

// short writes a power of two: 512, 4Ki, 1Mi.
func short(n uint64) string {
	units := []string{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}
	u := 0
	for ; n >= 1024; n /= 1024 {
		u++
	}
	return fmt.Sprintf("%d%s", n, units[u])
}

func rangeWidth(all []mountain) (w int) {
	for _, m := range all {
		w += m.width()
	}
	return w
}

// width is that of the mountain, or of its label, and a gap.
func (m mountain) width() int { return max(2*m.height, len(m.label)) + 1 }

// slice is the mountain's part of a row, counted from 1 at the foot.
func (m mountain) slice(row int) string {
	if row > m.height {
		return strings.Repeat(" ", m.width())
	}
	fill := " "
	if row == 1 {
		fill = "_"
	}
	return center("/"+strings.Repeat(fill, 2*(m.height-row))+"\\", m.width())
}

func center(s string, width int) string {
	left := (width - len(s)) / 2
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", width-len(s)-left)
}
