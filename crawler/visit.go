package crawler

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"luutin/extract"
	"luutin/store"
	"luutin/store/reread"
)

const (
	freshList  = time.Hour        // until a list is due again of which nothing is known
	soonest    = 10 * time.Minute // until one is that always brings something new
	startList  = 6 * time.Hour    // until a start page is that never does
	deepList   = 30 * day         // until another list is, and a further page, when nothing new calls it back before
	soonFile   = 7 * day          // before a file is looked at again, whose server can say that it is the same: the next of revisits
	spotChecks = 10               // of so many visits one asks without validators
	pageLimit  = int64(32 << 20)
	fileLimit  = int64(256 << 20)
)

// shortWait is what a worker waits for the host of its target; when it would
// be longer it lets others go first.
const shortWait = 40 * time.Millisecond

// errNotNow is the error of a target whose host wants to be left alone for a
// moment, as after its robots.txt was asked for.
var errNotNow = errors.New("the host is not to be asked at once")

// A verdict is the error of a URL that is not asked for.
type verdict struct {
	result store.Result
	reason string
	cause  cause
}

func (e *verdict) Error() string { return e.reason }

// validators are the headers by which a target is asked for only if it has
// changed; none when it is to come in any case.
func (r *run) validators(l *store.Lease) map[string]string {
	t := l.Target
	// What was not understood the last time is read again, changed or not.
	if t.Reason != "" || t.Kind == extract.KindArticle && t.Article == "" || r.asksWhole(t) || t.Kind != extract.KindAttachment && spotCheck(t) || r.web.manners.lies(l.Host) {
		return nil
	}
	header := map[string]string{}
	if t.ETag != "" {
		header["If-None-Match"] = t.ETag
	}
	if t.LastModified != "" {
		header["If-Modified-Since"] = t.LastModified
	}
	return header
}

// asksWhole reports a list when its pages are gone through for a span.
func (r *run) asksWhole(t store.Target) bool {
	return r.spanned() && t.Kind != extract.KindArticle && t.Kind != extract.KindAttachment
}

// fetchLease fetches the target of a lease, as long as the lease lasts.
func (f *fetcher) fetchLease(ctx context.Context, r *run, l *store.Lease, validators map[string]string) (*store.Capture, error) {
	t := l.Target
	ctx, cancel := context.WithTimeoutCause(ctx, l.Expires.Sub(r.now())-leaseMargin, &marked{"took longer than its lease", timedOut})
	defer cancel()
	ctx = context.WithValue(ctx, termsKey{}, r.terms(t.Site))

	header := map[string]string{}
	for name, value := range r.Sites.Headers(t.Site, t.URL) {
		header[name] = value
	}
	maps.Copy(header, validators)
	b := bounds{delay: r.delay(t.Site), whole: r.web.limits.page, size: pageLimit}
	if r.MaxPage > 0 {
		b.size = r.MaxPage
	}
	if t.Kind == extract.KindAttachment {
		b.whole, b.size = 0, fileLimit
		if r.MaxFile > 0 {
			b.size = r.MaxFile
		}
		archiveCtx := context.WithoutCancel(ctx) // an error of it is to be one of the archive
		b.spool = func() (store.Spool, error) { return r.Archive.Spool(archiveCtx) }
	}
	follow := func(ctx context.Context, u *url.URL, hops []store.Hop) error { return r.mayAsk(ctx, t, u, hops) }
	return f.fetch(ctx, &request{url: t.URL, post: t.Post, header: header, bounds: b, follow: follow})
}

// spotCheck reports whether a target is asked for as if nothing was known of
// it, whatever validators it has: about every tenth visit, since servers lie
// about what has changed. It follows from the archive alone.
func spotCheck(t store.Target) bool {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", t.Known(), t.Visited.UnixNano())
	return h.Sum64()%spotChecks == 0
}

