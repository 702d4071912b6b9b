package crawler

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"luutin/store"
)

const (
	usualDelay  = time.Second      // between one request and the next
	longestWait = 90 * time.Second // a request does not wait longer for its turn; the visit comes again instead
	firstRest   = 10 * time.Second // of a host that is overloaded or cannot be reached; doubled each time
	longestRest = time.Hour
	longestAsk  = 7 * day // that a host rests because it says so: nobody means more, and it would be forgotten

	slowSample  = 256                    // answers of a host whose median is its usual time
	slowLast    = 5                      // answers whose median is what it takes at present: one hitch is no sign
	slowLeast   = 8                      // answers before a host can be called slower than usual
	slowFrom    = 500 * time.Millisecond // what is answered sooner is no burden
	slowTimes   = 2                      // slower than usual: this many times its median
	breath      = 4                      // of the pause, one part of so many comes after the end of an answer
	slowPause   = 3                      // and then the pause is this many times what an answer takes
	longestSlow = time.Minute
)

// manners sees to it that a host is asked one thing at a time, and nothing
// before its delay has passed since the last: pages, redirects and robots.txt
// alike, whichever worker asks. The delay counts from when the answer began,
// since then the host is known to have been asked; and a part of it is left to
// a host whose answer took long to come, see breath.
type manners struct {
	now func() time.Time

	mu    sync.Mutex
	hosts map[string]*host
}

type host struct {
	turn    chan struct{}    // full while somebody has the turn
	began   time.Time        // when the last answer did, or a request ended that had none; zero while none has come
	free    time.Time        // when the last request ended
	rest    time.Time        // not to be asked before
	delays  [2]time.Duration // Crawl-delay: of the robots.txt over http, and of that over https
	strikes int              // times in a row that it was overloaded or out of reach
	walls   int              // times in a row that it asked for a login or a proof of being human
	liar    bool             // it said that a page was the same when it was not

	took []time.Duration // until its last answers began, slowSample at most
	slow time.Duration   // the pause that it needs while it is slower than usual
}

// pace is the least time between two requests to the host.
func (h *host) pace(delay time.Duration) time.Duration {
	return max(delay, h.delays[0], h.delays[1], h.slow)
}

// resting is the error of a request that would have to wait too long.
type resting struct {
	host  string
	until time.Time
}

func (e *resting) Error() string {
	return fmt.Sprintf("%s is not to be asked before %s", e.host, e.until.UTC().Format(time.RFC3339))
}

// of returns the named host; m.mu must be held.
func (m *manners) of(name string) *host {
	h := m.hosts[name]
	if h == nil {
		h = &host{turn: make(chan struct{}, 1)}
		m.hosts[name] = h
	}
	return h
}

// enter waits for the host's turn. When it returns nil, leave must be called
// at the end of the request. Cancelling ends the wait at once.
func (m *manners) enter(ctx context.Context, name string, delay time.Duration) error {
	m.mu.Lock()
	h := m.of(name)
	m.mu.Unlock()
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		next := m.next(name, delay)
		wait := next.Sub(m.now())
		err := error(&resting{name, next})
		if wait <= longestWait {
			err = sleep(ctx, wait)
		}
		if err != nil {
			<-h.turn
			return err
		}
		if wait <= 0 {
			break // otherwise its last answer, read meanwhile, may have asked for more
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h.began = time.Time{}
	return nil
}

// begins notes that the host begins to answer. Who has the turn calls it.
func (m *manners) begins(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.of(name); h.began.IsZero() { // an early answer, 1xx, may have come before
		h.began = m.now()
	}
}

func (m *manners) leave(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	if h.free = m.now(); h.began.IsZero() {
		h.began = h.free
	}
	<-h.turn
}

// next returns when the host may be asked again.
func (m *manners) next(name string, delay time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	next := h.rest
	if !h.free.IsZero() {
		pace := h.pace(delay)
		next = later(next, later(h.began.Add(pace), h.free.Add(pace/breath)))
	}
	return next
}

// slow sets the Crawl-delay that a host's robots.txt over one scheme asks for.
// That over the other, if there is one, counts as before: it is one host.
func (m *manners) slow(name, scheme string, delay time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := &m.of(name).delays[0]
	if scheme == "https" {
		of = &m.of(name).delays[1]
	}
	*of = delay
}

// pace returns the least time between two requests to a host, which wants
// delay at least.
func (m *manners) pace(name string, delay time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(name).pace(delay)
}

// longestPace returns the longest that any host wants of its own accord.
func (m *manners) longestPace() (longest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.hosts {
		longest = max(longest, h.pace(0))
	}
	return longest
}

// answered notes how long a host took to begin an answer. One that takes
// longer than usual is overburdened, perhaps by the crawl: it is asked less
// often until it is itself again.
func (m *manners) answered(name string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	if len(h.took) == slowSample {
		h.took = slices.Delete(h.took, 0, 1)
	}
	h.took = append(h.took, took)
	h.slow = 0
	if len(h.took) < slowLeast {
		return
	}
	present := median(h.took[len(h.took)-slowLast:])
	if present >= slowFrom && present > slowTimes*median(h.took) {
		h.slow = min(slowPause*present, longestSlow)
	}
}

func median(ds []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(ds))[len(ds)/2]
}

