// Package store is the archive's contract: what is kept of every visit, and
// how the work of a crawl is shared out. Package store/bolt keeps it in one
// file; package storetest says whether another engine keeps it right.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store/proof"
)

// An Archive keeps captures, articles and the frontier. It is safe for
// concurrent use. A method that fails has changed nothing.
type Archive interface {
	// Add puts targets into the frontier and returns how many were new. A
	// target whose canonical URL is known is refused, whatever its priority.
	Add(ctx context.Context, targets ...Target) (added int, err error)

	// Recall makes known targets due now, whatever became of them before, and
	// returns how many. Those that are leased or due already are left alone.
	Recall(ctx context.Context, s Selection) (recalled int, err error)

	// Lease hands out the best due target of the host that has waited longest
	// of those that may be asked now: the lowest priority, then the earliest
	// due, then the first to arrive. It returns a *NothingDue, which is ErrNothingDue, when there is none.
	Lease(ctx context.Context, w Want) (*Lease, error)

	// Commit records a visit: all of it or none, and ends the lease. It returns
	// ErrLeaseLost when the lease has run out or its target was handed to
	// another worker. Committing a visit again returns the first outcome and
	// adds nothing.
	//
	// An article that is not known is one that is when this has moved there: when
	// the URL or the target led to it last, and their canonical URLs differ in the
	// scheme or www. only, or the target of its own canonical URL is the one that
	// was visited, is gone, or was redirected there, and title or date of publication
	// are the same.
	//
	// An article whose text is not what it was gets a further version. So does
	// one that is Missing under every URL that led to it: a version with the
	// text as it was last read that says when it was withdrawn. So does one that
	// is there again, whether its text has changed or not.
	Commit(ctx context.Context, l *Lease, v Visit) (Outcome, error)

	// Record keeps a visit that was made elsewhere or long ago, without a
	// lease; the target is added when it is not known. What is known already
	// is not overruled by what is older: a visit that is not later than the
	// last of its target leaves the target as it is, and an article that was
	// fetched before its latest version becomes no version. Its outcome is
	// Earlier; the capture and the visit are kept all the same. While somebody
	// has the turn of its host, the target stays as it is too. To record a visit
	// twice keeps it twice.
	Record(ctx context.Context, t Target, v Visit) (Outcome, error)

	// Reread keeps better readings of the captures that versions were read from,
	// all of them or none, and returns how many it kept: those that differ from
	// what is kept in more than Article.Extractor and Article.Provenance. A version
	// stays the same version, with its number, its URLs, its capture and its
	// times; what it was read as before stays in History as Version.Earlier. It
	// returns ErrNotFound for a version that is not there.
	Reread(ctx context.Context, at time.Time, readings ...Rereading) (kept int, err error)

	// Adopt keeps what captures of a target are read as now that were read as no
	// article when they were visited, or whose versions are lost, all of them or none: the captures in the
	// order of time, known what the target is known by. Each becomes a version, dated by
	// its capture, as if the visit had brought it: the first of its article when the
	// archive has none; none when it says the same as the latest, or was fetched before
	// it. The visits stay what they were. When the target is gone, so is an
	// article that is new. The target leads to it from then on. ErrNotFound.
	Adopt(ctx context.Context, known string, readings ...Adoption) ([]Outcome, error)

	// Visits streams the visits in the order in which they were kept. Memory
	// grows with the number of targets whose bytes have changed, by little.
	// What is kept meanwhile may be seen or not. An error ends it.
	Visits(ctx context.Context, q VisitQuery) iter.Seq2[VisitRecord, error]

	// Resolve returns the id of the article that a URL led to last, as it is
	// written or in its canonical form. The id of an article resolves to
	// itself. ErrNotFound.
	Resolve(ctx context.Context, ref string) (id string, err error)

	// Article returns the latest version. ErrNotFound.
	Article(ctx context.Context, id string) (Version, error)

	// History yields all versions, oldest first. ErrNotFound.
	History(ctx context.Context, id string) ([]Version, error)

	// Version returns the version of an article with a number. To ask for one
	// behind the other takes little time for each, however many there are.
	// ErrNotFound, or a *Damaged.
	Version(ctx context.Context, id string, number int) (Version, error)

	// Articles streams versions host by host, and for each host in the order
	// in which they were first kept. Memory does not grow with their number.
	// What is committed meanwhile may be seen or not: an article that changes
	// may come twice, as its old and as its new version. A version that cannot
	// be read comes with a *Damaged, without JSON and with what else is known of it,
	// and those behind it come after it. Any other error ends it.
	Articles(ctx context.Context, q Query) iter.Seq2[Version, error]

	// Capture returns the page that an article was read from. ErrNotFound, or a
	// *BodyDropped.
	Capture(ctx context.Context, id string) (extract.Page, error)

	// Body returns the body of a capture as a stream, however large it is.
	// Where it is damaged the last Read says so. ErrNotFound, or a *BodyDropped.
	Body(ctx context.Context, id string) (io.ReadCloser, error)

	// Retain drops the bodies of attachments: all that r chooses, but for those
	// whose bytes another capture has that it does not choose. What else is known
	// of them stays, and when and by which rule they were dropped. Bytes that come
	// again are kept again. tell, which may be nil, is called for each
	// capture before its body is dropped. Stopped at any moment it leaves an archive
	// from which some are dropped. The space of small ones is used again by what
	// comes next.
	Retain(ctx context.Context, r Retention, tell func(Dropping)) (Retained, error)

	// Spool returns a place for a body that is too large for memory, to be
	// committed as Capture.Spool.
	Spool(ctx context.Context) (Spool, error)

	// Targets streams the frontier host by host, in the order of arrival.
	Targets(ctx context.Context, s Selection) iter.Seq2[Target, error]

	// Resting returns the hosts that are not to be asked before a moment later
	// than at, and that moment: what Visit.Rest has said of them.
	Resting(ctx context.Context, at time.Time) (map[string]time.Time, error)

	// Stats counts what is kept.
	Stats(ctx context.Context) (Stats, error)

	// Days returns, oldest first, the days from since on (2026-01-31; "" means
	// all) on which something of a site was visited or published.
	Days(ctx context.Context, site, since string) ([]Day, error)

	// Sites returns, sorted, the sites of which Days has any.
	Sites(ctx context.Context) ([]string, error)

	// Trends returns what the visits of a site have shown of each signal, by
	// host and name.
	Trends(ctx context.Context, site string) ([]Trend, error)

	// Alarms returns the alarms of a site, of all sites when it is "", in the
	// order in which they were raised. Those that have ended are kept.
	Alarms(ctx context.Context, site string) ([]Alarm, error)

	// Raise keeps alarms. One of the same site, name and moment of raising is
	// replaced.
	Raise(ctx context.Context, alarms ...Alarm) error

	// Verify reads everything, recomputes every digest, follows every
	// reference and yields what is wrong. It never writes. When ctx ends it
	// early, that is a problem too. Do not close the archive while it runs.
	Verify(ctx context.Context) iter.Seq[Problem]

	// Checkpoint returns the signed checkpoint of the log of all visits so far,
	// as package proof reads it. An archive that is only read returns the newest
	// that it keeps. ErrNotFound when there is none, or no visit.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Prove returns the proof that the log holds a visit, by its number from 1,
	// against the newest checkpoint that is kept. ErrNotFound.
	Prove(ctx context.Context, visit uint64) (proof.Proof, error)

	// Follows says whether the archive holds the visits that a checkpoint was
	// signed for, as they were, and perhaps more.
	Follows(ctx context.Context, checkpoint []byte) (proof.Checkpoint, error)

	// Keys returns the public keys that have signed checkpoints.
	Keys(ctx context.Context) ([]string, error)

	// Former returns the logs that the archive had before the one that it has,
	// oldest first: there are some when it was damaged.
	Former(ctx context.Context) ([]proof.Former, error)

	// Close signs a checkpoint when there were visits since the last, and ends
	// all leases; what was leased is due again.
	Close() error
}

