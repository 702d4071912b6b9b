package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"luutin/store"
)

const priorities = 10

// A host is what memory holds of one: its turn, and where its queues begin.
type host struct {
	rest   time.Time // not to be asked before
	queues []*queue  // one for each site
	turn   uint64    // when it last had one
	freed  time.Time // when that ended
	lease  *lease

	last    uint64 // token of the last visit that was committed
	outcome store.Outcome
}

// A lease is a live one.
type lease struct {
	token      uint64
	seq        uint64 // of the target; 0 while a visit of the past is written
	expires    time.Time
	committing bool         // its visit is being written: it cannot run out any more
	record     targetRecord // nobody else changes it while the lease lives
}

// A queue is what a host has to offer of one site: for each priority the
// first entry of the due index.
type queue struct {
	site  string
	dirty bool
	head  [priorities]head
}

type head struct {
	due int64 // nanoseconds; none when there is nothing
	seq uint64
}

const none = math.MaxInt64

type queueName struct{ host, site string }

// host returns the host with a name. a.mu is held.
func (a *Archive) host(name string) *host {
	h := a.hosts[name]
	if h == nil {
		h = new(host)
		a.hosts[name] = h
	}
	return h
}

func (h *host) queue(site string) *queue {
	for _, q := range h.queues {
		if q.site == site {
			return q
		}
	}
	q := &queue{site: site}
	h.queues = append(h.queues, q)
	return q
}

// mark has the head of a queue read again before the next lease. a.mu is held.
func (a *Archive) mark(name queueName) {
	if q := a.host(name.host).queue(name.site); !q.dirty {
		q.dirty = true
		a.dirty = append(a.dirty, name)
	}
}

// longestRest is how far ahead the end of a host's rest can be. When it is later,
// the clock went wrong, then or now.
const longestRest = 30 * 24 * time.Hour

// loadHosts finds the hosts and their queues, one look-up for each.
func (a *Archive) loadHosts(tx *snapshot) error {
	err := tx.Bucket(bucketHosts).ForEach(func(k, v []byte) error {
		var r hostRecord
		if err := unsealJSON(k, v, &r); err != nil {
			return fmt.Errorf("hosts/%s: %w", k, err)
		}
		name := strings.TrimSuffix(string(k), "\x00")
		if h := a.host(name); !r.Rest.After(a.clock().Add(longestRest)) {
			h.rest = r.Rest
		}
		a.references.know(name, r.References)
		return nil
	})
	if err != nil {
		return fmt.Errorf("open archive %s: %w", a.dir, err)
	}
	c := tx.Bucket(bucketDue).Cursor()
	for k, _ := c.First(); k != nil; {
		e, err := cutDueKey(k)
		if err == nil && e.priority >= priorities {
			err = fmt.Errorf("key %x has priority %d", k, e.priority) // the next queue would be this one again
		}
		if err != nil {
			return fmt.Errorf("open archive %s: due: %w", a.dir, err)
		}
		a.mark(queueName{e.host, e.site})
		k, _ = c.Seek(append(queueKey(e.host, e.site), priorities))
	}
	return nil
}

// refresh reads the heads of the queues that changed. a.mu is held.
func (a *Archive) refresh() error {
	if len(a.dirty) == 0 {
		return nil
	}
	return a.view(func(tx *snapshot) error {
		c := tx.Bucket(bucketDue).Cursor()
		for i, name := range a.dirty {
			q := a.host(name.host).queue(name.site)
			for p := range q.head {
				q.head[p].due = none
			}
			prefix := queueKey(name.host, name.site)
			k, _ := c.Seek(prefix)
			for bytes.HasPrefix(k, prefix) {
				e, err := cutDueKey(k)
				if err != nil || e.priority >= priorities {
					a.dirty = a.dirty[i:]
					return fmt.Errorf("due: key %x makes no sense", k)
				}
				q.head[e.priority] = head{e.due, e.seq}
				k, _ = c.Seek(append(prefix, byte(e.priority+1)))
			}
			q.dirty = false
		}
		a.dirty = a.dirty[:0]
		return nil
	})
}

