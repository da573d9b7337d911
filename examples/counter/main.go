// SPDX-License-Identifier: MPL-2.0

// Counter counts the events of a store by their type, each once, whatever ends it:
//
//	counter DIR FILE
//
// FILE holds the counts and, written with them, how far each log was counted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"

	"github.com/xaeroflux/xaeroflux"
)

// counted is what FILE holds.
type counted struct {
	Types map[string]int
	Upto  xaeroflux.Frontier
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: counter DIR FILE")
	}
	log.Fatal(count(context.Background(), os.Args[1], os.Args[2]))
}

func count(ctx context.Context, dir, file string) error {
	c, err := load(file)
	if err != nil {
		return err
	}
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{MustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Process(ctx, "counter", c.Upto, func(_ context.Context, records []xaeroflux.Record) error {
		next := counted{Types: maps.Clone(c.Types), Upto: c.Upto.Clone()} // if it is not saved, they come again
		for _, r := range records {
			next.Types[r.Type]++
		}
		next.Upto.Add(records...)
		if err := next.save(file); err != nil {
			return err
		}
		c = next
		return nil
	})
}

func load(file string) (counted, error) {
	c := counted{Types: map[string]int{}, Upto: xaeroflux.Frontier{}}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	return c, err
}

// save replaces the file in one step: it holds the earlier counts or these.
func (c counted) save(file string) error {
	b, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(file+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err == nil {
		fmt.Println(c.Types)
	}
	return err
}
