package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"luutin/extract"
	"luutin/store"
)

// attach visits an attachment.
func (r *run) attach(url, contentType string, body []byte) store.Outcome {
	r.Helper()
	r.wait(time.Hour)
	t := target(url)
	t.Kind = extract.KindAttachment
	if r.add(t) == 0 {
		_, err := r.a.Recall(r.ctx, store.Selection{URLs: []string{extract.CanonicalURL(url)}})
		r.ok(err)
	}
	l := r.lease()
	if l.Target.URL != url {
		r.Fatalf("leased %s, want %s", l.Target.URL, url)
	}
	v := fetched(url, "", nil)
	v.Capture.Fetched, v.Capture.ContentType = r.clock(), contentType
	if len(body) <= 1<<20 {
		v.Capture.Body = body
		return r.commit(l, v)
	}
	s, err := r.a.Spool(r.ctx)
	r.ok(err)
	defer s.Close()
	_, err = s.Write(body)
	r.ok(err)
	v.Capture.Spool = s
	return r.commit(l, v)
}

// drop retains, and returns the URLs of what it told of.
func (r *run) drop(q store.Retention) (done store.Retained, urls []string) {
	r.Helper()
	done, err := r.a.Retain(r.ctx, q, func(d store.Dropping) {
		if got := r.target(d.URL); d.Capture != got.Capture || d.Site != "moj" || d.Length == 0 || d.Digest == [32]byte{} || d.Fetched.IsZero() {
			r.Errorf("Retain tells of %+v", d)
		}
		urls = append(urls, d.URL)
	})
	r.ok(err)
	return done, urls
}

