package crawler

import (
	"context"
	"errors"
	"fmt"

	"luutin/extract"
	"luutin/store"
)

// Fetch gets one page of a site with the manners of a crawl, robots.txt and
// the turn of its host included, and keeps nothing. It may be a page of any kind.
// Archive may be nil.
func (c *Crawler) Fetch(ctx context.Context, site, rawURL string) (extract.Page, error) {
	r, err := c.begin([]string{site})
	if err != nil {
		return extract.Page{}, err
	}
	l := &store.Lease{
		Target:  store.Target{URL: rawURL, Site: site},
		Host:    store.Host(rawURL),
		Expires: r.now().Add(leaseTime),
	}
	f := newFetcher(r.web)
	var capture *store.Capture
	for {
		if sites, _ := r.open(); len(sites) == 0 {
			return extract.Page{}, fmt.Errorf("fetch %s: %s is asked from %s only", rawURL, site, r.Sites.Terms(site).Hours)
		}
		if capture, err = f.fetchLease(ctx, r, l, nil); !errors.Is(err, errNotNow) {
			break
		}
		// A crawl would let other hosts go first.
		if err := sleep(ctx, r.web.manners.next(l.Host, r.delay(site)).Sub(r.now())); err != nil {
			return extract.Page{}, fmt.Errorf("fetch %s: %w", rawURL, err)
		}
	}
	if v := r.judge(l, capture, err, false); v.Result != store.Fetched {
		return extract.Page{}, fmt.Errorf("fetch %s: %s", rawURL, v.Reason)
	}
	return extract.Page{
		URL: capture.FinalURL, ContentType: capture.ContentType, Body: capture.Body, Fetched: capture.Fetched,
	}, nil
}
