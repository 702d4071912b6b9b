package store

import "time"

// A VisitQuery chooses visits. Its zero value chooses all.
type VisitQuery struct {
	Sites []string
	Since time.Time // asked at or after
	Until time.Time // asked before
	URLs  []string  // of the targets that are known by these (see Target.Known); when there are any, the visits come target by target

	// Backwards has the last come first. Of what was Unchanged the capture is not
	// known then. It does not go together with URLs.
	Backwards bool

	// Headers has answers come with theirs, which lie compressed with the bodies.
	Headers bool
}

// A VisitRecord is one visit as the archive keeps it.
type VisitRecord struct {
	Number  uint64 // from 1, in the order in which they were kept
	Target  Target // as it is now
	Host    string // whose turn it was
	Time    time.Time
	Result  Result
	Reason  string
	Cause   string
	Answer  *Capture // without its body, and without its headers unless they were asked for; nil when nothing of it was kept
	Capture string   // id of the capture with the body; of an Unchanged visit that which still holds; "" when there is none
	Digest  [32]byte // SHA-256 of the body
	Length  int64    // of the body
	Dropped *Drop    // nil unless the body was dropped
	First   *Capture // the answer that brought these bytes, without them; nil when this visit did
	Outcome ArticleOutcome
	Article string // id
	Version int
}

// Asked is when the request was sent or, when there is no answer, when the
// visit was over.
func (v *VisitRecord) Asked() time.Time {
	if v.Answer != nil {
		return v.Answer.Fetched
	}
	return v.Time
}
