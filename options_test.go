// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Options out of bounds are refused before anything is made.
func TestOptionsOutOfBoundsCreateNothing(t *testing.T) {
	bad := map[string]Options{
		"pages no power":   {PageBytes: 5000},
		"no printable":     {TopicName: "a\nb"},
		"no peer":          {Peers: []string{"nobody"}},
		"nowhere":          {Listen: "nowhere"},
		"exist and create": {MustExist: true, MustCreate: true},
		"read and adopt":   {ReadOnly: true, Adopt: true},
	}
	for i, b := range new(Options).bounds() {
		for _, v := range []int64{-1, -1 << 30, b.least - 1, b.most + 1} {
			var o Options
			field := numbers(reflect.ValueOf(&o).Elem())[b.name]
			field.SetInt(v)
			if now := o.bounds()[i].value; now == v && v != 0 && (v < b.least || v > b.most) {
				bad[fmt.Sprintf("%s %d", b.name, v)] = o
			}
		}
	}
	for name, o := range bad {
		dir := filepath.Join(t.TempDir(), "s")
		db, err := Open(dir, &o)
		if !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			db.Close()
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a directory was made", name)
		}
	}
}

// numbers returns the fields of a struct, and of those in it, that are numbers.
func numbers(v reflect.Value) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		switch {
		case field.CanInt():
			all[name] = field
		case field.Kind() == reflect.Struct:
			for inner, f := range numbers(field) {
				all[name+"."+inner] = f
			}
		}
	}
	return all
}

// Each option that is a number has bounds, and what is at them opens a store.
func TestEveryNumberIsBounded(t *testing.T) {
	bounds := map[string]bound{}
	for _, b := range new(Options).bounds() {
		bounds[b.name] = b
	}
	for name := range numbers(reflect.ValueOf(new(Options)).Elem()) {
		if _, ok := bounds[name]; !ok {
			t.Errorf("%s has no bounds", name)
		}
	}
	for _, pages := range []int64{bounds["SegmentPages"].least, bounds["SegmentPages"].most} {
		dir := t.TempDir()
		db, err := Open(dir, &Options{PageBytes: 4096, SegmentPages: int(pages), CloseTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := db.Append(t.Context(), Event{Payload: []byte(strings.Repeat("x", 5000))}); err != nil {
				t.Error(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