// Lease implements store.Archive.
func (a *Archive) Lease(ctx context.Context, want store.Want) (*store.Lease, error) {
	if a.readOnly {
		return nil, store.ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := keptTime(a.clock())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stuck != nil {
		return nil, a.stuck
	}
	if err := a.refresh(); err != nil {
		return nil, err
	}

	var (
		best     *host
		bestName string
		bestHead head
		waiting  time.Time // since when best waits for its turn
		nothing  store.NothingDue
	)
	for name, h := range a.hosts {
		if h.lease != nil && !h.lease.committing && !now.Before(h.lease.expires) {
			a.free(h, h.lease.expires)
		}
		if h.lease != nil {
			nothing.Leased++
			continue
		}
		first, any := h.first(want.Sites, now)
		if any == none {
			continue
		}
		due := time.Unix(0, any).UTC()
		since := due
		if h.rest.After(since) {
			since = h.rest
		}
		if since.After(now) {
			if !due.After(now) && (nothing.Turn.IsZero() || since.Before(nothing.Turn)) {
				nothing.Turn = since
			}
			if nothing.Next.IsZero() || since.Before(nothing.Next) {
				nothing.Next = since
			}
			continue
		}
		if h.freed.After(since) {
			since = h.freed // however long its targets wait, it just had a turn
		}
		if best == nil || since.Before(waiting) ||
			since.Equal(waiting) && (h.turn < best.turn || h.turn == best.turn && name < bestName) {
			best, bestName, bestHead, waiting = h, name, first, since
		}
	}
	if best == nil {
		return nil, &nothing
	}

	var r targetRecord
	err := a.view(func(tx *snapshot) error {
		return readTarget(tx.Bucket(bucketTargets), recordKey(bestName, bestHead.seq), &r)
	})
	if err != nil {
		return nil, err
	}
	ttl := want.TTL
	if ttl <= 0 {
		ttl = 5 * time.Minute
	}
	a.turns++
	a.tokens++
	best.turn = a.turns
	best.lease = &lease{token: a.tokens, seq: bestHead.seq, expires: now.Add(ttl), record: r}
	a.queue.coming.Add(1)
	l := &store.Lease{Target: r.target(), Host: bestName, Token: a.tokens, Expires: best.lease.expires}
	l.Target.State = store.Leased
	return l, nil
}

// Resting implements store.Archive.
func (a *Archive) Resting(ctx context.Context, at time.Time) (map[string]time.Time, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	resting := map[string]time.Time{}
	for name, h := range a.hosts {
		if h.rest.After(at) {
			resting[name] = h.rest
		}
	}
	return resting, nil
}

// free ends the lease of a host. Nothing comes of it any more. a.mu is held.
func (a *Archive) free(h *host, at time.Time) {
	h.lease, h.freed = nil, at
	a.queue.coming.Add(-1)
}

// first returns the best entry of the host that is due now, and the earliest
// due time of all, none when there is nothing.
func (h *host) first(sites []string, now time.Time) (best head, earliest int64) {
	earliest = none
	at := priorities
	for _, q := range h.queues {
		if len(sites) > 0 && !slices.Contains(sites, q.site) {
			continue
		}
		for p, e := range q.head {
			earliest = min(earliest, e.due)
			if e.due > now.UnixNano() || p > at {
				continue
			}
			if p < at || e.due < best.due || e.due == best.due && e.seq < best.seq {
				at, best = p, e
			}
		}
	}
	return best, earliest
}

func readTarget(b *bucket, k []byte, r *targetRecord) error {
	v := b.Get(k)
	if v == nil {
		return fmt.Errorf("%s: %w", where(bucketTargets, k), store.ErrNotFound)
	}
	if err := unsealJSON(k, v, r); err != nil {
		return fmt.Errorf("%s: %w", where(bucketTargets, k), err)
	}
	return nil
}

// checkTarget refuses what the frontier cannot hold.
func checkTarget(t *store.Target) error {
	switch {
	case t.URL == "":
		return errors.New("target without a URL")
	case t.Priority < 0 || t.Priority >= priorities:
		return fmt.Errorf("target %s: priority %d is not 0 … 9", t.URL, t.Priority)
	case strings.IndexByte(t.Site, 0) >= 0 || len(t.Site) > 255 || len(store.Host(t.URL)) > 255:
		return fmt.Errorf("target %s: name of the site or the host is too long or no name", t.URL)
	}
	return nil
}

func checkTargets(targets []store.Target) error {
	for i := range targets {
		if err := checkTarget(&targets[i]); err != nil {
			return err
		}
	}
	return nil
}

// Add implements store.Archive.
func (a *Archive) Add(ctx context.Context, targets ...store.Target) (added int, err error) {
	if a.readOnly {
		return 0, store.ErrReadOnly
	}
	if err := checkTargets(targets); err != nil {
		return 0, err
	}
	// A transaction lives in memory until it ends, and each record that it changes
	// may bring 64 KB of the file with it.
	for part := range slices.Chunk(targets, 40) {
		var n int
		err := a.do(&request{ctx: ctx, run: func(w *work) (err error) {
			n, err = w.add(part)
			return err
		}})
		if err != nil {
			return added, err
		}
		added += n
	}
	return added, nil
}

// add puts unknown targets into the frontier.
func (w *work) add(targets []store.Target) (added int, err error) {
	for i := range targets {
		t := &targets[i]
		key := hashOf(t.Known())
		if w.urls.Get(key[:]) != nil {
			continue
		}
		name := store.Host(t.URL)
		h, err := w.host(name)
		if err != nil {
			return added, err
		}
		h.Targets++
		k := recordKey(name, h.Targets)
		if err := w.put(w.urls, key[:], k); err != nil {
			return added, err
		}
		if err := w.saveTarget(name, h.Targets, newTarget(t, w.now), nil); err != nil {
			return added, err
		}
		added++
	}
	return added, nil
}

// saveTarget writes a target in the place of what it was, with its entry in
// the due index and in the count of its host. old is nil for a new one.
func (w *work) saveTarget(host string, seq uint64, r, old *targetRecord) error {
	h, err := w.host(host)
	if err != nil {
		return err
	}
	if old != nil {
		h.States[old.State]--
		if !old.Due.IsZero() {
			if err := w.delete(w.due, old.dueKey(host, seq)); err != nil {
				return err
			}
			w.queues[queueName{host, old.Site}] = true
		}
	}
	h.States[r.State]++
	if !r.Due.IsZero() {
		if err := w.put(w.due, r.dueKey(host, seq), nil); err != nil {
			return err
		}
		w.queues[queueName{host, r.Site}] = true
	}
	k := recordKey(host, seq)
	v, err := sealJSON(k, r)
	if err != nil {
		return err
	}
	return w.put(w.targets, k, v)
}

// recall makes a target due now, unless it is leased or due already.
func (w *work) recall(k []byte, r *targetRecord) (recalled bool, err error) {
	if !r.Due.IsZero() && !r.Due.After(w.now) {
		return false, nil
	}
	if w.leased == nil {
		w.leased = w.a.leased()
	}
	host, seq, err := cutRecordKey(k)
	if err != nil || w.leased[string(k)] {
		return false, err
	}
	old := *r
	r.State, r.Due = store.Due, w.now
	return true, w.saveTarget(host, seq, r, &old)
}

// leased returns the keys of the targets that are being visited. It must not
// be called within a read transaction: Lease opens one with a.mu held.
func (a *Archive) leased() map[string]bool {
	now := keptTime(a.clock())
	a.mu.Lock()
	defer a.mu.Unlock()
	keys := map[string]bool{}
	for name, h := range a.hosts {
		if h.lease != nil && h.lease.seq != 0 && (h.lease.committing || now.Before(h.lease.expires)) {
			keys[string(recordKey(name, h.lease.seq))] = true
		}
	}
	return keys
}

// Recall implements store.Archive.
func (a *Archive) Recall(ctx context.Context, s store.Selection) (recalled int, err error) {
	if a.readOnly {
		return 0, store.ErrReadOnly
	}
	err = a.do(&request{ctx: ctx, run: func(w *work) error {
		recalled = 0
		// Not while walking: a cursor does not survive changes.
		for keys := range a.selected(ctx, s, w.tx) {
			for _, f := range keys {
				if f.err != nil {
					return f.err
				}
				ok, err := w.recall(f.key, &f.record)
				if err != nil {
					return err
				}
				if ok {
					recalled++
				}
			}
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	return recalled, nil
}

// A found is a target that a selection chose.
type found struct {
	key    []byte
	record targetRecord
	state  store.State // with leases
	err    error
}

// selected yields the targets that s chooses, some at a time, in the order of
// their keys. Without a transaction it opens one for each part.
func (a *Archive) selected(ctx context.Context, s store.Selection, tx *snapshot) iter.Seq[[]found] {
	view := a.view
	if tx != nil {
		view = func(f func(tx *snapshot) error) error { return f(tx) }
	}
	return func(yield func([]found) bool) {
		var keys [][]byte // of s.URLs
		err := view(func(tx *snapshot) error {
			for _, u := range s.URLs {
				h := hashOf(u)
				if k := tx.Bucket(bucketURLs).Get(h[:]); k != nil {
					keys = append(keys, bytes.Clone(k))
				}
			}
			return nil
		})
		slices.SortFunc(keys, bytes.Compare)
		keys = slices.CompactFunc(keys, bytes.Equal)
		const part = 512
		var after []byte
		for more := true; more && err == nil; {
			var batch []found
			leased := a.leased()
			err = view(func(tx *snapshot) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				b := tx.Bucket(bucketTargets)
				if len(s.URLs) > 0 {
					n := min(len(keys), part)
					for _, k := range keys[:n] {
						f := found{key: k}
						if err := readTarget(b, k, &f.record); err != nil {
							return err
						}
						if f.chosen(&s, leased) {
							batch = append(batch, f)
						}
					}
					keys = keys[n:]
					more = len(keys) > 0
					return nil
				}
				c := b.Cursor()
				k, v := c.First()
				if after != nil {
					if k, v = c.Seek(after); bytes.Equal(k, after) {
						k, v = c.Next()
					}
				}
				n := 0
				for ; k != nil && n < part; k, v = c.Next() {
					f := found{key: bytes.Clone(k)}
					after = f.key
					n++
					if err := unsealJSON(k, v, &f.record); err != nil {
						return fmt.Errorf("%s: %w", where(bucketTargets, k), err)
					}
					if f.chosen(&s, leased) {
						batch = append(batch, f)
					}
				}
				more = k != nil
				return nil
			})
			if tx == nil {
				a.touch(part)
			}
			if err == nil && len(batch) > 0 && !yield(batch) {
				return
			}
		}
		if err != nil {
			yield([]found{{err: err}})
		}
	}
}

// chosen says whether s chooses a target, and sets its state.
func (f *found) chosen(s *store.Selection, leased map[string]bool) bool {
	f.state = f.record.State
	if leased[string(f.key)] {
		f.state = store.Leased
	}
	return (s.Site == "" || s.Site == f.record.Site) &&
		(len(s.Kinds) == 0 || slices.Contains(s.Kinds, f.record.Kind)) &&
		(len(s.States) == 0 || slices.Contains(s.States, f.state))
}

// Targets implements store.Archive.
func (a *Archive) Targets(ctx context.Context, s store.Selection) iter.Seq2[store.Target, error] {
	return func(yield func(store.Target, error) bool) {
		for batch := range a.selected(ctx, s, nil) {
			for _, f := range batch {
				if f.err != nil {
					yield(store.Target{}, f.err)
					return
				}
				t := f.record.target()
				t.State = f.state
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}
