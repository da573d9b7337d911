// SPDX-License-Identifier: MPL-2.0

// Package still tells tests whether anything below a directory changed: a byte,
// a name, a mode or a time. Of takes a picture, Picture.Compare the second one.
package still

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A Picture is a line for each name below a directory.
type Picture map[string]string

// Of takes a picture of dir. A file that cannot be read is in it without its bytes.
func Of(dir string) (Picture, error) {
	p := Picture{}
	return p, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s, %d bytes, of %s", info.Mode(), info.Size(), info.ModTime().UTC())
		if info.Mode().IsRegular() {
			if b, err := os.ReadFile(path); err == nil {
				line += fmt.Sprintf(", %x", sha256.Sum256(b))
			}
		}
		p[path] = line
		return nil
	})
}

// Compare returns what differs in the later picture q, a line each.
func (p Picture) Compare(q Picture) (diff []string) {
	for path, line := range p {
		if now, found := q[path]; !found {
			diff = append(diff, path+" is gone")
		} else if now != line {
			diff = append(diff, fmt.Sprintf("%s was %s, is %s", path, line, now))
		}
	}
	for path := range maps.Keys(q) {
		if _, found := p[path]; !found {
			diff = append(diff, path+" is new")
		}
	}
	slices.Sort(diff)
	return diff
}