// rest keeps everybody away from a host for a time.
func (m *manners) rest(name string, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	h.rest = later(h.rest, until)
}

// strike lets a host rest that is overloaded or out of reach, longer each
// time, and returns until when.
func (m *manners) strike(name string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	h.rest = later(h.rest, m.now().Add(growing(h.strikes)))
	h.strikes++
	return h.rest
}

// wall does the same for a host that asked for a login or for a proof of being
// human instead of answering.
func (m *manners) wall(name string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.of(name)
	h.rest = later(h.rest, m.now().Add(growing(h.walls)))
	h.walls++
	return h.rest
}

// passed forgets the walls of a host that has shown a page.
func (m *manners) passed(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).walls = 0
}

// growing is the rest after so many strikes in a row.
func growing(before int) time.Duration { return min(firstRest<<min(before, 16), longestRest) }

// lied notes that a host's word about what has not changed is worth nothing.
func (m *manners) lied(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).liar = true
}

// lies reports whether lied was called.
func (m *manners) lies(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(name).liar
}

// calm forgets the strikes of a host that has answered well.
func (m *manners) calm(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).strikes = 0
}

// hostOf is what a host is known by, here as in the archive.
func hostOf(u *url.URL) string { return store.Host(u.String()) }

// retryAfter returns the time that a Retry-After header names (RFC 9110 section
// 10.2.3), longestAsk from now at most; zero when there is none.
func retryAfter(h http.Header, now time.Time) time.Time {
	value, last := strings.TrimSpace(h.Get("Retry-After")), now.Add(longestAsk)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return now.Add(time.Duration(min(seconds, uint64(longestAsk/time.Second))) * time.Second)
	}
	t, err := http.ParseTime(value)
	switch {
	case err != nil:
		return time.Time{}
	case t.After(last):
		return last
	}
	return t
}

const day = 24 * time.Hour

// retries are the waits between the failures of one target.
var retries = [...]time.Duration{2 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, day}

// retryIn returns how long to wait after a failure, given how many there have
// been in a row before it.
func retryIn(failures int) time.Duration {
	return retries[min(max(failures, 0), len(retries)-1)]
}

// revisits are the waits between looks at what seldom changes.
var revisits = [...]time.Duration{day, 3 * day, 7 * day, 30 * day, 90 * day, 365 * day}

// revisitIn returns how long to wait before an article is looked at again: the
// older the news, the longer.
func revisitIn(age time.Duration) time.Duration {
	wait := revisits[0]
	for _, r := range revisits {
		if r <= age {
			wait = r
		}
	}
	return wait
}

// rarerIn returns a wait that is a step longer than the last one was; passed
// is the time since the last visit, and negative when there was none.
func rarerIn(passed time.Duration) time.Duration {
	for _, r := range revisits {
		if r > passed {
			return r
		}
	}
	return revisits[len(revisits)-1]
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep waits, but not once ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
