// SPDX-License-Identifier: MPL-2.0

// Projection keeps the newest payload of each key of a store in an SQLite table, and how
// far each log was read in another, both in one transaction:
//
//	projection DIR FILE.sqlite
//
// so that the table is that of some moment of the store, whatever ends the program.
package main

import (
	"context"
	"database/sql"
	"errors"
	"log"
	"os"

	_ "modernc.org/sqlite"

	"github.com/xaeroflux/xaeroflux"
)

const schema = `
CREATE TABLE IF NOT EXISTS newest (key BLOB PRIMARY KEY, payload BLOB, time INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frontier (log TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;`

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: projection DIR FILE.sqlite")
	}
	log.Fatal(project(context.Background(), os.Args[1], os.Args[2]))
}

func project(ctx context.Context, dir, file string) error {
	to, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := to.ExecContext(ctx, schema); err != nil {
		return err
	}
	from, err := frontier(ctx, to)
	if err != nil {
		return err
	}
	db, err := xaeroflux.Open(dir, &xaeroflux.Options{MustExist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Process(ctx, "projection", from, func(ctx context.Context, records []xaeroflux.Record) error {
		return apply(ctx, to, records)
	})
}

// frontier reads how far each log was applied.
func frontier(ctx context.Context, db *sql.DB) (xaeroflux.Frontier, error) {
	f := xaeroflux.Frontier{}
	rows, err := db.QueryContext(ctx, `SELECT log, size FROM frontier`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var log string
		var size uint64
		if err := rows.Scan(&log, &size); err != nil {
			return nil, err
		}
		id, err := xaeroflux.ParseLogID(log)
		if err != nil {
			return nil, err
		}
		f[id] = size
	}
	return f, rows.Err()
}

// apply writes events of one log, and the frontier behind them, in one transaction.
func apply(ctx context.Context, db *sql.DB, records []xaeroflux.Record) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, r := range records {
		_, err = tx.ExecContext(ctx, `INSERT INTO newest VALUES (?, ?, ?)
			ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, time = excluded.time WHERE excluded.time >= time`,
			r.Key, r.Payload, r.Time.UnixMilli())
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	last := records[len(records)-1]
	_, err = tx.ExecContext(ctx, `INSERT INTO frontier VALUES (?, ?)
		ON CONFLICT (log) DO UPDATE SET size = excluded.size`, last.Log.String(), last.Seq+1)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
