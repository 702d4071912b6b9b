package store

import (
	"errors"
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"luutin/extract"
)

// A Retention chooses attachments whose bytes are not kept any longer. What is
// chosen fits all that it says; a field that is empty says nothing. At least one
// of Types, Before and Larger has to say something.
//
// An attachment is a capture of a target of kind extract.KindAttachment that led
// to no article, was answered with a status of success, and is of a media type
// that is named and not that of a page (text/html, application/xhtml+xml).
type Retention struct {
	Sites  []string
	Types  []string  // media types without parameters: application/pdf, or video/* for all that begin so
	Before time.Time // when the bytes came is before; of bytes that were dropped and came again, the last time
	Larger int64     // the body has more bytes
	Rule   string    // what is kept of the rule, for readers; it may not be empty
	Dry    bool      // nothing is dropped, only told
}

// Check says what is wrong with a Retention.
func (r *Retention) Check() error {
	switch {
	case r.Rule == "":
		return errors.New("retention: the rule has no name")
	case r.Before.IsZero() && len(r.Types) == 0 && r.Larger <= 0:
		return errors.New("retention: it names neither an age, a media type nor a size: every attachment would be dropped")
	case r.Larger < 0:
		return fmt.Errorf("retention: a size of %d bytes", r.Larger)
	}
	for _, t := range r.Types {
		if kind, of, ok := strings.Cut(t, "/"); !ok || kind == "" || of == "" || strings.ContainsAny(t, "; ") || strings.ContainsAny(kind, "*?[\\") || strings.ToLower(t) != t {
			return fmt.Errorf("retention: %q is no media type such as application/pdf or video/*", t)
		}
		if _, err := path.Match(t, "x/y"); err != nil {
			return fmt.Errorf("retention: %q is no media type such as application/pdf or video/*", t)
		}
	}
	return nil
}

// ChoosesTarget says whether captures of a target may be chosen.
func (r *Retention) ChoosesTarget(t *Target) bool {
	return t.Kind == extract.KindAttachment && t.Article == "" && (len(r.Sites) == 0 || slices.Contains(r.Sites, t.Site))
}

// ChoosesCapture says whether a capture is chosen when its target is: by its
// status, the media type that the server gave, the length of its body in bytes,
// and when the bytes came last.
func (r *Retention) ChoosesCapture(status int, contentType string, length int64, came time.Time) bool {
	if status < 200 || status > 299 {
		return false
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind == "text/html" || kind == "application/xhtml+xml" {
		return false
	}
	matches := func(pattern string) bool {
		ok, _ := path.Match(pattern, kind) // Check has tried it
		return ok
	}
	return (len(r.Types) == 0 || slices.ContainsFunc(r.Types, matches)) &&
		(r.Before.IsZero() || came.Before(r.Before)) &&
		(r.Larger <= 0 || length > r.Larger)
}

// A Dropping is a capture whose body is given up.
type Dropping struct {
	Capture string // id
	URL     string
	Site    string
	Type    string    // media type, as the server said
	Fetched time.Time // first
	Digest  [32]byte  // SHA-256 of the body
	Length  int64     // of the body
}

// Retained says what Retain has done, or would do.
type Retained struct {
	Captures int   // whose bodies were dropped
	Bodies   int   // that were dropped: captures of a host that have the same bytes have one
	Bytes    int64 // in them
	Shared   int   // bodies that were chosen, and stay because another capture has them that was not
}

// A Drop says that the bytes of a body are not kept any more. Everything else
// that is known of it is.
type Drop struct {
	When time.Time `json:"when"`
	Rule string    `json:"rule"`
}

// A BodyDropped is the error of a body that was dropped.
type BodyDropped struct{ Drop }

// Error says when and why.
func (e *BodyDropped) Error() string {
	return fmt.Sprintf("its bytes were dropped on %s (%s); what else is known of it is kept", e.When.Format(time.DateOnly), e.Rule)
}
