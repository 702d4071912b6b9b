package crawler

import (
	"errors"
	"strings"

	"luutin/extract"
	"luutin/store"
)

// A cause is why a visit went wrong, in words that are the same for all of a
// kind: what a Visit bears as its Cause, what is counted per day, and what
// alarms go by. It is the error that others wrap.
type cause string

func (c cause) Error() string { return string(c) }

// What may be wrong with a visit.
const (
	unreachable    cause = "out of reach"             // no connection came about
	timedOut       cause = "timed out"                //
	brokenOff      cause = "broken off"               // the connection was lost half way
	badAnswer      cause = "bad answer"               // no HTTP, or a coding that cannot be undone
	serverError    cause = "server error"             // 5xx
	oddStatus      cause = "odd status"               //
	emptyAnswer    cause = "empty"                    //
	tooLong        cause = "too long"                 // than the limits
	endless        cause = "redirects without end"    //
	notFound       cause = "not found"                // 404, 410
	saysNotFound   cause = "says not found"           // with another status
	movedAway      cause = "moved to another site"    //
	movedHome      cause = "moved to the home page"   //
	movedToList    cause = "moved to a list"          //
	strange        cause = "not of the site"          // no host of its, or no web address
	forbidden      cause = "forbidden"                // 401, 403, 451
	throttled      cause = "throttled"                // 429, 503
	waits          cause = "wants to be left alone"   // longer than a request waits
	challenge      cause = "challenge"                // to prove that one is human
	login          cause = "login"                    //
	robotsForbid   cause = "robots.txt forbids it"    //
	robotsUnknown  cause = "robots.txt not to be had" //
	privateAddress cause = "private address"          //
	pageInstead    cause = "page instead of a file"   //
	shell          cause = "shell"                    // a page that is made by scripts
	noLinks        cause = "no links"                 // a list that leads to nothing
	notRead        cause = "not read"                 // no article where one was looked for, or a list that cannot be understood
	sentOn         cause = "sent on"                  // by a page that redirects with <meta http-equiv="refresh">
	panicked       cause = "panic"                    //
	tooLate        cause = "too late"                 // the lease had run out
)

// causeOf returns the cause that an error wraps; badAnswer when it is of none
// of those.
func causeOf(err error) cause {
	var c cause
	if errors.As(err, &c) {
		return c
	}
	var r *resting
	if errors.As(err, &r) {
		return waits
	}
	return badAnswer
}

// The names of what visits show (store.Signal), and of what is counted of them
// (store.Day.Counts).
const (
	SignalAnswers = "answers"       // the host answers
	SignalLetsIn  = "lets in"       // it shows pages, not walls
	SignalStays   = "stays "        // and what a start page is known by: it is where it was
	SignalList    = "list "         // and what a start page is known by: it leads to articles
	SignalKept    = "articles stay" // an article that was read before is still there
	SignalRead    = "articles read" // a page that should hold an article does
	SignalRule    = "rule "         // and a field: the layout's rule for it found it
	SignalHas     = "has "          // and a field: it was found, where no rule says where
	SignalAgain   = "again "        // before the last three: the page was visited before

	CountAnswers = "answers" // visits that the host answered, with a page
	CountTook    = "ms"      // what those answers took, together
	CountRead    = "read"    // article pages that were read
	CountHas     = "has "    // and a field: those of them that have it
)

// Fields are those of an article that are watched.
func Fields() []string {
	return []string{"title", "published", "lead", "body", "authors", "source", "section", "images"}
}

func has(a *extract.Article, field string) bool {
	switch field {
	case "title":
		return a.Title != ""
	case "published":
		return a.Published != nil
	case "lead":
		return a.Lead != ""
	case "body":
		return a.Body != ""
	case "authors":
		return len(a.Authors) > 0
	case "source":
		return a.Source != ""
	case "section":
		return a.Section != ""
	case "images":
		return len(a.Images) > 0
	}
	return false
}

// show says what a visit showed of its site, and what is to be counted of it.
func (r *run) show(t store.Target, v *store.Visit) {
	c := cause(v.Cause)
	if v.Result == store.Abandoned {
		return
	}
	signal := func(name string, ok bool) { v.Signals = append(v.Signals, store.Signal{Name: name, OK: ok}) }
	count := func(name string, n int64) {
		if v.Counts == nil {
			v.Counts = map[string]int64{}
		}
		v.Counts[name] += n
	}
	// What a file takes to come says how long it is, not how fast its host is.
	if c := v.Capture; c != nil && c.Took > 0 && t.Kind != extract.KindAttachment && c.Spool == nil && !isFile(c) {
		count(CountAnswers, 1)
		count(CountTook, v.Capture.Took.Milliseconds())
	}
	switch c {
	case robotsForbid, privateAddress, strange, waits, panicked, tooLate:
		return // nobody was asked, or it says nothing of the site
	case unreachable, timedOut, brokenOff, badAnswer, serverError, robotsUnknown:
		signal(SignalAnswers, false)
		return
	}
	signal(SignalAnswers, true)
	article := t.Kind == extract.KindArticle || t.Kind == extract.KindAttachment
	switch c {
	case forbidden:
		if article && t.Article == "" {
			return // a page that was never shown to us tells nothing of the others
		}
		fallthrough
	case challenge, login, throttled:
		signal(SignalLetsIn, false)
		return
	}
	signal(SignalLetsIn, true)

	gone := c == notFound || c == saysNotFound || c == movedAway || c == movedHome || c == movedToList
	if !article {
		if t.Depth == 0 {
			signal(SignalStays+t.Known(), !gone)
		}
		if t.Depth == 0 && !gone && v.Result != store.Unchanged {
			signal(SignalList+t.Known(), c == "")
		}
	}
	if t.Article != "" && t.Kind == extract.KindArticle && t.Gone.IsZero() {
		signal(SignalKept, !gone)
	}
	if gone || v.Result != store.Fetched || c == sentOn {
		return
	}
	// After a redesign old articles often stay as they were, while no new one can
	// be read: what is looked at again is told apart.
	again := ""
	if !t.Visited.IsZero() {
		again = SignalAgain
	}
	if t.Kind == extract.KindArticle {
		signal(again+SignalRead, v.Article != nil)
	}
	a := v.Article
	if a == nil {
		return
	}
	count(CountRead, 1)
	rules := r.Sites.Rules(t.Site, a.Extractor)
	for _, field := range Fields() {
		if has(a, field) {
			count(CountHas+field, 1)
		}
		switch _, ruled := rules[field]; {
		case ruled:
			signal(again+SignalRule+field, strings.HasPrefix(a.Provenance[field], "rule "))
		case field == "title" || field == "published" || field == "body":
			signal(again+SignalHas+field, has(a, field))
		}
	}
}