// lie reports whether a visit shows that the server's validators cannot be
// trusted: other bytes under the same ones.
func lie(t store.Target, v store.Visit, o store.Outcome) bool {
	if v.Capture == nil || t.Capture == "" || !o.Captured || v.Capture.Truncated != "" {
		return false
	}
	if t.ETag != "" {
		return v.Capture.Header.Get("ETag") == t.ETag
	}
	return t.LastModified != "" && v.Capture.Header.Get("Last-Modified") == t.LastModified
}

// mayAsk decides whether a URL may be asked for: the target's, or one that it
// is redirected to.
func (r *run) mayAsk(ctx context.Context, t store.Target, u *url.URL, hops []store.Hop) error {
	redirected := len(hops) > 0
	if !r.belongs(t.Site, u) {
		if redirected {
			return &verdict{store.Failed, "redirected to another site: " + u.String(), movedAway}
		}
		return &verdict{store.Failed, fmt.Sprintf("%s is no host of %s", hostOf(u), t.Site), strange}
	}
	if redirected && (t.Kind == extract.KindArticle || t.Kind == extract.KindAttachment) {
		if isHome(u) {
			return &verdict{store.Missing, "redirected to the home page: " + u.String(), movedHome}
		}
		switch list, err := r.isList(ctx, t.Site, u); {
		case err != nil:
			return &archiveError{err}
		case list:
			return &verdict{store.Missing, "redirected to a list of its site: " + u.String(), movedToList}
		}
	}
	if now := r.now(); r.Sites.Terms(t.Site).Hours.Opens(now).After(now) {
		return errNotNow
	}
	delay := r.delay(t.Site)
	if !r.IgnoreRobots {
		rules, err := r.web.robots.of(ctx, u, delay)
		if err != nil {
			return err
		}
		if !rules.allowed(u) {
			reason := "robots.txt forbids it"
			if redirected {
				reason = "redirected to what robots.txt forbids: " + u.String()
			}
			return &verdict{store.Refused, reason, robotsForbid}
		}
	}
	if !redirected && r.web.manners.next(hostOf(u), delay).Sub(r.now()) > shortWait {
		return errNotNow
	}
	return nil
}

func (r *run) belongs(site string, u *url.URL) bool {
	return r.Sites.Belongs(site, extract.HostName(u.Hostname()))
}

// isList reports whether the URL is that of a list which was read as one.
func (r *run) isList(ctx context.Context, site string, u *url.URL) (bool, error) {
	known := store.Selection{Site: site, Kinds: []extract.Kind{extract.KindList}, URLs: []string{r.Sites.Key(u.String())}}
	for t, err := range r.Archive.Targets(ctx, known) {
		if err != nil {
			return false, err
		}
		if !t.Visited.IsZero() && t.Reason == "" && t.Article == "" {
			return true, nil
		}
	}
	return false, nil
}

// isHome reports whether the URL is that of a whole site.
func isHome(u *url.URL) bool {
	if u.RawQuery != "" {
		return false
	}
	p := strings.ToLower(u.Path)
	name := strings.TrimSuffix(path.Base(p), path.Ext(p))
	switch name {
	case "home", "homepage", "trangchu", "trang-chu":
		return true
	case "index", "default", "main":
		return path.Dir(p) == "/"
	}
	return p == "" || p == "/"
}

// inOtherForm asks for a page that is not there, or whose host is not, in the form of
// its URL that the definition of its site has: a target is known without www. and the s of
// https, and asked for in the form that was met first, which a site may give up.
func (r *run) inOtherForm(ctx context.Context, f *fetcher, l *store.Lease, v *store.Visit) error {
	switch cause(v.Cause) {
	case notFound, movedHome, movedToList, unreachable, robotsUnknown:
	default:
		return nil
	}
	other := *l
	if other.Target.URL = r.otherForm(l.Target); other.Target.URL == "" || v.Capture != nil && v.Capture.Spool != nil {
		return nil
	}
	if v.Capture != nil { // its body is good until the next is asked for
		c := *v.Capture
		c.Body = bytes.Clone(c.Body)
		v.Capture = &c
	}
	const patience = time.Minute
	wait := r.web.manners.next(store.Host(other.Target.URL), r.delay(l.Target.Site)).Sub(r.now())
	if wait > patience || sleep(ctx, wait) != nil {
		return nil
	}
	page, err := f.fetchLease(ctx, r, &other, nil)
	if failed := (*archiveError)(nil); errors.As(err, &failed) {
		return fmt.Errorf("keep %s: %w", other.Target.URL, failed.error)
	}
	if w := r.judge(&other, page, err, false); w.Result == store.Fetched {
		*v = w
	}
	return nil
}

