// SPDX-License-Identifier: MPL-2.0

package api

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A zap logger fits through its handler: it is given the engine's lines with their
// level and attributes, and those of the actors say that they are theirs.
func TestZapLoggerFits(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	log := zap.New(core)
	db := storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Logger: slog.New(zapslog.NewHandler(log.Core()))})
	props := receiver(func(*xaeroflux.Committed) { panic("boom") }).props()
	if _, err := db.Spawn("it", props, nil); err != nil {
		t.Fatal(err)
	}
	storetest.MustAppend(t, db, 1, "event %d")
	eventually(t, "nothing is logged", func() bool { return logs.FilterMessage("actor failed").Len() > 0 })
	line := logs.FilterMessage("actor failed").All()[0]
	said := line.ContextMap()
	if line.Level != zapcore.WarnLevel || said["logger"] != "actors" || !strings.HasSuffix(fmt.Sprint(said["actor"]), "/it") ||
		said["error"] != "panic: boom" || !strings.Contains(fmt.Sprint(said["stack"]), "logger_test.go") {
		t.Errorf("%v %v", line.Entry, said)
	}
}
