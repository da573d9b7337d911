// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

const oracleDir = "../../tests/oracle/seal"

// needOracle skips a test if Node or the oracle's modules are not installed;
// with XAEROFLUX_ORACLE set, as make oracle does, that fails.
func needOracle(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(oracleDir, "node_modules", "@hpke", "core"))
	}
	switch {
	case err == nil:
	case os.Getenv("XAEROFLUX_ORACLE") != "":
		t.Fatal(err)
	default:
		t.Skipf("%v; make oracle installs what is needed and runs this", err)
	}
}

// An oracle is the implementation in Node, asked one question at a time.
type oracle struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startOracle(t *testing.T) *oracle {
	t.Helper()
	needOracle(t)
	cmd := exec.Command("node", "oracle.mjs")
	cmd.Dir, cmd.Stderr = oracleDir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &oracle{t, in, bufio.NewReader(out)}
}

type asked map[string]any

// ask sends a question and decodes the answer into v; it returns the error
// that the oracle answered with, if any.
func (o *oracle) ask(q asked, v any) string {
	o.t.Helper()
	b, err := json.Marshal(q)
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.in.Write(append(b, '\n')); err != nil {
		o.t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	var e struct{ Error string }
	if err := json.Unmarshal(line, &e); err != nil {
		o.t.Fatalf("%s: %v", line, err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		o.t.Fatalf("%s: %v", line, err)
	}
	return e.Error
}

// The vectors are what the oracle makes, byte for byte.
func TestOracleVectors(t *testing.T) {
	needOracle(t)
	cmd := exec.Command("node", "oracle.mjs", "vectors")
	cmd.Dir, cmd.Stderr = oracleDir, os.Stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what node oracle.mjs vectors prints", vectorFile)
	}
}

func randomBytes(rnd *rand.Rand, n int) hexBytes {
	b := make(hexBytes, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func randomPayload(rnd *rand.Rand) (v vectorPayload) {
	v = vectorPayload{
		Secret: randomBytes(rnd, 32), Epoch: randomBytes(rnd, 32), Log: randomBytes(rnd, 32), Nonce: randomBytes(rnd, 12),
		Hide: rnd.IntN(2) == 0, Type: randomBytes(rnd, rnd.IntN(64)), Key: randomBytes(rnd, rnd.IntN(1024)),
		Payload: randomBytes(rnd, rnd.IntN(1<<rnd.IntN(15)+1)), ID: randomBytes(rnd, 16*rnd.IntN(2)), Refs: []vectorRef{},
	}
	for i := range rnd.IntN(17) {
		id := randomBytes(rnd, 8)
		id[0] = byte(i * 16)
		v.Refs = append(v.Refs, vectorRef{id, 1 + rnd.Uint64N(1<<(1+rnd.IntN(47)))})
	}
	return v
}

// Each opens what the other seals.
func TestOraclePayloads(t *testing.T) {
	o, rnd := startOracle(t), rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		v := randomPayload(rnd)
		p, k := v.plain(), v.at().key()
		c := p.Clear(v.Hide)
		at := asked{"op": "open", "secret": v.Secret, "epoch": v.Epoch, "log": v.Log, "flags": c.Flags, "type": hexBytes(c.Type), "key": hexBytes(c.Key)}
		at["sealed"] = hexBytes(sealed(t, k, p, v.Hide))
		var got vectorPayload
		if e := o.ask(at, &got); e != "" || !samePlain(got.plain(), p) {
			t.Errorf("payload %d opens there as %+v, %s", i, got.plain(), e)
		}
		flipped := bytes.Clone(at["sealed"].(hexBytes))
		flipped[rnd.IntN(len(flipped))] ^= 1
		at["sealed"] = hexBytes(flipped)
		if e := o.ask(at, &got); e == "" {
			t.Errorf("payload %d opens there with a flipped bit", i)
		}
		e := o.ask(asked{"op": "seal", "secret": v.Secret, "epoch": v.Epoch, "log": v.Log, "nonce": v.Nonce, "hide": v.Hide,
			"type": v.Type, "key": v.Key, "payload": v.Payload, "refs": v.Refs, "id": v.ID}, &got)
		if back, err := k.Open(c, got.Sealed); err != nil || e != "" || !samePlain(back, p) {
			t.Errorf("payload %d, sealed there, opens as %+v, %v %s", i, back, err, e)
		}
	}
}

func TestOracleBoxes(t *testing.T) {
	o, rnd := startOracle(t), rand.New(rand.NewPCG(5, 6))
	for i := range 30 {
		seed, topic := randomBytes(rnd, 32), digest.Hash(randomBytes(rnd, 32))
		id, kind, number := Recipient(randomBytes(rnd, 32)), uint8(1+i%3), rnd.Uint64N(1<<53)*uint64(min(1, 2-i%3))
		k := NewPrivateKey(Secret(seed))
		plain := randomBytes(rnd, boxPlainBytes(kind))
		b, err := sealBox(k.Public(), topic, Box{Kind: kind, Epoch: number, Recipient: id}, plain)
		if err != nil {
			t.Fatal(err)
		}
		body, err := AppendBox(nil, &b)
		if err != nil {
			t.Fatal(err)
		}
		q, got := asked{"op": "open box", "seed": seed, "topic": topic, "body": hexBytes(body)}, vectorBox{}
		if e := o.ask(q, &got); e != "" || !bytes.Equal(got.Plaintext, plain) || got.Number != number || got.Kind != kind {
			t.Errorf("box %d opens there as %+v, %s", i, got, e)
		}
		q["topic"] = digest.Hash{}
		if e := o.ask(q, &got); e == "" {
			t.Errorf("box %d opens there for another topic", i)
		}
		var pub vectorKEM
		e := o.ask(asked{"op": "public", "seed": seed}, &pub)
		wantBytes(t, "public key "+e, i, pub.Public, k.Public()[:])
		e = o.ask(asked{"op": "box", "public": pub.Public, "topic": topic, "kind": kind, "number": number, "recipient": hexBytes(id[:]), "plaintext": plain}, &got)
		theirs, err := DecodeBox(got.Body)
		if err != nil || e != "" {
			t.Fatalf("box %d made there: %v %s", i, err, e)
		}
		if back, err := opened(&theirs, k, topic); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("box %d, made there, opens as %x, %v", i, back, err)
		}
	}
}

func TestOracleEpochs(t *testing.T) {
	o, rnd := startOracle(t), rand.New(rand.NewPCG(7, 8))
	for i := range 30 {
		secret, join, number := Secret(randomBytes(rnd, 32)), Secret(randomBytes(rnd, 32)), rnd.Uint64N(1<<53)
		all, theirs := readers(rnd.IntN(9)), []asked{}
		for _, r := range all {
			theirs = append(theirs, asked{"id": hexBytes(r.ID[:]), "kind": r.Kind, "public": hexBytes(r.KEM[:])})
		}
		want, err := NewInfo(number, secret, join, all)
		if err != nil {
			t.Fatal(err)
		}
		var got vectorEpoch
		e := o.ask(asked{"op": "epoch", "secret": hexBytes(secret[:]), "number": number, "join_key": hexBytes(join[:]), "readers": theirs}, &got)
		if (Info{got.Epoch, number, got.JoinHash, got.Digest}) != want || e != "" {
			t.Errorf("epoch %d: %+v, want %+v %s", i, got, want, e)
		}
		checkOracleStep(t, o, secret, want, Secret(randomBytes(rnd, 32)), randomBytes(rnd, nonceBytes))
	}
}

// checkOracleStep seals the secret of the epoch i under another, on both sides.
func checkOracleStep(t *testing.T, o *oracle, secret Secret, i Info, under Secret, nonce hexBytes) {
	t.Helper()
	id := digest.Sum(under[:])
	ours := SealStep(under, id, i.ID, secret)
	q, got := asked{"op": "open step", "secret": hexBytes(under[:]), "epoch": id, "parent": i.ID, "step": hexBytes(ours[:])}, vectorStep{}
	if e := o.ask(q, &got); e != "" || !bytes.Equal(got.ParentSecret, secret[:]) {
		t.Errorf("a step opens there as %x, %s", got.ParentSecret, e)
	}
	q["op"], q["nonce"], q["parent_secret"] = "step", nonce, hexBytes(secret[:])
	e := o.ask(q, &got)
	if back, err := OpenStep((*Step)(got.Step), under, id, &i); err != nil || back != secret || e != "" {
		t.Errorf("a step made there: %x, %v %s", back[:], err, e)
	}
}
