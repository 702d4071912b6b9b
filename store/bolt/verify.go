package bolt

import (
	"context"
	"iter"

	"luutin/store"
)

// Verify implements store.Archive.
func (a *Archive) Verify(ctx context.Context) iter.Seq[store.Problem] {
	return func(yield func(store.Problem) bool) {}
}
