package bolt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"luutin/store"
)

const (
	maxGroup = 256 // requests that share a transaction at most

	// Between two transactions there is rest, while visits are on their way: a
	// transaction costs as much again as the first eight visits in it.
	restFor = 4 // times what the last one took
	maxRest = 5 * time.Millisecond
)

// A request is a change that shares a transaction with others.
type request struct {
	ctx context.Context

	// begin is called once, before the transaction. It returns done when there
	// is nothing left to do, and errWait when an earlier request of the same
	// group has to end first. nil means there is nothing to ask.
	begin func() (done bool, err error)
	// run makes the changes. It is called again when another request of the
	// group failed half way, so it keeps its results to itself until end.
	run func(w *work) error
	// end is called once when begin let it pass, with a.mu held, after the
	// transaction and before anybody hears of it. nil means there is nothing
	// to do.
	end func(w *work, err error)

	err  error
	done chan struct{}
}

var errWait = errors.New("an earlier request goes first")

// A writeQueue gathers requests while a transaction runs and while the writer
// rests from it; the next takes all that came meanwhile. The writer does not rest
// when everybody is there who may come.
type writeQueue struct {
	mu     sync.Mutex
	wake   *sync.Cond
	open   bool
	reqs   []*request
	closed chan struct{} // the writer has ended

	coming atomic.Int64 // visits that are leased or recorded and not in the archive yet
	rested time.Time    // when the rest is over; only the writer uses it
}

func (q *writeQueue) start(a *Archive) {
	q.wake = sync.NewCond(&q.mu)
	q.open = true
	q.closed = make(chan struct{})
	go func() {
		defer close(q.closed)
		for {
			group := q.next()
			if group == nil {
				return
			}
			begun := time.Now()
			a.commitGroup(group)
			now := time.Now()
			q.rested = now.Add(min(restFor*now.Sub(begun), maxRest))
		}
	}()
}

// stop lets the writer finish what is queued. It reports whether it was open.
func (q *writeQueue) stop() bool {
	q.mu.Lock()
	was := q.open
	q.open = false
	q.wake.Signal()
	q.mu.Unlock()
	<-q.closed
	return was
}

func (q *writeQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.open
}

// next waits for requests; it returns nil when no more will come.
func (q *writeQueue) next() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.open && len(q.reqs) == 0 {
		q.wake.Wait()
	}
	if rest := time.Until(q.rested); rest > 0 {
		due := time.AfterFunc(rest, q.wake.Signal)
		for q.open && int64(len(q.reqs)) < min(q.coming.Load(), maxGroup) && time.Now().Before(q.rested) {
			q.wake.Wait()
		}
		due.Stop()
	}
	n := min(len(q.reqs), maxGroup)
	if n == 0 {
		return nil
	}
	group := q.reqs[:n:n]
	q.reqs = q.reqs[n:]
	return group
}

// again puts requests back before all others.
func (q *writeQueue) again(reqs []*request) {
	q.mu.Lock()
	q.reqs = append(reqs, q.reqs...)
	q.mu.Unlock()
}

// do hands a request to the writer and waits for it. When ctx ends before the
// request's turn, nothing is done; a request whose turn has come is finished.
func (a *Archive) do(r *request) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.done = make(chan struct{})
	q := &a.queue
	q.mu.Lock()
	if !q.open {
		q.mu.Unlock()
		return errClosed
	}
	q.reqs = append(q.reqs, r)
	q.wake.Signal()
	q.mu.Unlock()
	<-r.done
	return r.err
}