var (
	// ErrNotFound is returned for what the archive does not hold.
	ErrNotFound = errors.New("not in the archive")
	// ErrNothingDue is what Lease returns when no target may be visited now.
	ErrNothingDue = errors.New("nothing due")
	// ErrLeaseLost is what Commit returns for a lease that is no longer held.
	ErrLeaseLost = errors.New("lease lost")
	// ErrCursor is returned for a cursor that is of another archive, or of what this
	// one held before it was restored from an earlier copy.
	ErrCursor = errors.New("the cursor is of what this archive does not hold: it is of another one, or this one was restored from an earlier copy")
	// ErrReadOnly is returned by what writes when the archive was opened for reading.
	ErrReadOnly = errors.New("archive opened for reading only")
)

// Damaged says that one version cannot be read. Others can.
type Damaged struct {
	ID     string // of the article; "" when that is not known
	Number int    // of the version
	URL    string // of the page that it was read from; "" when that is not known
	Err    error
}

// Error names the version and what is wrong with it.
func (d *Damaged) Error() string {
	switch {
	case d.ID == "":
		return d.Err.Error()
	case d.URL == "":
		return fmt.Sprintf("version %d of article %s: %v", d.Number, d.ID, d.Err)
	}
	return fmt.Sprintf("version %d of article %s (%s): %v", d.Number, d.ID, d.URL, d.Err)
}

