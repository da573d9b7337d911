// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func readers(n int) []Reader {
	var all []Reader
	for i := range n {
		all = append(all, Reader{Recipient(named(fmt.Sprint("id", i))), uint8(1 + i%2), new(PublicKey)})
		binary.LittleEndian.PutUint64(all[i].KEM[:], uint64(i))
	}
	return all
}

func TestReadersDigest(t *testing.T) {
	all := readers(50)
	want, err := ReadersDigest(all)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	if got, _ := ReadersDigest(all); got != want {
		t.Error("the order of readers matters")
	}
	seen := map[digest.Hash]string{want: "all"}
	for name, change := range map[string]func(r []Reader) []Reader{
		"one less":    func(r []Reader) []Reader { return r[1:] },
		"none":        func(r []Reader) []Reader { return nil },
		"another id":  func(r []Reader) []Reader { r[3].ID[0]++; return r },
		"kind":        func(r []Reader) []Reader { r[3].Kind ^= 3; return r },
		"another key": func(r []Reader) []Reader { r[3].KEM = device.Public(); return r },
	} {
		got, err := ReadersDigest(change(slices.Clone(all)))
		if was, ok := seen[got]; ok || err != nil {
			t.Errorf("%s: like %s, %v", name, was, err)
		}
		seen[got] = name
	}
	for name, bad := range map[string][]Reader{
		"twice":      append(all, all[0]),
		"too many":   make([]Reader, MaxReaders+1),
		"no kind":    {{ID: deviceID, KEM: device.Public()}},
		"recovery":   {{ID: deviceID, Kind: BoxRecovery, KEM: device.Public()}},
		"no KEM key": {{ID: deviceID, Kind: BoxAll}},
	} {
		if _, err := ReadersDigest(bad); !errors.Is(err, ErrReaders) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadersDigest(readers(MaxReaders)); err != nil {
		t.Error(err)
	}
}

func TestInfo(t *testing.T) {
	i, err := NewInfo(3, named("secret"), named("join"), readers(2))
	if err != nil || i.Check(named("secret")) != nil || i.CheckJoin(named("join")) != nil {
		t.Fatal(err)
	}
	if _, err := NewInfo(3, named("secret"), named("join"), append(readers(1), readers(1)...)); !errors.Is(err, ErrReaders) {
		t.Error(err)
	}
	if err := i.CheckJoin(named("secret")); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
	for name, change := range map[string]func(i *Info, s *Secret){
		"secret":  func(i *Info, s *Secret) { s[0]++ },
		"number":  func(i *Info, s *Secret) { i.Number++ },
		"join":    func(i *Info, s *Secret) { i.JoinHash[0]++ },
		"readers": func(i *Info, s *Secret) { i.Readers[0]++ },
		"id":      func(i *Info, s *Secret) { i.ID[0]++ },
	} {
		i, s := i, named("secret")
		change(&i, &s)
		if err := i.Check(s); !errors.Is(err, ErrSecret) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// chain returns n epochs, each linked to the one before, and their secrets.
// link i leads from epoch i+1 to epoch i.
func chain(name string, first uint64, n int) (infos []Info, secrets []Secret, links []Link) {
	for i := range n {
		s := named(fmt.Sprint(name, i))
		info, err := NewInfo(first+uint64(i), s, named(fmt.Sprint(name, "join", i)), nil)
		if err != nil {
			panic(err)
		}
		if i > 0 {
			links = append(links, Link{info, infos[i-1], SealStep(s, info.ID, infos[i-1].ID, secrets[i-1])})
		}
		infos, secrets = append(infos, info), append(secrets, s)
	}
	return infos, secrets, links
}

func TestStep(t *testing.T) {
	infos, secrets, links := chain("step", 0, 2)
	step, parent := links[0].Step, infos[0]
	if got, err := OpenStep(&step, secrets[1], infos[1].ID, &parent); err != nil || got != secrets[0] {
		t.Errorf("%x, %v", got, err)
	}
	for bit := range 8 * len(step) {
		bad := step
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := OpenStep(&bad, secrets[1], infos[1].ID, &parent); !errors.Is(err, ErrUnreadable) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	if _, err := OpenStep(&step, secrets[0], infos[1].ID, &parent); !errors.Is(err, ErrUnreadable) {
		t.Errorf("another secret: %v", err)
	}
	if _, err := OpenStep(&step, secrets[1], parent.ID, &parent); !errors.Is(err, ErrUnreadable) {
		t.Errorf("another epoch: %v", err)
	}
	if _, err := OpenStep(&step, secrets[1], infos[1].ID, &infos[1]); !errors.Is(err, ErrUnreadable) {
		t.Errorf("another parent: %v", err)
	}
	lie := SealStep(secrets[1], infos[1].ID, parent.ID, named("lie"))
	if _, err := OpenStep(&lie, secrets[1], infos[1].ID, &parent); !errors.Is(err, ErrSecret) {
		t.Errorf("a step that lies: %v", err)
	}
	parent.Number++
	if _, err := OpenStep(&step, secrets[1], infos[1].ID, &parent); !errors.Is(err, ErrSecret) {
		t.Errorf("a parent of another number: %v", err)
	}
}

// twinRing tries every link with every secret until nothing more is found.
func twinRing(links []Link, secrets map[digest.Hash]Secret) map[digest.Hash]Secret {
	for again := true; again; {
		again = false
		for _, l := range links {
			s, ok := secrets[l.ID]
			if _, have := secrets[l.Parent.ID]; !ok || have || l.Check(s) != nil {
				continue
			}
			if got, err := OpenStep(&l.Step, s, l.ID, &l.Parent); err == nil {
				secrets[l.Parent.ID], again = got, true
			}
		}
	}
	return secrets
}

// Links and secrets of two branches, some of them lies or missing, in any
// order: a ring finds what the twin finds.
func TestRingAgainstTwin(t *testing.T) {
	infos, secrets, links := chain("main", 0, 12)
	infos2, secrets2, links2 := chain("void", 5, 6)
	fork := Link{infos2[0], infos[4], SealStep(secrets2[0], infos2[0].ID, infos[4].ID, secrets[4])}
	lie := links[7]
	lie.Step = SealStep(secrets[8], lie.ID, lie.Parent.ID, named("lie"))
	claim := links[3]
	claim.Number += 9
	astray := links[2]
	astray.Parent.Number++
	all := slices.Concat(links, links2, []Link{fork, lie, claim, astray})
	infos, secrets = append(infos, infos2...), append(secrets, secrets2...)
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		given, learnt := all[:rnd.IntN(len(all)+1)], map[digest.Hash]Secret{}
		r := NewRing()
		for _, l := range given {
			if rnd.IntN(6) == 0 {
				learn(t, r, learnt, infos, secrets, rnd)
			}
			r.Add(l)
			r.Add(l)
		}
		learn(t, r, learnt, infos, secrets, rnd)
		if want := twinRing(given, learnt); !reflect.DeepEqual(r.secrets, want) {
			t.Fatalf("seed %d: %d secrets, want %d", seed, len(r.secrets), len(want))
		}
		for i, info := range infos {
			if got, ok := r.Secret(info.ID); ok && got != secrets[i] {
				t.Fatalf("seed %d: epoch %d has secret %x", seed, i, got[:])
			}
		}
	}
}

func learn(t *testing.T, r *Ring, learnt map[digest.Hash]Secret, infos []Info, secrets []Secret, rnd *rand.Rand) {
	t.Helper()
	i := rnd.IntN(len(infos))
	if err := r.Learn(infos[i], secrets[i]); err != nil {
		t.Fatal(err)
	}
	if err := r.Learn(infos[i], named("other")); !errors.Is(err, ErrSecret) {
		t.Fatal(err)
	}
	learnt[infos[i].ID] = secrets[i]
}

func TestRingKey(t *testing.T) {
	infos, secrets, links := chain("key", 0, 3)
	log, p, r := digest.Sum([]byte("log")), samplePlain(), NewRing()
	old := sealed(t, NewKey(secrets[0], infos[0].ID, log), p, true)
	if _, err := r.Key(old, log); !errors.Is(err, ErrNoEpoch) {
		t.Error(err)
	}
	if _, err := r.Key(old[:99], log); !errors.Is(err, ErrUnreadable) {
		t.Error(err)
	}
	for _, l := range links {
		r.Add(l)
	}
	if err := r.Learn(infos[2], secrets[2]); err != nil {
		t.Fatal(err)
	}
	k, err := r.Key(old, log)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(p.Clear(true), old); err != nil || !samePlain(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	// A record that claims an id with the same prefix changes nothing; a secret
	// that makes one would take 2^32 tries, and is put in by hand.
	claim := links[1]
	claim.ID = infos[0].ID
	claim.ID[31]++
	r.Add(claim)
	if _, err := r.Key(old, log); err != nil {
		t.Error("a claim is enough:", err)
	}
	r.keep(claim.ID, named("two"))
	if _, err := r.Key(old, log); !errors.Is(err, ErrAmbiguous) {
		t.Error(err)
	}
}

// A chain of many epochs is walked without a stack that grows with it.
func TestLongChain(t *testing.T) {
	infos, secrets, links := chain("long", 0, 20_000)
	r := NewRing()
	for _, l := range links {
		r.Add(l)
	}
	if err := r.Learn(infos[len(infos)-1], secrets[len(infos)-1]); err != nil || len(r.secrets) != len(infos) {
		t.Errorf("%d secrets of %d, %v", len(r.secrets), len(infos), err)
	}
}
