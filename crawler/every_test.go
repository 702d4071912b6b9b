package crawler

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		randoms := []float64{.5, 0, 1, .5, .5}
		takes := []time.Duration{0, time.Minute, 10 * time.Minute, 3 * time.Hour, time.Minute}
		want := []time.Duration{0, 60 * time.Minute, 114 * time.Minute, 180 * time.Minute, 360 * time.Minute, 420 * time.Minute}
		n := 0
		var told time.Time
		enough := errors.New("enough")
		err := Every(t.Context(), time.Hour, func() float64 { return randoms[n-1] }, func(context.Context) error {
			if got := time.Since(begun); got != want[n] {
				t.Errorf("run %d began after %v, want %v", n+1, got, want[n])
			}
			if n > 0 && !told.Equal(time.Now()) {
				t.Errorf("run %d began at %v, though %v was said", n+1, time.Now(), told)
			}
			if n == len(takes) {
				return enough
			}
			time.Sleep(takes[n])
			n++
			return nil
		}, func(next time.Time) { told = next })
		if err != enough || n != len(takes) {
			t.Errorf("%d runs, then %v", n, err)
		}
	})
}

func TestEveryStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Minute, cancel)
		begun, runs := time.Now(), 0
		err := Every(ctx, time.Hour, func() float64 { return .5 }, func(context.Context) error { runs++; return nil }, nil)
		if took := time.Since(begun); !errors.Is(err, context.Canceled) || took != 30*time.Minute || runs != 1 {
			t.Errorf("%d runs and %v after %v, want one and at once", runs, err, took)
		}
		if err := Every(ctx, 0, nil, nil, nil); fmt.Sprint(err) != "an interval of 0s" {
			t.Errorf("Every 0 = %v", err)
		}
	})
}

// Between two runs the archive is closed, so that others get at it; what the
// crawler knows of the hosts is still there.
func TestArchiveIsOpenedForEachRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ministry.set("/list", list("", "/news/1"))
		w.ministry.set("/news/1", news("Tin", ""))
		runs := 0
		ctx, stop := context.WithCancel(t.Context())
		err := Every(ctx, time.Hour, func() float64 { return .5 }, func(context.Context) error {
			if runs++; runs > 1 {
				w.Archive = openArchive(t, w.dir)
			}
			if runs == 3 {
				defer stop()
			}
			w.run(t)
			return w.Archive.Close()
		}, nil)
		if !errors.Is(err, context.Canceled) || w.ministry.hit("/list") != 3 || w.ministry.hit("/robots.txt") != 1 {
			t.Errorf("%v; the list was asked for %d times and robots.txt %d times, want 3 and 1", err, w.ministry.hit("/list"), w.ministry.hit("/robots.txt"))
		}
	})
}