// Unwrap returns what is wrong.
func (d *Damaged) Unwrap() error { return d.Err }

// Readable yields the versions of Articles that can be read, and tells of the others.
func Readable(versions iter.Seq2[Version, error], damaged func(v *Version, why *Damaged)) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		for v, err := range versions {
			var d *Damaged
			if errors.As(err, &d) {
				damaged(&v, d)
			} else if !yield(v, err) {
				return
			}
		}
	}
}

// NothingDue says when something will be due.
type NothingDue struct {
	Next   time.Time // the first moment at which a target can be leased; zero when none is waiting
	Turn   time.Time // the same of what is due already and only waits for its host; zero when nothing is
	Leased int       // live leases, whose visits may bring new targets
}

// Error says when it is worth asking again.
func (e *NothingDue) Error() string {
	if e.Next.IsZero() {
		return ErrNothingDue.Error()
	}
	return fmt.Sprintf("nothing due before %s", e.Next.Format(time.RFC3339))
}

// Is reports whether target is ErrNothingDue.
func (e *NothingDue) Is(target error) bool { return target == ErrNothingDue }

// InUse is what opening returns when another process holds the archive.
type InUse struct {
	Path    string
	PID     int    // of who writes to it; 0 when it is read
	Command string // its command line, as far as it is known
}

// Error names the holder.
func (e *InUse) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("archive %s is being read by another process", e.Path)
	}
	return fmt.Sprintf("archive %s is in use by process %d (%s)", e.Path, e.PID, e.Command)
}

// A State says what is to become of a target.
type State string

// The states of a target.
const (
	Due     State = "due"      // to be visited when Target.Due has come
	Leased  State = "leased"   // being visited
	Done    State = "done"     // visited; again when Target.Due has come, if it is set
	RetryAt State = "retry-at" // failed; again when Target.Due has come
	Gone    State = "gone"     // the server says that it is no more
	Blocked State = "blocked"  // robots.txt or the server refuses it
)

// A Target is a URL to visit.
type Target struct {
	URL       string // as it is asked for
	Post      string // the body to send; "" means GET
	Canonical string // what it is known by; "" means what Known returns
	Site      string
	Kind      extract.Kind
	Depth     int       // links away from a seed
	Priority  int       // 0 … 9, the lowest first
	Due       time.Time // zero means now; of a target that is Done: never

	// What the archive keeps; ignored by Add.
	State        State
	Reason       string // why it failed, is gone or blocked
	Attempts     int    // failures in a row
	Visited      time.Time
	Changed      time.Time     // when a visit last found other bytes
	Wait         time.Duration // from the last visit that got an answer until it was due again; 0 means for ever
	Gone         time.Time     // since when every answer was that it is gone; zero when the last was a page
	ETag         string        // validators of the last capture
	LastModified string
	Capture      string // id of the last capture
	Article      string // id of the article it led to
}