// holds says whether the archive has the bytes of a capture; nil are those that
// were dropped by a rule.
func (r *run) holds(url string, want []byte) {
	r.Helper()
	page, err := r.a.Capture(r.ctx, r.target(url).Capture)
	_, err2 := r.a.Body(r.ctx, r.target(url).Capture)
	var dropped, dropped2 *store.BodyDropped
	switch errors.As(err, &dropped); {
	case want == nil && (dropped == nil || dropped.Rule == "" || dropped.When.IsZero()):
		r.Errorf("%s: Capture() = %d bytes, %v, want *store.BodyDropped", url, len(page.Body), err)
	case want == nil && !errors.As(err2, &dropped2):
		r.Errorf("%s: Body() = %v, want *store.BodyDropped", url, err2)
	case want != nil && (err != nil || err2 != nil || !bytes.Equal(page.Body, want)):
		r.Errorf("%s: Capture() = %d bytes, %v, %v, want %d bytes", url, len(page.Body), err, err2, len(want))
	}
	n := 0
	for v, err := range r.a.Visits(r.ctx, store.VisitQuery{URLs: []string{url}, Headers: true}) {
		r.ok(err)
		if n++; (v.Dropped != nil) != (want == nil) || want == nil && dropped != nil && *v.Dropped != dropped.Drop {
			r.Errorf("visit of %s: Dropped = %+v", url, v.Dropped)
		}
		if v.Length == 0 || v.Digest == [32]byte{} || v.Answer == nil || v.Answer.Header.Get("Etag") == "" || v.Answer.ContentType == "" || v.Answer.Fetched.IsZero() {
			r.Errorf("visit of %s: its facts are lost: %+v", url, v)
		}
	}
	if n == 0 {
		r.Errorf("there is no visit of %s", url)
	}
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func retain(r *run) {
	const host, other = "https://moj.gov.vn/", "https://mof.gov.vn/"
	small, video, shared, page := noise(1, 3000), noise(2, 3<<20), noise(3, 2<<20), noise(4, 2000)
	html := []byte(strings.Repeat("<p>Quang cảnh</p>", 50))
	r.visit(host+"article", fetched(host+"article", string(page), article(host+"article", "Lễ", "x")))
	r.attach(host+"same-as-article.pdf", "application/pdf", page)
	r.attach(host+"small.pdf", "application/pdf", small)
	r.attach(host+"small-copy.pdf", "application/pdf; x=y", small)
	r.attach(host+"error.html", "text/html; charset=utf-8", html)
	r.attach(host+"unknown", "", append(slices.Clone(small), '?'))
	r.attach(host+"video.mp4", "video/mp4", video)
	r.attach(host+"shared.mp4", "video/mp4", shared)
	r.attach(other+"shared.mp4", "video/mp4", shared)
	r.attach(host+"empty.pdf", "application/pdf", []byte{0})
	before, err := r.a.Stats(r.ctx)
	r.ok(err)
	signed, err := r.a.Checkpoint(r.ctx)
	r.ok(err)

	for name, q := range map[string]store.Retention{
		"nothing said":  {Rule: "x"},
		"no name":       {Larger: 1},
		"no media type": {Rule: "x", Types: []string{"pdf"}},
		"a parameter":   {Rule: "x", Types: []string{"text/plain; charset=utf-8"}},
		"negative":      {Rule: "x", Larger: -1},
	} {
		if _, err := r.a.Retain(r.ctx, q, nil); err == nil {
			r.Errorf("Retain of a rule with %s returned no error", name)
		}
	}
	for _, c := range []struct {
		q    store.Retention
		want []string
		done store.Retained
	}{
		{store.Retention{Types: []string{"video/*"}, Sites: []string{"mof"}}, nil, store.Retained{}},
		{store.Retention{Types: []string{"image/*"}}, nil, store.Retained{}},
		{store.Retention{Before: r.clock().Add(-100 * time.Hour)}, nil, store.Retained{}},
		{store.Retention{Types: []string{"text/*"}}, nil, store.Retained{}},
		{store.Retention{Larger: 2 << 20}, []string{host + "video.mp4"}, store.Retained{Captures: 1, Bodies: 1, Bytes: 3 << 20}},
		{store.Retention{Types: []string{"application/pdf"}, Larger: 1}, []string{host + "small.pdf", host + "small-copy.pdf"},
			store.Retained{Captures: 2, Bodies: 1, Bytes: 3000, Shared: 1}},
		// The copy came an hour later.
		{store.Retention{Before: r.clock().Add(-6 * time.Hour), Larger: 1}, nil, store.Retained{Shared: 2}},
	} {
		c.q.Dry, c.q.Rule = true, "test"
		if done, got := r.drop(c.q); !slices.Equal(got, c.want) || done != c.done {
			r.Errorf("Retain(%+v) = %+v, %q, want %+v, %q", c.q, done, got, c.done, c.want)
		}
	}
	r.holds(host+"video.mp4", video)
	if after, err := r.a.Stats(r.ctx); err != nil || !cmp.Equal(before, after) {
		r.Errorf("a dry Retain changed the archive: %+v, %v, it was %+v", after, err, before)
	}

	r.wait(time.Hour)
	all := store.Retention{Types: []string{"video/*", "application/pdf"}, Before: r.clock(), Larger: 1, Rule: "all of it"}
	want := store.Retained{Captures: 5, Bodies: 4, Bytes: 3000 + 3<<20 + 2*2<<20, Shared: 1}
	if done, _ := r.drop(all); done != want {
		r.Errorf("Retain() = %+v, want %+v", done, want)
	}
	look := func() {
		r.Helper()
		for _, name := range []string{host + "small.pdf", host + "small-copy.pdf", host + "video.mp4", host + "shared.mp4", other + "shared.mp4"} {
			r.holds(name, nil)
		}
		r.holds(host+"article", page)
		r.holds(host+"same-as-article.pdf", page)
		r.holds(host+"error.html", html)
	}
	look()
	r.check()
	after, err := r.a.Stats(r.ctx)
	r.ok(err)
	if after.Dropped != 4 || after.DroppedBytes != want.Bytes || before.Bytes-after.Bytes != want.Bytes || after.Visits != before.Visits || after.Captures != before.Captures {
		r.Errorf("Stats() = %+v, it was %+v", after, before)
	}
	if _, err := r.a.Follows(r.ctx, signed); err != nil {
		r.Errorf("Follows() = %v", err)
	}
	r.reopen()
	look()
	if done, got := r.drop(all); done != (store.Retained{Shared: 1}) {
		r.Errorf("Retain() again = %+v, %q", done, got)
	}

	// What comes again is kept again, wherever it comes from.
	r.attach(host+"video.mp4", "video/mp4", video)
	r.holds(host+"video.mp4", video)
	r.attach(host+"small-copy.pdf", "application/pdf", small)
	r.holds(host+"small-copy.pdf", small)
	r.holds(host+"small.pdf", small)
	r.attach(host+"moved.mp4", "video/mp4", shared)
	r.holds(host+"shared.mp4", shared)
	r.holds(other+"shared.mp4", nil)
	r.check()
	r.reopen()
	r.holds(host+"video.mp4", video)
	r.attach(host+"small.pdf", "application/pdf", small)
	r.attach(host+"shared.mp4", "video/mp4", shared)
	r.holds(host+"shared.mp4", shared)
	after, err = r.a.Stats(r.ctx)
	r.ok(err)
	// The first that held small.pdf and shared.mp4 do not any more; another does.
	if after.Dropped != 3 || before.Bytes-after.Bytes != 2<<20 {
		r.Errorf("Stats() of what came again = %+v, at first it was %+v", after, before)
	}
	// Its age counts from then.
	if _, got := r.drop(all); slices.Contains(got, host+"video.mp4") {
		r.Errorf("what came again was dropped at once: %q", got)
	}
	all.Before = r.clock().Add(time.Hour)
	if _, got := r.drop(all); !slices.Contains(got, host+"video.mp4") || !slices.Contains(got, host+"moved.mp4") {
		r.Errorf("what came again is not dropped again: %q", got)
	}
	r.holds(host+"video.mp4", nil)
	r.holds(host+"shared.mp4", nil)
}

// retainReference drops what other captures are like.
func retainReference(r *run) {
	const host = "https://moj.gov.vn/"
	var base []byte
	for line := range slices.Chunk(noise(7, 8000), 8) {
		base = fmt.Appendf(base, "<div class=\"c%x\">%x</div>\n", line[:4], line[4:])
	}
	like := func(i int) []byte { return append(slices.Clone(base), fmt.Sprint("end ", i)...) }
	for i := range 40 {
		r.attach(fmt.Sprintf("%s%d.pdf", host, i), "application/pdf", like(i))
	}
	r.visit(host+"page", fetched(host+"page", string(like(1000)), nil))
	// The first, against which an engine may keep the others, and some of those.
	done, _ := r.drop(store.Retention{Rule: "x", Before: r.clock().Add(-30 * time.Hour), Types: []string{"application/pdf"}})
	if done.Bodies < 5 || done.Bodies > 20 {
		r.Fatalf("Retain() = %+v", done)
	}
	look := func() {
		r.Helper()
		for i := range 40 {
			want := like(i)
			if i < done.Bodies {
				want = nil
			}
			r.holds(fmt.Sprintf("%s%d.pdf", host, i), want)
		}
		r.holds(host+"page", like(1000))
	}
	look()
	for i := range 10 {
		r.attach(fmt.Sprintf("%snew%d.pdf", host, i), "application/pdf", like(100+i))
	}
	r.check()
	r.reopen()
	look()
	for i := range 10 {
		r.holds(fmt.Sprintf("%snew%d.pdf", host, i), like(100+i))
	}
}

// retainElsewhere records what is known of bodies that are not kept anywhere.
func retainElsewhere(r *run) {
	const host = "https://moj.gov.vn/"
	body := noise(9, 5000)
	drop := store.Drop{When: r.clock().Add(-time.Hour), Rule: "elsewhere"}
	visit := func(url string, c store.Capture) store.Outcome {
		r.Helper()
		t := target(url)
		t.Kind = extract.KindAttachment
		c.URL, c.FinalURL, c.Status, c.ContentType = url, url, 200, "application/pdf"
		c.Header = capture(url, "").Header
		r.wait(time.Minute)
		c.Fetched = r.clock()
		o, err := r.a.Record(r.ctx, t, store.Visit{Result: store.Fetched, Time: r.clock(), Capture: &c})
		r.ok(err)
		return o
	}
	gone := store.Capture{Dropped: &store.Dropped{Drop: drop, Digest: sha256.Sum256(body), Length: 5000}}
	for _, name := range []string{"a.pdf", "a.pdf", "b.pdf"} {
		if o := visit(host+name, gone); o.Captured {
			r.Errorf("%s: outcome %+v", name, o)
		}
		r.holds(host+name, nil)
	}
	s, err := r.a.Stats(r.ctx)
	r.ok(err)
	if s.Dropped != 2 || s.DroppedBytes != 10_000 || s.Bytes != 0 || s.Captures != 2 || s.Visits != 3 {
		r.Errorf("Stats() = %+v", s)
	}
	r.check()
	visit(host+"b.pdf", store.Capture{Body: body})
	r.holds(host+"b.pdf", body)
	r.holds(host+"a.pdf", body)
	visit(host+"c.pdf", gone) // here it is
	r.holds(host+"c.pdf", body)
	_, err = r.a.Record(r.ctx, target(host+"d.pdf"), store.Visit{Result: store.Fetched, Time: r.clock(), Capture: &store.Capture{
		URL: host + "d.pdf", Fetched: r.clock(), Body: body, Dropped: gone.Dropped}})
	if err == nil {
		r.Error("Record of a body that is there and dropped returned no error")
	}
}
