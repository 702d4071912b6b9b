package bolt_test

import (
	"testing"
	"time"

	"luutin/store"
	"luutin/store/bolt"
	"luutin/store/storetest"
)

func TestArchive(t *testing.T) {
	storetest.Run(t, func(dir string, clock func() time.Time) (store.Archive, error) {
		return bolt.Open(dir, bolt.Options{Clock: clock})
	})
}
