// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"errors"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// onDisk is a place on a disk with a name, inLoop one on a disk without.
var (
	onDisk = durable.Whereabouts{
		Machine: "m", Hardware: "h", Volume: "v", Disk: "d",
		Dir: durable.Inode{Number: 12, Born: 100}, File: durable.Inode{Number: 13, Born: 101},
	}
	unnamedDisk = durable.Whereabouts{
		Machine: "m", Volume: "v", Boot: "b", Number: "7:0",
		Dir: durable.Inode{Number: 12, Born: 100}, File: durable.Inode{Number: 13, Born: 101},
	}
	pathOnly = durable.Whereabouts{Machine: "m", Path: "/srv/notes"}
)

func TestSamePlace(t *testing.T) {
	type w = durable.Whereabouts
	with := func(base w, change func(*w)) w { change(&base); return base }
	for name, c := range map[string]struct {
		was, now         w
		wasName, nowName string
		same             bool
	}{
		"nothing changed":      {onDisk, onDisk, "", "", true},
		"nothing known":        {w{}, w{}, "", "", true},
		"nothing known before": {w{}, onDisk, "", "", true},
		"nothing known now":    {onDisk, w{}, "", "", true},
		"another machine":      {onDisk, with(onDisk, func(w *w) { w.Machine = "n" }), "", "", false},
		"a clone":              {onDisk, with(onDisk, func(w *w) { w.Hardware = "i" }), "", "", false},
		"not root any more":    {onDisk, with(onDisk, func(w *w) { w.Hardware = "" }), "", "", true},
		"another volume":       {onDisk, with(onDisk, func(w *w) { w.Volume = "w" }), "", "", false},
		"another disk":         {onDisk, with(onDisk, func(w *w) { w.Disk = "e" }), "", "", false},
		"copied":               {onDisk, with(onDisk, func(w *w) { w.Dir, w.File = durable.Inode{Number: 14, Born: 102}, durable.Inode{Number: 15, Born: 103} }), "", "", false},
		"restored in place":    {onDisk, with(onDisk, func(w *w) { w.Dir.Born, w.File.Born = 102, 103 }), "", "", false},
		"contents restored":    {onDisk, with(onDisk, func(w *w) { w.File = durable.Inode{Number: 15, Born: 103} }), "", "", false},
		"file born again":      {onDisk, with(onDisk, func(w *w) { w.File.Born = 103 }), "", "", false},
		"no file yet":          {with(onDisk, func(w *w) { w.File = durable.Inode{} }), onDisk, "", "", true},
		"beside it":            {unnamedDisk, with(unnamedDisk, func(w *w) { w.Number = "7:1" }), "", "", false},
		"after a boot":         {unnamedDisk, with(unnamedDisk, func(w *w) { w.Boot, w.Number = "c", "7:1" }), "", "", true},
		"only a path":          {pathOnly, pathOnly, "", "", true},
		"only another path":    {pathOnly, with(pathOnly, func(w *w) { w.Path = "/srv/copy" }), "", "", false},
		"to where only a path": {onDisk, pathOnly, "", "", false},
		"from where only path": {pathOnly, with(onDisk, func(w *w) { w.Hardware = "" }), "", "", false},
		"named, all other":     {onDisk, pathOnly, "n", "n", true},
		"another name":         {onDisk, onDisk, "n", "o", false},
		"named now":            {onDisk, onDisk, "", "n", true},
		"named no more":        {onDisk, onDisk, "n", "", true},
		"named now, and moved": {onDisk, with(onDisk, func(w *w) { w.Machine = "n" }), "", "n", false},
		"name is all":          {w{}, w{}, "", "n", false},
		"name was all":         {w{}, onDisk, "n", "", false},
	} {
		was, now := PlaceOf(c.wasName, c.was), PlaceOf(c.nowName, c.now)
		same, why := was.Same(now)
		if same != c.same || (why == "") != same {
			t.Errorf("%s: same %v, %q", name, same, why)
		}
		if back, _ := now.Same(was); back != same {
			t.Errorf("%s: the other way round it is %v", name, back)
		}
		if learnt := was.Learn(now); same {
			if ok, why := learnt.Same(now); !ok {
				t.Errorf("%s: what was learnt differs: %s", name, why)
			}
		}
	}
}

func TestPlaceLine(t *testing.T) {
	whole := PlaceOf("name", onDisk)
	line := whole.Encode()
	for _, p := range []Place{{}, whole, PlaceOf("", unnamedDisk), PlaceOf("", pathOnly)} {
		if got, err := ParsePlace(p.String()); err != nil || got != p {
			t.Errorf("%s: %v, %v", p, got, err)
		}
	}
	fields := strings.Fields(line)
	swapped := append([]string(nil), fields...)
	swapped[2], swapped[3] = swapped[3], swapped[2]
	for _, s := range []string{
		"", "Place", line + " ", line + "\n", " " + line, strings.ToUpper(line), strings.Replace(line, " ", "  ", 1),
		line + " " + fields[len(fields)-1], strings.Join(swapped, " "), line[:len(line)-1], line + "0", "place colour=" + strings.Repeat("1", 32),
		"place machine", "place machine=" + strings.Repeat("0", 32), "place machine=" + strings.Repeat("g", 32), "place =" + strings.Repeat("1", 32),
	} {
		if got, err := ParsePlace(s); !errors.Is(err, ErrPlace) || got != (Place{}) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, told := range []string{"laptop", "serial 1776", pathOnly.Path} {
		if s := PlaceOf(told, durable.Whereabouts{Disk: told, Path: told}).Encode(); strings.Contains(s, told) {
			t.Errorf("%q shows in %q", told, s)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, p := range []Place{{}, PlaceOf("name", onDisk), PlaceOf("", unnamedDisk), PlaceOf("", pathOnly)} {
		f.Add(p.Encode())
	}
	f.Fuzz(func(t *testing.T, line string) {
		p, err := ParsePlace(line)
		if err != nil {
			if !errors.Is(err, ErrPlace) {
				t.Fatalf("%q: untyped error %v", line, err)
			}
			return
		}
		if p.Encode() != line {
			t.Fatalf("%q is written %q", line, p.Encode())
		}
		if same, why := p.Same(p); !same {
			t.Fatalf("%q differs from itself: %s", line, why)
		}
	})
}
