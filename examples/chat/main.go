// SPDX-License-Identifier: MPL-2.0

// Chat is a room for whoever has the invite. The first one begins it:
//
//	chat DIR
//
// which prints the invite, and others come with "chat DIR INVITE". Lines of standard
// input are said, also while nobody is there: they arrive when somebody is.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/xaeroflux/xaeroflux"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: chat DIR [INVITE]")
	}
	if err := chat(os.Args[1], append(os.Args, "")[2]); err != nil {
		log.Fatal(err)
	}
}

func chat(dir, invite string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	options := &xaeroflux.Options{Invite: invite, Listen: "127.0.0.1:0"}
	if invite != "" {
		options.Peers = []string{invite} // whoever made it
	}
	db, err := xaeroflux.Open(dir, options)
	if err != nil {
		return err
	}
	defer db.Close()
	if invite == "" { // this store founded the topic, and admits whoever comes by an invite
		if invite, err = db.Invite(ctx, &xaeroflux.InviteOptions{Uses: 100}); err != nil {
			return err
		}
		fmt.Println("invite", invite)
	}
	go func() {
		defer stop()
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			if _, err := db.Append(ctx, xaeroflux.Event{Type: "said", Payload: lines.Bytes()}); err != nil {
				log.Print(err)
			}
		}
	}()
	for r, err := range db.Subscribe(ctx, xaeroflux.Query{}) {
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", r.Author.Short(), r.Payload)
	}
	return nil
}