// otherForm is the URL of a target with the scheme and the host of a start page of
// its site; "" when it has them, or would be known by something else.
func (r *run) otherForm(t store.Target) string {
	u, err := url.Parse(t.URL)
	if err != nil || t.Post != "" {
		return ""
	}
	for _, seed := range r.Sites.Seeds(t.Site) {
		s, err := url.Parse(seed.URL)
		if err != nil || s.Scheme == u.Scheme && s.Host == u.Host {
			continue
		}
		there := *u
		there.Scheme, there.Host = s.Scheme, s.Host
		if raw := there.String(); r.Sites.Key(raw) == t.Known() {
			return raw
		}
	}
	return ""
}

// judge makes a visit of what a fetch brought, which asked whether the page had
// changed or for all of it. What is Fetched is still to be read.
func (r *run) judge(l *store.Lease, page *store.Capture, err error, conditional bool) store.Visit {
	t, now := l.Target, r.now()
	passed := time.Duration(-1)
	if !t.Visited.IsZero() {
		passed = now.Sub(t.Visited)
	}
	v := store.Visit{Result: store.Failed, Time: now, Capture: page, Again: now.Add(retryIn(t.Attempts))}
	host := l.Host
	if page != nil {
		if u, err := url.Parse(page.FinalURL); err == nil {
			host = hostOf(u)
		}
	}
	if errors.Is(err, errNotNow) {
		return store.Visit{Result: store.Abandoned, Time: now}
	}
	var verdict *verdict
	var resting *resting
	switch {
	case errors.As(err, &verdict):
		v.Result, v.Reason, v.Cause = verdict.result, verdict.reason, string(verdict.cause)
		if v.Result != store.Failed {
			v.Again = now.Add(rarerIn(passed))
		}
		if v.Result != store.Missing {
			v.Capture = nil // of a redirect that led nowhere
		}
		return v
	case errors.As(err, &resting):
		v.Again = later(v.Again, resting.until)
	case errors.Is(err, privateAddress):
		v.Again = now.Add(rarerIn(passed)) // it is for people to decide
	case errors.Is(err, unreachable):
		r.web.manners.strike(host)
	case errors.Is(err, tooLong):
		v.Again = now.Add(rarerIn(passed)) // it will hardly be shorter soon
	}
	if err != nil {
		v.Reason, v.Cause = err.Error(), string(causeOf(err))
		if page != nil && page.Truncated == "" {
			v.Capture = nil // of a redirect
		}
		return v
	}

	v.Reason, v.Cause = statusLine(page.Status), string(oddStatus)
	if s := page.Status; s == http.StatusTooManyRequests || s >= 500 {
		v.Cause, v.Capture = string(serverError), nil
		asked := retryAfter(page.Header, now)
		if s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable {
			if v.Cause = string(throttled); !asked.After(now) {
				asked = r.web.manners.strike(host)
			}
		}
		r.web.manners.rest(host, asked)
		v.Again = later(v.Again, asked)
		return v
	}
	r.web.manners.calm(host)
	again := func(marked bool) time.Time { // a file too, which its server can say to be the same
		if marked && t.Kind == extract.KindAttachment {
			return now.Add(rarerIn(max(passed, soonFile)))
		}
		return r.again(t, nil, passed, now)
	}
	switch s := page.Status; {
	case s == http.StatusNotModified:
		if !conditional {
			v.Reason += ", though nothing was said about an earlier copy"
			v.Capture = nil
			return v
		}
		v.Result, v.Reason, v.Cause = store.Unchanged, "", ""
		v.Again = again(true)
	case s == http.StatusNotFound || s == http.StatusGone:
		v.Result, v.Cause, v.Again = store.Missing, string(notFound), now.Add(rarerIn(passed))
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusUnavailableForLegalReasons:
		v.Result, v.Cause, v.Again = store.Barred, string(forbidden), now.Add(rarerIn(passed))
	case s == http.StatusOK || s == http.StatusNonAuthoritativeInfo:
		if page.Length() == 0 {
			v.Reason, v.Cause, v.Capture = "the answer is empty", string(emptyAnswer), nil
			if t.Priority >= backfill { // how some systems answer for a page behind a list's last
				v.Result, v.Reason = store.Missing, "the list has no such page: the answer is empty"
				v.Again = now.Add(rarerIn(passed))
			}
			return v
		}
		v.Result, v.Reason, v.Cause = store.Fetched, "", ""
		v.Again = again(page.Header.Get("ETag") != "" || page.Header.Get("Last-Modified") != "")
	}
	return v
}

