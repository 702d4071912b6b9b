package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/store"
	"luutin/store/proof"
)

// visitLog looks at the log of all visits, its checkpoints and proofs.
func visitLog(r *run) {
	if _, err := r.a.Checkpoint(r.ctx); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("Checkpoint() of an empty archive = %v, want ErrNotFound", err)
	}
	if _, err := r.a.Prove(r.ctx, 1); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("Prove(1) of an empty archive = %v, want ErrNotFound", err)
	}
	a, b := "https://moj.gov.vn/a", "https://moj.gov.vn/b?\u2028&<x>\\u2028"
	var want []proof.Leaf
	look := func(url, body string, change func(*store.Visit)) {
		r.Helper()
		r.wait(time.Hour)
		art := article(url, "Lễ", body)
		v := fetched(url, body, art)
		v.Capture.Fetched = r.clock().Add(-time.Second)
		if change != nil {
			change(&v)
		}
		o := r.visit(url, v)
		sum := sha256.Sum256([]byte(body))
		l := proof.Leaf{Article: o.ID, Host: "moj.gov.vn", Result: string(v.Result), Time: r.clock(), URL: url, Version: o.Version, Visit: uint64(len(want) + 1)}
		if c := v.Capture; c != nil {
			l.Status, l.Truncated, l.Fetched, l.Post = c.Status, c.Truncated, c.Fetched, c.Post
			if c.FinalURL != url {
				l.FinalURL = c.FinalURL
			}
			if v.Result != store.Unchanged {
				l.Digest, l.Length = "sha256:"+hex.EncodeToString(sum[:]), int64(len(body))
			}
		}
		want = append(want, l)
	}
	prove := func() {
		r.Helper()
		keys, err := r.a.Keys(r.ctx)
		r.ok(err)
		for i, w := range want {
			p, err := r.a.Prove(r.ctx, uint64(i+1))
			r.ok(err)
			read, err := proof.Parse(p.Text())
			r.ok(err)
			got, checkpoint, err := read.Check(keys...)
			if err != nil || checkpoint.Size != int64(len(want)) {
				r.Errorf("visit %d: the proof is of a log of %d, %v, want %d", i+1, checkpoint.Size, err, len(want))
			}
			if diff := cmp.Diff(w, got); diff != "" {
				r.Errorf("visit %d: leaf (-want +got):\n%s", i+1, diff)
			}
		}
	}

	look(a, "<1>", nil)
	look(b, "<1>", nil)
	look(a, "<1>", nil) // a revisit
	look(a, "", func(v *store.Visit) { v.Result, v.Article, v.Capture = store.Failed, nil, nil })
	look(b, "", func(v *store.Visit) { v.Result, v.Article, v.Capture.Status = store.Unchanged, nil, 304 })
	first, err := r.a.Checkpoint(r.ctx)
	r.ok(err)
	again, err := r.a.Checkpoint(r.ctx)
	r.ok(err)
	if !bytes.Equal(first, again) {
		r.Errorf("Checkpoint() of the same visits = %q, then %q", first, again)
	}
	prove()

	look(a, "gone", func(v *store.Visit) {
		v.Result, v.Article, v.Capture.Status, v.Capture.Truncated = store.Missing, nil, 404, "length"
	})
	if _, err := r.a.Prove(r.ctx, 6); err == nil || errors.Is(err, store.ErrNotFound) {
		r.Errorf("Prove of a visit after the checkpoint = %v", err)
	}
	look(b, "<2>", func(v *store.Visit) { v.Capture.FinalURL = "https://moj.gov.vn/c" })
	for i := range 30 {
		look(a, fmt.Sprintf("<%d>", i), nil)
	}
	r.reopen() // Close signs
	prove()
	look(a, "<last>", nil)
	second, err := r.a.Checkpoint(r.ctx)
	r.ok(err)
	prove()
	for _, c := range []struct {
		signed []byte
		size   int
	}{{first, 5}, {second, len(want)}} {
		if got, err := r.a.Follows(r.ctx, c.signed); err != nil || got.Size != int64(c.size) {
			r.Errorf("Follows(checkpoint of %d) = %d, %v", c.size, got.Size, err)
		}
	}
	for i := range second {
		bad := bytes.Clone(second)
		if bad[i] ^= 1; i == len(bad)-1 {
			bad = bad[:i]
		}
		if _, err := r.a.Follows(r.ctx, bad); err == nil {
			r.Errorf("Follows(checkpoint with byte %d changed) is content", i)
		}
	}
	if _, err := r.a.Prove(r.ctx, uint64(len(want)+1)); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("Prove of a visit that there is not = %v, want ErrNotFound", err)
	}
}
