// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// ErrPlace is returned for text that is no place.
var ErrPlace = errors.New("not a place")

// A Place is what a store knows of where its data lies, so that a copy finds
// out that it is one: the name that a person gave the place, and marks of what
// the system says of it (durable.Whereabouts). A mark is the first 16 bytes of
// tagged("xaeroflux place v1", name of the mark, value), so that the line in
// FORMAT tells nobody which machine it is of. Numbers are little-endian, of eight
// bytes. All zero is absent.
type Place struct{ marks [markCount]mark }

type mark [16]byte

const tagPlace = "xaeroflux place v1"

// The marks in the order in which they are written.
const (
	markName = iota
	markMachine
	markHardware
	markVolume
	markDisk
	markBoot
	markNumber
	markDir
	markDirBorn
	markFile
	markFileBorn
	markPath
	markCount
)

// markTable names the marks, and says what it means if one differs.
var markTable = [markCount]struct{ name, why string }{
	markName:     {"name", "the place has another name"},
	markMachine:  {"machine", "it is another machine"},
	markHardware: {"hardware", "it is another machine, or a clone of it"},
	markVolume:   {"volume", "it is another file system"},
	markDisk:     {"disk", "it is another disk or image"},
	markBoot:     {"boot", ""}, // never counts alone
	markNumber:   {"number", "it is another disk"},
	markDir:      {"dir", "the directory is another one"},
	markDirBorn:  {"dirborn", "the directory was made at another time"},
	markFile:     {"file", "its data is in another file"},
	markFileBorn: {"fileborn", "the file of its data was made at another time"},
	markPath:     {"path", "the directory has another path, and nothing else tells it from a copy"},
}

// PlaceOf returns the place of a name, which may be empty, and of what the
// system says.
func PlaceOf(name string, w durable.Whereabouts) (p Place) {
	for i, s := range map[int]string{
		markName: name, markMachine: w.Machine, markHardware: w.Hardware, markVolume: w.Volume,
		markDisk: w.Disk, markBoot: w.Boot, markNumber: w.Number, markPath: w.Path,
	} {
		if s != "" {
			p.set(i, []byte(s))
		}
	}
	for i, n := range map[int]uint64{
		markDir: w.Dir.Number, markDirBorn: uint64(w.Dir.Born),
		markFile: w.File.Number, markFileBorn: uint64(w.File.Born),
	} {
		if n != 0 {
			p.set(i, binary.LittleEndian.AppendUint64(nil, n))
		}
	}
	return p
}

func (p *Place) set(i int, value []byte) {
	h := digest.Tagged(tagPlace, []byte(markTable[i].name), value)
	p.marks[i] = mark(h[:])
}

// Same reports whether now is the place that p was, and why not.
//
// If both have a name, the names decide. Else what is absent from either is not
// changed, with three exceptions: device numbers count only if both are of one
// boot; a path that one of them has and the other has not is a change, for then
// the file system is another one; and if only one has a name, they have to have
// something else in common.
func (p Place) Same(now Place) (same bool, why string) {
	if p.has(markName) && now.has(markName) {
		return p.compare(now, markName)
	}
	common := false
	for i := markMachine; i < markCount; i++ {
		if i == markBoot || i == markNumber && p.marks[markBoot] != now.marks[markBoot] {
			continue
		}
		if same, why := p.compare(now, i); !same {
			return false, why
		}
		common = common || p.has(i) && now.has(i)
	}
	if p.has(markName) != now.has(markName) && !common {
		return false, markTable[markName].why
	}
	return true, ""
}

// compare compares one mark.
func (p Place) compare(now Place, i int) (same bool, why string) {
	if i != markPath && !(p.has(i) && now.has(i)) || p.marks[i] == now.marks[i] {
		return true, ""
	}
	return false, markTable[i].why
}

// Named reports whether a person named the place.
func (p Place) Named() bool { return p.has(markName) }

func (p Place) has(i int) bool { return p.marks[i] != mark{} }

// WithoutFile returns p without what it knows of the file of its data, for a place in
// which that file is going to be replaced on purpose: Learn finds the new one.
func (p Place) WithoutFile() Place {
	p.marks[markFile], p.marks[markFileBorn] = mark{}, mark{}
	return p
}

// Learn returns p with the marks that now has, for a place that is the same:
// what a boot changes, and what the system tells only since.
func (p Place) Learn(now Place) Place {
	for i := range p.marks {
		if now.has(i) {
			p.marks[i] = now.marks[i]
		}
	}
	return p
}

// Encode returns p as one line: "place", and for each mark that p has, in the
// order above, a space, its name, "=" and 32 hexadecimal digits.
func (p Place) Encode() string {
	var s strings.Builder
	s.WriteString("place")
	for i, m := range p.marks {
		if p.has(i) {
			fmt.Fprintf(&s, " %s=%x", markTable[i].name, m[:])
		}
	}
	return s.String()
}

// String returns what Encode returns: there is no secret in it.
func (p Place) String() string { return p.Encode() }

// ParsePlace decodes what Encode wrote, and nothing else.
func ParsePlace(line string) (p Place, err error) {
	fields := strings.Split(line, " ")
	if fields[0] != "place" {
		return Place{}, fmt.Errorf("%w: it does not begin with \"place\"", ErrPlace)
	}
	next := 0
	for _, f := range fields[1:] {
		name, value, _ := strings.Cut(f, "=")
		for next < markCount && markTable[next].name != name {
			next++
		}
		if next == markCount {
			return Place{}, fmt.Errorf("%w: %.16q is unknown, twice, or out of order", ErrPlace, name)
		}
		if p.marks[next], err = parseMark(value); err != nil {
			return Place{}, err
		}
		next++
	}
	return p, nil
}

func parseMark(s string) (m mark, err error) {
	if len(s) != 2*len(m) || strings.ToLower(s) != s {
		return m, fmt.Errorf("%w: a mark is %d lower-case hexadecimal digits", ErrPlace, 2*len(m))
	}
	if _, err := hex.Decode(m[:], []byte(s)); err != nil {
		return mark{}, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	if m == (mark{}) {
		return m, fmt.Errorf("%w: a mark is all zero", ErrPlace)
	}
	return m, nil
}