// again says when a target that answered is looked at again; zero means never,
// as for a file, which would come whole each time: see judge.
func (r *run) again(t store.Target, a *extract.Article, passed time.Duration, now time.Time) time.Time {
	switch {
	case t.Kind == extract.KindAttachment:
		return time.Time{}
	case a != nil && a.Published != nil:
		return now.Add(revisitIn(now.Sub(*a.Published)))
	case t.Kind == extract.KindArticle || a != nil:
		return now.Add(rarerIn(passed))
	case t.Priority < backfill:
		again, _ := r.rhythm(t, now, time.Time{})
		return again
	case r.spanned() && t.Wait == 0:
		return time.Time{} // a page that nobody but this run asked for
	}
	return now.Add(deepList)
}

// rhythm says when a list, a feed or a sitemap is looked at again that brought
// nothing new, and sooner, that did: half as long again as the last time, or
// half as long. newest is the date of the newest thing that it names, if it has
// one: at the first visit all that is known.
func (r *run) rhythm(t store.Target, now, newest time.Time) (again, sooner time.Time) {
	wait := max(t.Wait, 0)
	switch {
	case wait > 0:
	case !newest.IsZero() && now.After(newest):
		wait = now.Sub(newest) / 8
	default:
		wait = freshList
	}
	// Late enough for a hundred other pages of a site that wants to be asked seldom.
	least := max(soonest, 100*r.delay(t.Site))
	most := max(deepList, least)
	if t.Depth == 0 {
		most = max(startList, least)
	}
	bounded := func(d time.Duration) time.Time { return now.Add(min(max(d, least), most)) }
	if t.Visited.IsZero() {
		return bounded(wait), time.Time{} // all is new
	}
	return bounded(wait + wait/2), bounded(wait / 2)
}

// keepTime is rhythm for a list that was read.
func (r *run) keepTime(t store.Target, reading *extract.Reading, v *store.Visit) {
	if t.Kind == extract.KindArticle || t.Kind == extract.KindAttachment || t.Priority >= backfill {
		return
	}
	var newest time.Time
	for _, l := range reading.Links {
		for _, at := range []*time.Time{l.Published, l.Modified} {
			if at != nil {
				newest = later(newest, *at)
			}
		}
	}
	v.Again, v.Sooner = r.rhythm(t, v.Time, newest)
}

// read adds to a visit what its page says. An article page that cannot be read
// stays Fetched with a reason: the capture holds whatever the reader says.
// found is where a run with a span goes on from a list.
func (r *run) read(t store.Target, v *store.Visit) (f *found) {
	if t.Kind == extract.KindAttachment {
		if !isPage(v.Capture) || !r.Sites.IsArticle(t.URL) {
			r.readFile(t, v)
			return nil
		}
		// What came once, and was imported perhaps, was a file.
		t.Kind, v.Kind = extract.KindArticle, extract.KindArticle
		v.Again = r.again(t, nil, -1, v.Time)
	}
	reading, err := r.readPage(v.Capture)
	if reading != nil && reading.Kind == extract.KindAttachment && t.Kind == extract.KindList && !r.begins(t) {
		v.Kind, v.Again = extract.KindAttachment, time.Time{} // the crawl was told to visit it, and nothing said what it is
		return nil
	}
	return r.accept(t, v, reading, err)
}

