// SPDX-License-Identifier: MPL-2.0

package naming

import (
	"encoding/hex"
	"strconv"
)

// shortDigits is how many digits of a key are shown where a name alone does not tell.
const shortDigits = 8

// A Person is somebody in a topic.
type Person struct {
	Key     [32]byte // of the account
	Petname string   // what the person of this store calls that one; "" for nothing
	Claim   string   // what that one wants to be called, by itself; "" for nothing
}

// Show returns what to call each of a topic's people that has a name: a petname as it is,
// and else what the person claims, in quotes. One that can be taken for another one's is
// followed by the first digits of the key, as "Ben" (1e5a134f). All are to be shown
// together: with others, the same person may be called otherwise.
func Show(all []Person) map[[32]byte]string {
	shown, count := map[[32]byte]string{}, map[string]int{}
	for _, p := range all {
		for _, name := range p.names() {
			count[name]++
		}
	}
	for _, p := range all {
		name := p.Petname
		if name == "" && p.Claim != "" {
			name = strconv.Quote(p.Claim)
		}
		if name == "" {
			continue
		}
		if count[alike(p.name())] > 1 || holdsKey(p.name()) || p.Petname == "" && doubtful(p.Claim) {
			name += " (" + hex.EncodeToString(p.Key[:])[:shortDigits] + ")"
		}
		shown[p.Key] = name
	}
	return shown
}

func (p *Person) name() string {
	if p.Petname != "" {
		return p.Petname
	}
	return p.Claim
}

// names returns what others must not be taken for: what a person is called, here and by
// itself.
func (p *Person) names() (all []string) {
	for _, name := range []string{p.Petname, p.Claim} {
		if as := alike(name); name != "" && (len(all) == 0 || all[0] != as) {
			all = append(all, as)
		}
	}
	return all
}
