// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"io"
	"time"
)

// A Backup says what backup is wanted.
type Backup struct {
	Dir             string `json:"dir,omitempty"` // absolute; of no use if it goes over a pipe
	WithoutIdentity bool   `json:"without_identity,omitempty"`
}

// A BackupReport says what a backup holds, and what was written for it.
type BackupReport struct {
	Number   uint64        `json:"number"`
	Time     time.Time     `json:"time"`
	Identity string        `json:"identity"` // none, or plain: the seed can be read in it
	Peer     string        `json:"peer,omitempty"`
	Topics   []BackupTopic `json:"topics"`
	Logs     []BackupLog   `json:"logs"`
	Events   uint64        `json:"events"` // of the application
	Bytes    int64         `json:"bytes"`  // of all files
	Written  int64         `json:"written,omitempty"`
	Kept     int64         `json:"kept,omitempty"` // that were there already

	Findings []BackupFinding `json:"findings,omitempty"` // what is wrong with it
}

// A BackupFinding is one flaw of a backup.
type BackupFinding struct {
	File string `json:"file"`
	What string `json:"what"`
}

// A BackupTopic is a topic of a backup.
type BackupTopic struct {
	Topic string `json:"topic"`
	Name  string `json:"name,omitempty"`
}

// A BackupLog is a log of a backup.
type BackupLog struct {
	Log   string `json:"log"`
	Topic string `json:"topic"`
	Kind  string `json:"kind"`
	Own   bool   `json:"own,omitempty"`
	Size  uint64 `json:"size"`
	Root  string `json:"root"`
}

// A backupStep is what Backup streams: progress, and at last the report.
type backupStep struct {
	Done   int64         `json:"done,omitempty"`
	Total  int64         `json:"total,omitempty"`
	Report *BackupReport `json:"report,omitempty"`
}

var errNoBackup = &Error{Kind: Usage, Text: "a request for a backup that does not say which"}

func (s *Server) backup(ctx context.Context, r *request, send func(any) error) error {
	if r.Backup == nil {
		return errNoBackup
	}
	report, err := s.b.Backup(ctx, *r.Backup, nowAndThen(func(done, total int64) { send(backupStep{Done: done, Total: total}) }))
	if err != nil {
		return err
	}
	return send(backupStep{Report: &report})
}

func (s *Server) backupOver(ctx context.Context, rw io.ReadWriteCloser, r *request) (any, error) {
	if r.Backup == nil {
		return nil, errNoBackup
	}
	report, err := s.b.BackupOver(ctx, rw, *r.Backup)
	report.Logs = nil // its answer has to be short
	return report, err
}

// Backup implements Backend.
func (c *Client) Backup(ctx context.Context, b Backup, progress func(done, total int64)) (BackupReport, error) {
	var report *BackupReport
	err := stream(ctx, c, "backup", request{Backup: &b}, func(s *backupStep) error {
		if s.Report != nil {
			report = s.Report
		} else if progress != nil {
			progress(s.Done, s.Total)
		}
		return nil
	})
	if err == nil && report == nil {
		err = errCutOff
	}
	if err != nil {
		return BackupReport{}, err
	}
	return *report, nil
}

// BackupOver implements Backend.
func (c *Client) BackupOver(ctx context.Context, rw io.ReadWriteCloser, b Backup) (BackupReport, error) {
	return pipeCall[BackupReport](ctx, c, "backup-over", rw, request{Backup: &b})
}
