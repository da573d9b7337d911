// SPDX-License-Identifier: MPL-2.0

// Share is the program of docs/embedding.md that two processes share a topic with. The
// first one begins it, prints an invite, and then what comes:
//
//	share DIR
//
// The second, "share OTHERDIR INVITE", appends, syncs, and prints all there is.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/xaeroflux/xaeroflux"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: share DIR [INVITE]")
	}
	if err := share(context.Background(), os.Args[1], append(os.Args, "")[2]); err != nil {
		log.Fatal(err)
	}
}

func share(ctx context.Context, dir, invite string) error {
	// Without an invite a new store begins a topic; with one it is in that topic.
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{Invite: invite, Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer db.Close()
	first := invite == ""
	if first {
		if invite, err = db.Invite(ctx, nil); err != nil { // it names where this process listens
			return err
		}
		fmt.Println(invite)
	}
	sync := func() (err error) {
		if !first {
			_, err = db.Sync(ctx, invite) // nil: both hold what either held
		}
		return err
	}
	if err := sync(); err != nil { // the key of the topic comes with it
		return err
	}
	if _, err := db.Append(ctx, xaeroflux.Event{Type: "todo", Payload: []byte("from " + dir)}); err != nil {
		return err
	}
	if err := sync(); err != nil {
		return err
	}
	read := db.Subscribe // what is there, and then what comes
	if !first {
		read = db.Events // what is there
	}
	for rec, err := range read(ctx, xaeroflux.Query{}) {
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", rec.Author.Short(), rec.Payload)
	}
	return nil
}
