package web

import (
	"context"
	"iter"
	"sync"
	"time"

	"luutin/store"
)

// A desk hands out the archive. It is opened when somebody wants to read,
// shared by all who do at the same time, opened anew when it has been open for
// a while, so that what a crawl has written meanwhile is seen, and closed when
// nobody reads, so that a crawl can begin.
type desk struct {
	open  func() (store.Archive, error)
	fresh time.Duration // how long the archive is read as it was when it was opened

	mu     sync.Mutex
	idle   *sync.Cond // a handle was closed
	now    *handle
	live   int // handles that are open
	closed bool
	aside  bool // somebody else wants the archive
}

type handle struct {
	store.Archive
	opened  time.Time
	readers int
	stale   bool // to be closed when its last reader has gone
}

func newDesk(open func() (store.Archive, error)) *desk {
	d := &desk{open: open, fresh: 2 * time.Second}
	d.idle = sync.NewCond(&d.mu)
	return d
}

// borrow returns the archive and what gives it back. While it is with somebody
// else (see give) it waits, until ctx ends.
func (d *desk) borrow(ctx context.Context) (store.Archive, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.wait(ctx, func() bool { return d.aside }); err != nil {
		return nil, nil, err
	}
	if d.closed {
		return nil, nil, store.ErrNotFound
	}
	if h := d.now; h != nil && time.Since(h.opened) > d.fresh {
		d.retire(h)
	}
	if d.now == nil {
		a, err := d.open()
		if err != nil {
			return nil, nil, err
		}
		h := &handle{Archive: a, opened: time.Now()}
		d.now = h
		d.live++
		time.AfterFunc(d.fresh+d.fresh/4, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.retire(h)
		})
	}
	h := d.now
	h.readers++
	var once sync.Once
	return h.Archive, func() {
		once.Do(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			h.readers--
			d.shut(h)
		})
	}, nil
}

// wait waits as long as something is so, until ctx ends. d.mu is held.
func (d *desk) wait(ctx context.Context, so func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle.Broadcast()
	})
	defer stop()
	for so() && ctx.Err() == nil {
		d.idle.Wait()
	}
	return ctx.Err()
}

// retire lends a handle to nobody any more. d.mu is held.
func (d *desk) retire(h *handle) {
	if d.now == h {
		d.now = nil
	}
	if !h.stale {
		h.stale = true
		d.shut(h)
	}
}

// shut closes a handle that nobody uses or will use. d.mu is held.
func (d *desk) shut(h *handle) {
	if !h.stale || h.readers > 0 {
		return
	}
	// It was only read: there is nothing to lose.
	_ = h.Close()
	d.live--
	d.idle.Broadcast()
}

// give lets f have the archive to itself: those who read are waited for, until
// ctx ends, and those who want to read wait.
func (d *desk) give(ctx context.Context, f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aside = true
	defer func() {
		d.aside = false
		d.idle.Broadcast()
	}()
	if d.now != nil {
		d.retire(d.now)
	}
	if err := d.wait(ctx, func() bool { return d.live > 0 }); err != nil {
		return err
	}
	d.mu.Unlock()
	defer d.mu.Lock()
	return f()
}

// close ends it. Who still reads may go on.
func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.now != nil {
		d.retire(d.now)
	}
}

// lent is the archive of a desk for who keeps it: each call borrows it.
type lent struct {
	store.Archive // nil: nothing else is called
	desk          *desk
}

// borrow returns what the request has borrowed already, if ctx is one's: to wait
// at the desk a second time might be to wait for oneself.
func (l lent) borrow(ctx context.Context) (store.Archive, func(), error) {
	if a, ok := ctx.Value(borrowed{}).(store.Archive); ok {
		return a, func() {}, nil
	}
	return l.desk.borrow(ctx)
}

// borrowed is the key of the archive in the context of a request that has it.
type borrowed struct{}

// Stats implements store.Archive.
func (l lent) Stats(ctx context.Context) (store.Stats, error) {
	a, back, err := l.borrow(ctx)
	if err != nil {
		return store.Stats{}, err
	}
	defer back()
	return a.Stats(ctx)
}

// Article implements store.Archive.
func (l lent) Article(ctx context.Context, id string) (store.Version, error) {
	a, back, err := l.borrow(ctx)
	if err != nil {
		return store.Version{}, err
	}
	defer back()
	return a.Article(ctx, id)
}

// Articles implements store.Archive.
func (l lent) Articles(ctx context.Context, q store.Query) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		a, back, err := l.borrow(ctx)
		if err != nil {
			yield(store.Version{}, err)
			return
		}
		defer back()
		a.Articles(ctx, q)(yield)
	}
}