func (a *Archive) commitGroup(group []*request) {
	var running, later, ended []*request
	for _, r := range group {
		var done bool
		err := r.ctx.Err()
		if err == nil && r.begin != nil {
			done, err = r.begin()
		}
		switch {
		case err == errWait:
			later = append(later, r)
		case err != nil || done:
			r.err = err
			ended = append(ended, r)
		default:
			running = append(running, r)
		}
	}
	w := a.transact(running)

	a.mu.Lock()
	for _, r := range running {
		if r.end != nil {
			r.end(w, r.err)
		}
	}
	if w != nil {
		w.publish()
	}
	a.mu.Unlock()
	if w != nil {
		a.touch(w.changes)
	}
	if len(later) > 0 {
		a.queue.again(later)
	}
	for _, r := range append(ended, running...) {
		close(r.done)
	}
}

// transact runs the requests in one transaction and sets the error of each.
// It returns what was changed, nil when nothing was.
func (a *Archive) transact(reqs []*request) *work {
	reqs = append([]*request(nil), reqs...)
	for len(reqs) > 0 {
		a.mu.Lock()
		err := a.stuck
		a.mu.Unlock()
		var w *work
		failed := -1
		if err == nil {
			w, failed, err = a.tryTransact(reqs)
		}
		switch {
		case failed >= 0:
			// It has changed something: without it, from the beginning.
			reqs[failed].err = err
			reqs = append(reqs[:failed], reqs[failed+1:]...)
		case err != nil:
			for _, r := range reqs {
				if r.err == nil {
					r.err = err
				}
			}
			return nil
		default:
			return w
		}
	}
	return nil
}