// readFile sees to it that a page which came in place of a file is not kept as
// the file: a wall, a page that says that the file is not there, another page.
// Where the URL is not that of a document, another page may be what was linked.
func (r *run) readFile(t store.Target, v *store.Visit) {
	if !isPage(v.Capture) || isPageURL(t.URL) {
		return
	}
	c := *v.Capture
	c.FinalURL = "" // read by what it is itself, not as a page of its site
	reading, err := r.readPage(&c)
	if reading != nil && err != nil {
		switch reading.Instead {
		case "missing", "challenge", "login":
			r.accept(t, v, reading, err)
			return
		}
	}
	if extract.IsDocument(t.URL) {
		v.Result, v.Reason, v.Cause = store.Failed, "an HTML page came in place of the file", string(pageInstead)
		v.Again = v.Time.Add(retryIn(t.Attempts))
	}
}

// compare sees to it that an article is compared with what it was by the rules of
// today, when a visit finds another text: what only they read otherwise is no new
// version, since the ministry has changed nothing.
func (r *run) compare(ctx context.Context, t store.Target, v *store.Visit) error {
	if v.Article == nil {
		return nil
	}
	if err := r.identify(ctx, v); err != nil || t.Visited.IsZero() {
		return err
	}
	return reread.Latest(ctx, r.Archive, r.Sites, cmp.Or(t.Article, v.Article.ID), v.Article.ContentHash, v.Time)
}

// identify looks at a page that calls itself another page, which the archive has
// already, from its own address or from one that called itself so, too. Its twin (a
// version for phones or for print) is that article, and changes nothing of it as
// long as the article itself answers. A page with another story is not what it says:
// sites copy their rel=canonical, too.
func (r *run) identify(ctx context.Context, v *store.Visit) error {
	a := v.Article
	own := r.Sites.Canonical(a.URL)
	if a.CanonicalURL == own {
		return nil
	}
	latest, err := r.Archive.Article(ctx, a.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && (latest.Hash == a.ContentHash || !latest.Withdrawn.IsZero()) {
		return nil
	}
	var known extract.Article
	if err == nil {
		err = json.Unmarshal(latest.JSON, &known)
	}
	if err != nil {
		return err
	}
	if known.CanonicalURL != a.CanonicalURL || r.Sites.Canonical(known.URL) == own {
		return nil // it is this page that the archive has
	}
	if !sameStory(a, &known) {
		a.CanonicalURL, a.ID = own, extract.ArticleID(own)
		a.Provenance["canonical_url"] = extract.NotBelieved
		return nil
	}
	for there, err := range r.Archive.Targets(ctx, store.Selection{URLs: []string{r.Sites.Key(known.URL)}}) {
		if err != nil {
			return err
		}
		if there.Attempts == 0 && there.Gone.IsZero() && there.State != store.Blocked {
			v.Article = &known
		}
	}
	return nil
}

// sameStory reports whether two pages tell of the same, by their paragraphs or,
// where these are few, by the title and the date.
func sameStory(a, b *extract.Article) bool {
	if a.Title == b.Title && (a.Published == nil || b.Published == nil || a.Published.Equal(*b.Published)) {
		return true
	}
	const paragraph = 60 // bytes; shorter lines stand on many pages
	long := func(s string) bool { return len(s) >= paragraph }
	there := map[string]bool{}
	for line := range strings.SplitSeq(b.Body, "\n") {
		there[line] = long(line)
	}
	same, all := 0, 0
	for line := range strings.SplitSeq(a.Body, "\n") {
		if long(line) {
			if all++; there[line] {
				same++
			}
		}
	}
	return all > 0 && 2*same > all
}

// isPage reports whether an answer is HTML, by its type and its bytes.
func isPage(c *store.Capture) bool {
	return strings.Contains(strings.ToLower(c.ContentType), "html") &&
		strings.HasPrefix(http.DetectContentType(bytes.TrimPrefix(c.Body, []byte("\xef\xbb\xbf"))), "text/html")
}

// isPageURL reports whether a URL names a file of HTML.
func isPageURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".html", ".htm", ".xhtml", ".shtml":
		return true
	}
	return false
}

