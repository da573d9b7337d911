// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("roster.update", false, "write the vectors anew")

const vectorFile = "../../tests/testdata/vectors/roster.json"

const vectorNote = "An Ed25519 key is named: its seed is the SHA-256 of its name. So is a long string of bytes: " +
	"the SHA-256 of its name, a space and 0, then of its name, a space and 1, and so on, cut to its length; " +
	"in fields it stands as bytes:<name>:<length>. A hash that nothing explains is the SHA-256 of a word. " +
	"Leaves are those of the record at its time. Fields are in the order of the byte tables of docs/roster.md. " +
	"Edges look wrong and are bodies. A refused body is the good one with put in the place of cut bytes at an offset."

// longNames are the names that long strings of bytes in vectors have.
var longNames = []string{
	"ann", "ann's phone", "ann's laptop", "owner", "owner's laptop", "owner's phone", "recovery", "invite", "link", "box", "step", "key", "bob", "bob's phone",
}

// plain turns a value into what JSON shows of it: bytes as hexadecimal digits,
// structs as objects with their fields in order.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Array, reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return plainBytes(v)
		}
		all := make([]any, v.Len())
		for i := range all {
			all[i] = plain(v.Index(i))
		}
		return all
	case reflect.Struct:
		o := object{}
		o.fields(v)
		return o
	case reflect.String, reflect.Bool:
		return v.Interface()
	}
	return v.Convert(reflect.TypeFor[uint64]()).Interface()
}

func plainBytes(v reflect.Value) string {
	b := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(b), v)
	for _, name := range longNames {
		if k := kemOf(name); len(b) >= 60 && len(b) <= len(k) && string(b) == string(k[:len(b)]) {
			return "bytes:" + name + ":" + jsonNumber(len(b))
		}
	}
	return hex.EncodeToString(b)
}

func jsonNumber(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// An object is a JSON object that keeps its order.
type object []struct {
	name  string
	value any
}

func (o *object) add(name string, value any) {
	*o = append(*o, struct {
		name  string
		value any
	}{name, value})
}

func (o *object) fields(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			o.fields(v.Field(i))
		} else if f.IsExported() {
			o.add(snake(f.Name), plain(v.Field(i)))
		}
	}
}

// snake writes a Go name as JSON has it: DeviceSig as device_sig.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(f.name)
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// obj makes an object of names and values in turn.
func obj(nameValue ...any) object {
	var o object
	for i := 0; i < len(nameValue); i += 2 {
		o.add(nameValue[i].(string), plain(reflect.ValueOf(nameValue[i+1])))
	}
	return o
}

func raw(name string, value any) object {
	var o object
	o.add(name, value)
	return o
}

func vectors(t testing.TB) []byte {
	var records, asks, boxes []any
	for _, r := range sampleRecords() {
		leaf, err := leafHash(r.Type(), 1000, mustEncode(r))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, obj("type", r.Type(), "time", 1000, "fields", r, "body", mustEncode(r), "leaf", leaf))
	}
	for _, a := range sampleAsks() {
		asks = append(asks, obj("type", a.Type(), "fields", a, "body", mustEncode(a)))
	}
	for _, x := range sampleBoxRecords() {
		boxes = append(boxes, obj("type", BoxType, "fields", x, "body", mustEncode(x)))
	}
	terms := []any{
		append(obj("fields", sampleTerm(ByOwner)), obj("hash", sampleTerm(ByOwner).Hash(sampleTopic))...),
		append(obj("fields", sampleTerm(BySuccessors)), obj("hash", sampleTerm(BySuccessors).Hash(sampleTopic))...),
	}
	top := raw("note", vectorNote)
	top = append(top, obj("genesis", sampleGenesis.Append(nil), "topic", sampleTopic)...)
	for _, part := range []object{
		raw("records", records), raw("asks", asks), raw("boxes", boxes), raw("names", nameVectors()), raw("bad_names", plain(reflect.ValueOf(badNames()))), raw("terms", terms),
		raw("certificates", certificateVectors(t)),
		raw("rosters", rosterVectors(t)), raw("edges", edgeVectors()), raw("strange_types", strangeTypes), raw("refused", refusedVectors()),
	} {
		top = append(top, part...)
	}
	b, err := json.MarshalIndent(top, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// TestVectors holds the file against what the code makes of the same inputs.
func TestVectors(t *testing.T) {
	got := vectors(t)
	if *update {
		if err := os.WriteFile(vectorFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is another: %s", vectorFile, firstDifference(string(got), string(want)))
	}
}

// TestVectorsDecode reads the bodies of the file, and the fields come out.
func TestVectorsDecode(t *testing.T) {
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Records, Asks []struct {
			Type   string
			Body   string
			Fields json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	same := func(typ string, fields json.RawMessage, r any) {
		var want any
		if err := json.Unmarshal(fields, &want); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(plain(reflect.ValueOf(r)))
		if err != nil {
			t.Fatal(err)
		}
		var got any
		_ = json.Unmarshal(b, &got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", typ, b)
		}
	}
	for _, x := range v.Records {
		body, _ := hex.DecodeString(x.Body)
		r, err := Decode(x.Type, body)
		if err != nil {
			t.Fatal(err)
		}
		same(x.Type, x.Fields, r)
	}
	for _, x := range v.Asks {
		body, _ := hex.DecodeString(x.Body)
		a, err := DecodeAsk(x.Type, body)
		if err != nil {
			t.Fatal(err)
		}
		same(x.Type, x.Fields, a)
	}
	if len(v.Records) < 20 || len(v.Asks) < 15 {
		t.Error("vectors are missing")
	}
}
