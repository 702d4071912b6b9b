package bolt

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"luutin/extract"
	"luutin/store"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir() + "/a"
	ctx := context.Background()
	a, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := a.Add(ctx, store.Target{URL: "https://moj.gov.vn/1", Site: "moj", Kind: extract.KindArticle})
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	l, err := a.Lease(ctx, store.Want{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{ReadOnly: true})
	var u *store.InUse
	if !errors.As(err, &u) {
		t.Fatal(err)
	}
	t.Log(err)
	art := &extract.Article{CanonicalURL: "https://moj.gov.vn/1", Title: "x", Body: "y"}
	art.ID = extract.ArticleID(art.CanonicalURL)
	art.ContentHash = art.Hash()
	o, err := a.Commit(ctx, l, store.Visit{Result: store.Fetched, Time: time.Now(), Capture: &store.Capture{URL: l.Target.URL, Status: 200, Header: http.Header{"Etag": {"x"}}, Body: []byte("<html>")}, Article: art})
	t.Log(o, err)
	if err != nil {
		t.Fatal(err)
	}
	for v, err := range a.Articles(ctx, store.Query{}) {
		t.Log(string(v.JSON), err)
	}
	v, err := a.Article(ctx, o.ID)
	t.Log(v, err)
	for v, err := range a.Targets(ctx, store.Selection{}) {
		t.Logf("%+v %v", v, err)
		t.Log(a.Capture(ctx, v.Capture))
	}
	t.Log(a.Stats(ctx))
	_, err = a.Lease(ctx, store.Want{})
	t.Log(err)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a, err = Open(dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(a.Stats(ctx))
	a.Close()
}