// tryTransact returns the index of a request that failed after it had changed
// something, or -1. One that failed before has its own error and does no harm.
func (a *Archive) tryTransact(reqs []*request) (w *work, failed int, err error) {
	failed = -1
	var tx *bbolt.Tx
	var next *journal
	ending := false
	err = a.guard(func() error {
		var err error
		if tx, err = a.db.Begin(true); err != nil {
			return err
		}
		// To grow costs a sync of its own; what is not written takes no space.
		a.db.AllocSize = int(min(max(tx.Size()/4, 256<<10), 64<<20))
		w = newWork(a, snapshotOf(tx, a.journal.Load()))
		for i, r := range reqs {
			r.err = nil
			before := w.changes
			failed = i
			if err := r.run(w); err != nil {
				if w.changes != before {
					return err
				}
				r.err = err
			}
			failed = -1
		}
		if w.changes == 0 {
			return tx.Rollback()
		}
		if err := errors.Join(w.saveCaptures(), w.saveHosts(), w.saveWatch()); err != nil {
			return err
		}
		if next, err = w.saveJournal(); err != nil {
			return err
		}
		ending = true
		return tx.Commit()
	})
	if err == nil {
		if next != nil {
			a.journal.Store(next)
			a.recent.keep(w)
		} else {
			a.recent = recent{}
		}
		return w, -1, nil
	}
	a.recent = recent{}
	if w != nil {
		w.tx.undo()
	}
	rolledBack := a.guard(func() error {
		if tx == nil || tx.DB() == nil {
			return nil
		}
		return tx.Rollback()
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if rolledBack != nil {
		a.hanging = true
	}
	if ending || a.hanging {
		// Nobody knows how much of it is on disk; opening finds out.
		a.stuck = fmt.Errorf("archive %s takes no more: a write went wrong before (%w); open it again", a.dir, err)
		return nil, -1, fmt.Errorf("write to archive %s: %w", a.dir, err)
	}
	return nil, failed, err
}

// recent are records that transactions changed, as they changed them, so that
// the next need not read them again. Only the writer uses it.
type recent struct {
	hosts  map[string]*hostRecord
	days   map[string]*store.Day
	trends map[string]trends
}

// keep takes over what a transaction changed, when it is kept.
func (r *recent) keep(w *work) {
	const many = 4096
	if r.hosts == nil || len(r.hosts)+len(r.days)+len(r.trends) > many {
		*r = recent{map[string]*hostRecord{}, map[string]*store.Day{}, map[string]trends{}}
	}
	maps.Copy(r.hosts, w.hosts)
	maps.Copy(r.days, w.days)
	maps.Copy(r.trends, w.trends)
}

// work is a transaction that several requests share.
type work struct {
	a       *Archive
	tx      *snapshot
	flush   bool // all changes are to be put in their places
	now     time.Time
	changes int

	hosts  map[string]*hostRecord
	days   map[string]*store.Day // by their keys
	trends map[string]trends     // by their keys
	queues map[queueName]bool    // whose due index changed
	leased map[string]bool       // keys of targets; nil until somebody asks

	targets, urls, due, visits, captures, captureIDs, payloads, readings, versions, old, articles, aliases, texts, visited, logs, signed *bucket
}

func newWork(a *Archive, tx *snapshot) *work {
	tx.coming = &coming{}
	w := &work{
		a: a, tx: tx, now: keptTime(a.clock()),
		hosts: map[string]*hostRecord{}, days: map[string]*store.Day{}, trends: map[string]trends{}, queues: map[queueName]bool{},
		targets: tx.Bucket(bucketTargets), urls: tx.Bucket(bucketURLs), due: tx.Bucket(bucketDue),
		visits: tx.Bucket(bucketVisits), captures: tx.Bucket(bucketCaptures), captureIDs: tx.Bucket(bucketCaptureIDs),
		payloads: tx.Bucket(bucketPayloads), readings: tx.Bucket(bucketReadings), versions: tx.Bucket(bucketVersions), old: tx.Bucket(bucketOld),
		articles: tx.Bucket(bucketArticles), aliases: tx.Bucket(bucketAliases), texts: tx.Bucket(bucketTexts),
		visited: tx.Bucket(bucketVisited), logs: tx.Bucket(bucketLog), signed: tx.Bucket(bucketSigned),
	}
	// These grow at their end.
	for _, b := range []*bucket{w.visits, w.captures, w.readings} {
		b.tree.FillPercent = .95
	}
	return w
}

func (w *work) put(b *bucket, k, v []byte) error {
	w.changes++
	return b.Put(k, v)
}

func (w *work) delete(b *bucket, k []byte) error {
	w.changes++
	return b.Delete(k)
}

// next returns the number of the next record of a bucket that counts them.
func (w *work) next(name []byte) (uint64, error) {
	seq, err := w.tx.lastSeq(name)
	return seq + 1, err
}

// host returns the record of a host, to be changed: it is saved when all
// requests have run.
func (w *work) host(name string) (*hostRecord, error) {
	if h := w.hosts[name]; h != nil {
		return h, nil
	}
	if h := w.a.recent.hosts[name]; h != nil {
		w.hosts[name] = h
		return h, nil
	}
	h := new(hostRecord)
	if v := w.tx.Bucket(bucketHosts).Get([]byte(name + "\x00")); v != nil {
		if err := unsealJSON([]byte(name+"\x00"), v, h); err != nil {
			return nil, fmt.Errorf("hosts/%s: %w", name, err)
		}
	}
	if h.States == nil {
		h.States = map[store.State]int{}
	}
	w.hosts[name] = h
	return h, nil
}

// saveCaptures writes those that were added.
func (w *work) saveCaptures() error {
	w.captures.writeComing()
	return w.tx.coming.err
}

func (w *work) saveHosts() error {
	for name, h := range w.hosts {
		for s, n := range h.States {
			if n == 0 {
				delete(h.States, s)
			}
		}
		k := []byte(name + "\x00")
		v, err := sealJSON(k, h)
		if err != nil {
			return err
		}
		if err := w.tx.Bucket(bucketHosts).Put(k, v); err != nil {
			return err
		}
	}
	return nil
}

// publish tells the frontier in memory what changed. a.mu is held.
func (w *work) publish() {
	for q := range w.queues {
		w.a.mark(q)
	}
	for name, r := range w.hosts {
		if h := w.a.host(name); r.Rest.After(h.rest) {
			h.rest = r.Rest
		}
		w.a.references.know(name, r.References)
	}
}
