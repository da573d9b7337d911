// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/internal/backup"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// errorFree are functions and methods whose errors are no engine's: they decode, or
// verify what they are given, or read and write a stream.
var errorFree = []string{
	"Verify", "VerifyConsistency", "MarshalText", "UnmarshalText", "ParseLogID", "ParseTopicID", "ParseAuthorKey", "ParseEventID",
	"ParsePeerID", "ParseAddress", "Read", "Write", "CloseWrite", "Unwrap", "Err",
}

// Errors of the API go out by one door, which gives them their types.
func TestErrorsGoOutByOneDoor(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || !fails(fn) || slices.Contains(errorFree, fn.Name.Name) {
				continue
			}
			if seen++; !isDoor(fn.Body.List[0]) {
				t.Errorf("%s: %s returns errors, and begins neither with the deferred out nor with the return of another method", f.Name(), fn.Name.Name)
			}
		}
	}
	if seen < 40 {
		t.Errorf("%d functions were found", seen)
	}
}

// fails reports whether the last result is an error.
func fails(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil {
		return false
	}
	last, ok := fn.Type.Results.List[len(fn.Type.Results.List)-1].Type.(*ast.Ident)
	return ok && last.Name == "error"
}

func isDoor(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.DeferStmt:
		switch f := s.Call.Fun.(type) {
		case *ast.Ident:
			return f.Name == "out"
		case *ast.SelectorExpr:
			return f.Sel.Name == "out"
		}
	}
	return false
}

// Each of the engine's typed errors has one of the API's in front, once, under which it
// is what it was.
func TestErrorsHaveTypesOfTheAPI(t *testing.T) {
	for _, c := range []struct {
		inner error
		as    any
		is    error
	}{
		{&pipeline.UncertainError{Err: os.ErrDeadlineExceeded}, new(*UncertainError), ErrUncertain},
		{&pipeline.RestoredError{}, new(*RestoredError), ErrRestored},
		{&pipeline.LogError{Err: os.ErrNotExist}, new(*LogError), ErrLog},
		{&pipeline.QuotaError{}, new(*QuotaError), ErrQuota},
		{&store.ExpectError{}, new(*ExpectError), ErrExpect},
		{&store.GapError{}, new(*GapError), ErrNotHeld},
		{&store.UnfinishedError{}, new(*UnfinishedError), ErrNoStore},
		{&store.TornCopyError{Err: &recovery.RefusedError{}}, new(*TornCopyError), nil},
		{&recovery.RefusedError{Causes: []error{ErrOlder}}, new(*RefusedError), ErrOlder},
		{&findings.LookError{Err: os.ErrPermission}, new(*LookError), os.ErrPermission},
		{&backup.DamageError{Findings: make([]backup.Finding, 1)}, new(*BackupDamageError), ErrBackupDamaged},
		{&backup.DamageError{Findings: make([]backup.Finding, 1)}, new(*BackupDamageError), ErrCorrupt},
		{&backup.TempError{Err: os.ErrPermission}, new(*TempError), os.ErrPermission},
		{&session.StallError{}, new(*StallError), nil},
		{&session.TwinError{}, new(*TwinError), nil},
		{&doors.RefusedError{}, new(*CallRefusedError), nil},
		{&store.RosterFault{}, new(*RosterFault), nil},
	} {
		err := errors.Join(errors.New("op"), c.inner)
		once := outward(err)
		if !errors.As(once, c.as) || c.is != nil && !errors.Is(once, c.is) || once.Error() != err.Error() {
			t.Errorf("%T became %v", c.inner, once)
		}
		if twice := outward(once); twice != once {
			t.Errorf("%T was wrapped again", c.inner)
		}
	}
	if len(outwards) != 16 {
		t.Errorf("%d kinds, and not all of them have a case", len(outwards))
	}
}