// Known returns what t is known by: Canonical when it is set, otherwise the
// canonical form of the URL, followed by a space and Post when there is one.
func (t *Target) Known() string {
	switch {
	case t.Canonical != "":
		return t.Canonical
	case t.Post != "":
		return extract.CanonicalURL(t.URL) + " " + t.Post
	}
	return extract.CanonicalURL(t.URL)
}

// Host returns the host that a URL asks, in lower case and with the port when
// it is not the scheme's own: what a Lease is a turn of. It is "" for what is
// no URL.
func Host(rawURL string) string {
	u, err := url.Parse(strings.TrimSpace(rawURL))
	if err != nil {
		return ""
	}
	host := extract.HostName(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return host
}

// A Selection chooses targets. Its zero value chooses all.
type Selection struct {
	Site   string
	Kinds  []extract.Kind
	States []State
	URLs   []string // canonical
}

// Want says what a worker is ready to visit.
type Want struct {
	Sites []string      // empty means any
	TTL   time.Duration // how long the lease lives; 0 means five minutes
}

// A Lease is the right to visit one target, and its host's turn: while it
// lives nobody else is handed a target of that host.
type Lease struct {
	Target  Target
	Host    string    // with the port when it is not the scheme's own
	Token   uint64    // tells this lease from an earlier or a later one of the host
	Expires time.Time // a visit that is committed then or later is refused
}

// A Result says how a visit ended.
type Result string

// The results of a visit.
const (
	Fetched   Result = "fetched"   // a capture was made
	Unchanged Result = "unchanged" // the server says that the last capture still holds
	Missing   Result = "gone"      // 404, 410, or what amounts to it
	Refused   Result = "refused"   // robots.txt forbids it
	Barred    Result = "blocked"   // a challenge, a login, a wall
	Failed    Result = "failed"    // anything that may pass: to be tried again
	Abandoned Result = "abandoned" // the worker gave up its turn: nothing is recorded but Rest and, when it is set, Again
)

// A Visit is what a worker has to say about its lease.
type Visit struct {
	Result  Result
	Reason  string           // why, when it is not Fetched or Unchanged
	Cause   string           // the kind of Reason: a few words that are the same for all of its kind
	Time    time.Time        // when the answer came
	Capture *Capture         // nil when there was no answer to keep; needed when Fetched
	Article *extract.Article // nil when the page is no article; only when Fetched, with ID, CanonicalURL and ContentHash set
	Kind    extract.Kind     // of the target, when it has turned out to be another than was thought; empty changes nothing
	Aliases []string         // canonical forms of other URLs that led to this page
	Links   []Target         // added to the frontier; known ones are left as they are
	Onward  []Target         // further pages of this list: added, and made due now when Links or Onward held anything new
	Partial bool             // no validators are kept, so that the next visit is sent it whole: not all links of the page are in Links and Onward, or the server's word is worth nothing
	Again   time.Time        // when to come again, whatever the result; zero means never
	Sooner  time.Time        // the same when Links or Onward held anything new; zero means Again
	Rest    time.Time        // the host is not to be asked before; an earlier moment than was asked for once changes nothing, unless that is more than a month ahead when the archive is opened
	Counts  map[string]int64 // added to the day's
	Signals []Signal         // what it showed
}

// An Outcome is what a visit did to the archive.
type Outcome struct {
	Article  ArticleOutcome
	ID       string // of the article
	Version  int    // its latest version
	Captured bool   // new bytes were kept
	Links    int    // new targets, of Links and Onward
	Recalled int    // known further pages made due again
}

// An ArticleOutcome says what became of the article of a visit.
type ArticleOutcome string

// The outcomes of a visit for its article.
const (
	NoArticle  ArticleOutcome = ""
	Added      ArticleOutcome = "added"      // the first version
	Changed    ArticleOutcome = "changed"    // a further version
	Same       ArticleOutcome = "unchanged"  // the reader would see the same
	Withdrawn  ArticleOutcome = "withdrawn"  // a further version, which says that it is gone
	Returned   ArticleOutcome = "returned"   // a further version: it is there again
	Earlier    ArticleOutcome = "earlier"    // from before the latest version, and different: no version was made of it
	Duplicated ArticleOutcome = "duplicated" // what another article of this host says now, of which the URL becomes an alias
)

// A Capture is one answer of a server as it came.
type Capture struct {
	URL         string      // as asked for
	Post        string      // the body that was sent
	FinalURL    string      // after redirects
	Hops        []Hop       // the redirects, in order
	Status      int         // HTTP status
	Header      http.Header // as it came
	ContentType string      // the Content-Type header
	Fetched     time.Time   // when the request was sent
	Took        time.Duration
	Body        []byte   // without content coding
	Spool       Spool    // the body instead of Body, when it was too large for memory
	Truncated   string   // "" or why the body is not whole: length, time, disconnect (WARC-Truncated, ISO 28500)
	TLS         []string // what was wrong with the connections and allowed by the site's definition; see extract.Terms
	Dropped     *Dropped // instead of Body: what another archive has kept of it
}

// Dropped is what is known of a body that an archive has dropped.
type Dropped struct {
	Drop
	Digest [32]byte // SHA-256
	Length int64
}

// Length is how many bytes the body has.
func (c *Capture) Length() int64 {
	switch {
	case c.Dropped != nil:
		return c.Dropped.Length
	case c.Spool != nil:
		return c.Spool.Length()
	}
	return int64(len(c.Body))
}

// A Spool takes a body on its way into an archive. The Commit that is handed it
// keeps what was written; whoever asked for it closes it afterwards, whether
// it was committed or not. What no commit kept is gone with Close, with the
// archive's Close, and with the process. It is for one goroutine.
type Spool interface {
	io.Writer
	// Length is how many bytes were written.
	Length() int64
	// Close ends it. To close it twice is harmless.
	Close() error
}

// A Hop is one redirect.
type Hop struct {
	URL    string `json:"url"` // that answered
	Status int    `json:"status"`
	To     string `json:"to"`
}

// A Query chooses versions. Its zero value is the latest version of every article.
type Query struct {
	Sites   []string
	Since   time.Time // published at or after
	Until   time.Time // published before
	History bool      // all versions, not only the latest
	After   string    // resume behind the version with this cursor; ErrCursor

	// Later leaves out, for each host that it names, what was kept no later
	// than the version with this cursor; ErrCursor.
	Later map[string]string
}

// A Version is one version of an article as it is kept.
type Version struct {
	ID        string
	Number    int
	Site      string
	Host      string
	Published time.Time // with the page's offset; zero when it does not say
	Fetched   time.Time
	Withdrawn time.Time // since when the article is gone; zero when the version is a page
	Hash      string    // extract.Article.ContentHash
	JSON      []byte    // one line, as exported; valid until the next version is yielded
	Cursor    string    // for Query.After: the host, where the version is among its, and a mark of what it is
	Earlier   []Reading // what it was read as before, oldest first; only History, Version and Article tell
}

// A Reading is what a version was read as before it was read again.
type Reading struct {
	JSON     []byte
	Replaced time.Time // when another took its place
}

// A Rereading is what a version is read as now.
type Rereading struct {
	Cursor  string           // Version.Cursor
	Article *extract.Article // with ContentHash set; what the archive sets is taken from the version
}

// An Adoption is what a capture is read as that was read as no article before.
type Adoption struct {
	Capture string           // id
	Article *extract.Article // with ID, CanonicalURL, ContentHash and Fetched set
	Aliases []string         // as in Visit
}

// Stats counts what an archive holds.
type Stats struct {
	Articles int
	Versions int
	Captures int // distinct ones
	Visits   int // recorded answers, revisits included
	Targets  map[State]int
	Bytes    int64 // of captured bodies as they came
	Kept     int64 // of the same as they are kept

	Dropped      int   // bodies that were dropped, see Retain
	DroppedBytes int64 // in them
	FirstSeen    time.Time
	LastSeen     time.Time
}

// A Problem is a fault that Verify found.
type Problem struct {
	Where string // the record: captures/000000000000002a
	What  string // what is wrong with it

	// Denied says that nothing is known of it, because this user may not read it.
	Denied bool
}

// String is one line.
func (p Problem) String() string { return p.Where + ": " + p.What }