// accept is read for a page that was read, with what came of it.
func (r *run) accept(t store.Target, v *store.Visit, reading *extract.Reading, err error) (f *found) {
	isArticle := t.Kind == extract.KindArticle
	instead := ""
	if reading != nil && err != nil && !errors.Is(err, extract.ErrListEnd) {
		instead = reading.Instead
	}
	host := store.Host(v.Capture.FinalURL)
	passed := time.Duration(-1)
	if !t.Visited.IsZero() {
		passed = v.Time.Sub(t.Visited)
	}
	switch instead {
	case "missing":
		v.Result, v.Reason, v.Cause, v.Again = store.Missing, err.Error(), string(saysNotFound), v.Time.Add(rarerIn(passed))
		return nil
	case "challenge", "login":
		v.Result, v.Reason, v.Cause = store.Barred, err.Error(), instead
		v.Again = later(v.Time.Add(rarerIn(passed)), r.web.manners.wall(host))
		return nil
	case "shell":
		v.Result, v.Reason, v.Cause, v.Again = store.Failed, err.Error(), string(shell), v.Time.Add(retryIn(t.Attempts))
		return nil
	}
	r.web.manners.passed(host)
	v.Partial = r.web.manners.lies(host) // the next process does not know it, and is to ask once without validators
	var panic *panicError
	switch {
	case errors.As(err, &panic):
		v.Result, v.Reason, v.Cause, v.Again = store.Failed, err.Error(), string(panicked), v.Time.Add(retryIn(t.Attempts))
		return nil
	case instead == "refresh":
		v.Cause = string(sentOn)
	case err != nil && isArticle:
		v.Reason, v.Cause = err.Error(), string(notRead)
	case errors.Is(err, extract.ErrListEnd), errors.Is(err, extract.ErrNoLinks) && mayBeEmpty(t):
	case err != nil && (!errors.Is(err, extract.ErrNotArticle) || reading == nil || len(reading.Links) == 0):
		v.Result, v.Reason, v.Cause, v.Again = store.Failed, err.Error(), string(notRead), v.Time.Add(retryIn(t.Attempts))
		if errors.Is(err, extract.ErrNoLinks) {
			v.Cause = string(noLinks)
		}
	}
	if reading == nil {
		return nil
	}
	if a := reading.Article; a != nil && err == nil {
		v.Article = a
		v.Aliases = r.aliases(t, v.Capture, a)
		if a.Published != nil {
			v.Again = r.again(t, a, 0, v.Time)
		}
	}
	if v.Result == store.Fetched {
		r.keepTime(t, reading, v)
	}
	return r.addLinks(t, reading, v)
}

// mayBeEmpty reports whether it is no fault of a list page that it names no
// article: the day of a date archive, or one that another page of the list has
// led to, which is behind the last or only leads on.
func mayBeEmpty(t store.Target) bool {
	return t.Depth > 0 && t.Priority == min(backfill+t.Depth-1, last) // as target has it; an import knows no such pages
}

// panicError is a fault of the reader, which must not end the crawl.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("the reader panicked: %v", e.value) }

func (r *run) readPage(c *store.Capture) (reading *extract.Reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			reading, err = nil, &panicError{p}
		}
	}()
	return r.Sites.Read(extract.Page{URL: c.FinalURL, Post: c.Post, ContentType: c.ContentType, Body: c.Body, Fetched: c.Fetched})
}

// aliases returns by what else the article is known: the target and every URL
// that redirected to it. A URL that was posted to is no name of a page.
func (r *run) aliases(t store.Target, c *store.Capture, a *extract.Article) []string {
	if t.Post != "" {
		return nil
	}
	names := []string{r.Sites.Canonical(t.URL), r.Sites.Canonical(c.FinalURL)}
	for _, hop := range c.Hops {
		names = append(names, r.Sites.Canonical(hop.URL))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(s string) bool { return s == "" || s == a.CanonicalURL })
}
