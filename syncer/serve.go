// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// PushEvents sends the events [from, to) of a log, as far as they are held, in
// messages of about PushBytes, or what pace allows. It returns the sequence after the last it
// sent.
func PushEvents(send func(messages.Message) error, src Source, topic uint32, id digest.Hash, from, to uint64, pace *Pace) (uint64, error) {
	info, found, err := src.Log(id)
	if err != nil || !found {
		return from, err
	}
	for to = min(to, info.Size); from < to; {
		c, err := src.Events(id, from, pace.events())
		if err != nil {
			return from, err
		}
		err = send(&messages.Events{
			Topic: topic, Log: id, Author: info.Author, PageBytes: info.PageBytes, Kind: info.Kind, Number: info.Number,
			First: c.First, Count: uint32(c.Count), Head: wireHead(c.Head), Right: c.Right, Records: c.Records,
		})
		if err != nil {
			return from, err
		}
		pace.add(len(c.Records))
		from = c.First + uint64(c.Count)
	}
	return from, nil
}

func wireHead(h proof.Head) messages.Head {
	return messages.Head{Size: h.Size, Root: h.Root, Sig: h.Sig}
}

// Counts says what was served.
type Counts struct {
	End           uint64 // sequence after the last event that was sent
	Pages, Events uint64
}

// ServePages answers a PAGE_REQUEST: runs of pages, each a PAGE_RESPONSE and
// the pages themselves, as long as pace allows, then, if a tail is wanted, EVENTS up to what is
// held. A log that is not in the topic is not there: the answer does not tell
// the two apart.
func ServePages(w io.Writer, src Source, topic digest.Hash, req *messages.PageRequest, pace *Pace) (Counts, error) {
	info, found, err := src.Log(req.Log)
	if err != nil {
		return Counts{}, err
	}
	if !found || info.Topic != topic {
		return Counts{}, refuse(w, messages.CodeUnknownLog)
	}
	if info.Frozen {
		return Counts{}, refuse(w, messages.CodeFrozen)
	}
	if req.From > info.Pages || req.Count == 0 {
		return Counts{}, refuse(w, messages.CodeBadRange)
	}
	c := Counts{}
	pages := min(req.Count, info.Pages-req.From)
	for page := req.From; page < req.From+pages; {
		n, err := serveRun(w, src, info, page, min(pace.pages(info.PageBytes), req.From+pages-page), &c)
		if err != nil {
			return c, err
		}
		pace.add(int(n) * int(info.PageBytes))
		page += n
	}
	if c.Pages == 0 {
		c.End = info.SealedSize // From is where our pages end
	}
	if !req.Tail || req.From+pages < info.Pages {
		return c, nil // the rest is pulled by another request, as pages
	}
	return c, serveTail(w, src, req, &c, pace)
}

func serveRun(w io.Writer, src Source, info LogInfo, page, count uint64, c *Counts) (uint64, error) {
	run, err := src.Pages(info.Log, page, count)
	if err != nil {
		return 0, err
	}
	defer run.Release()
	frame, err := messages.AppendFrame(nil, &messages.PageResponse{
		Log: info.Log, From: page, Count: uint32(run.Count()), FirstSeq: run.FirstSeq, EndSeq: run.EndSeq,
		PageBytes: info.PageBytes, Head: wireHead(run.Head), Right: run.Right, More: true, Images: run.Images,
	})
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(frame); err != nil {
		return 0, err
	}
	for _, p := range run.Pages {
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	n := run.Count()
	c.Pages, c.Events, c.End = c.Pages+n, c.Events+run.EndSeq-run.FirstSeq, run.EndSeq
	return n, nil
}

func serveTail(w io.Writer, src Source, req *messages.PageRequest, c *Counts, pace *Pace) error {
	info, _, err := src.Log(req.Log)
	if err != nil {
		return err
	}
	var buf []byte
	send := func(m messages.Message) (err error) {
		if buf, err = messages.AppendFrame(buf[:0], m); err == nil {
			_, err = w.Write(buf)
		}
		return err
	}
	end, err := PushEvents(send, src, req.Topic, req.Log, c.End, info.Size, pace)
	c.Events += end - c.End
	c.End = end
	return err
}

// refuse answers with an ERROR.
func refuse(w io.Writer, code messages.Code) error {
	frame, err := messages.AppendFrame(nil, &messages.Error{Code: code, Text: code.String()})
	if err == nil {
		_, err = w.Write(frame)
	}
	if err != nil {
		return err
	}
	return &Violation{Code: code, Text: "a request for what is not here"}
}
