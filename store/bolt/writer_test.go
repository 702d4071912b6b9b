package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"luutin/store"
)

// Requests that wait for one transaction share the next. One that fails half
// way takes back what it did, and nothing that others did.
func TestGroup(t *testing.T) {
	t.Parallel()
	a, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx := context.Background()
	var wait sync.WaitGroup
	held, release := make(chan struct{}), make(chan struct{})
	wait.Go(func() {
		_ = a.do(&request{ctx: ctx, run: func(*work) error {
			close(held)
			<-release
			return nil
		}})
	})
	<-held

	half, early, broken := errors.New("half way"), errors.New("at once"), "a page is broken"
	const n = 60
	errs := make([]error, n)
	groups := map[int]bool{}
	for i := range n {
		wait.Go(func() {
			errs[i] = a.do(&request{ctx: ctx, run: func(w *work) error {
				groups[w.tx.ID()] = true
				if i%10 == 1 {
					return early
				}
				_, err := w.add([]store.Target{{URL: fmt.Sprintf("https://h%d.vn/%d", i%3, i)}})
				switch {
				case i%10 == 2:
					return half
				case i == 3:
					panic(broken)
				}
				return err
			}})
		})
	}
	canceled, cancel := context.WithCancel(ctx)
	var late error
	wait.Go(func() {
		late = a.do(&request{ctx: canceled, run: func(w *work) error {
			_, err := w.add([]store.Target{{URL: "https://late.vn/"}})
			return err
		}})
	})
	for queued := 0; queued < n+1; { // until all of them wait
		a.queue.mu.Lock()
		queued = len(a.queue.reqs)
		a.queue.mu.Unlock()
	}
	cancel()
	close(release)
	wait.Wait()

	if !errors.Is(late, context.Canceled) {
		t.Errorf("a request whose context ended = %v", late)
	}
	kept := 0
	for i, err := range errs {
		switch {
		case i%10 == 1:
			if err != early {
				t.Errorf("request %d = %v, want %v", i, err, early)
			}
		case i%10 == 2:
			if err != half {
				t.Errorf("request %d = %v, want %v", i, err, half)
			}
		case i == 3:
			if err == nil {
				t.Errorf("request %d, which panicked, has no error", i)
			}
		case err != nil:
			t.Errorf("request %d = %v", i, err)
		default:
			kept++
		}
	}
	s, err := a.Stats(ctx)
	if err != nil || s.Targets[store.Due] != kept || len(s.Targets) != 1 {
		t.Errorf("Stats() = %+v, %v, want %d targets", s, err, kept)
	}
	for p := range a.Verify(ctx) {
		t.Errorf("Verify: %v", p)
	}
	// Each half-way failure begins anew; all others share one transaction.
	if len(groups) > 2+n/10 {
		t.Errorf("%d requests took %d transactions", n, len(groups))
	}
}

// TestWriterRests wants a transaction to wait for visits that are on their way,
// not for those that are there, and not for long.
func TestWriterRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &writeQueue{open: true}
		q.wake = sync.NewCond(&q.mu)
		put := func() {
			q.mu.Lock()
			q.reqs = append(q.reqs, &request{})
			q.wake.Signal()
			q.mu.Unlock()
			synctest.Wait()
		}
		began := make(chan int, 1)
		turn := func() {
			go func() { began <- len(q.next()) }()
			synctest.Wait()
		}
		start := time.Now()
		q.rested = start.Add(time.Hour)
		q.coming.Store(2)
		put()
		if turn(); len(began) > 0 {
			t.Fatal("it did not wait for the second of two visits")
		}
		if put(); len(began) == 0 || <-began != 2 {
			t.Fatal("it waits when all are there")
		}
		put()
		if turn(); len(began) > 0 {
			t.Fatal("it did not wait again")
		}
		if n := <-began; n != 1 || time.Since(start) != time.Hour {
			t.Fatalf("%d after %s", n, time.Since(start))
		}
		put()
		if turn(); len(began) == 0 {
			t.Fatal("it waits although it has rested")
		}
	})
}
