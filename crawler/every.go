package crawler

import (
	"context"
	"fmt"
	"time"
)

// Every calls run again and again, one call at a time: each begins an interval
// after the last began, up to a tenth sooner or later by what random says (0 …
// 1), so that many crawls do not all begin at the full hour. When a call took
// longer than that the next begins at once. before is told when the next
// begins; it may be nil. Every ends with the first error of run, or when ctx
// ends, at once, with the error of ctx.
func Every(ctx context.Context, interval time.Duration, random func() float64, run func(context.Context) error, before func(next time.Time)) error {
	if interval <= 0 {
		return fmt.Errorf("an interval of %v", interval)
	}
	for {
		began := time.Now()
		if err := run(ctx); err != nil {
			return err
		}
		next := began.Add(time.Duration(float64(interval) * (.9 + .2*random())))
		if before != nil && ctx.Err() == nil {
			before(later(next, time.Now()))
		}
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
	}
}
