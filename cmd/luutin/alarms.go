package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"luutin/crawler"
	"luutin/store"
)

// telling is how people are told of alarms, besides the standard error.
type telling struct {
	command string // for the shell; "" means none
	webhook string // URL; "" means none
}

func (t *telling) check() error {
	if _, err := exec.LookPath("sh"); err != nil && t.command != "" {
		return errors.New("--notify needs the shell sh, which is not to be found here; --webhook needs none")
	}
	if t.webhook == "" {
		return nil
	}
	if u, err := url.Parse(t.webhook); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--webhook %q is no URL such as https://example.org/alarms", t.webhook)
	}
	return nil
}

// tellTime is how long one way of telling may take.
const tellTime = 30 * time.Second

// A message is what a command gets on its standard input, and a webhook in its
// body.
type message struct {
	Event string `json:"event"` // began or ended
	store.Alarm
}

func newMessage(a store.Alarm) message {
	a.Told = nil
	if a.Ended.IsZero() {
		return message{"began", a}
	}
	return message{"ended", a}
}

// tell tells of alarms that have begun or ended, in each way once. keep is given
// each as soon as it was told in one way, and when all were tried: what was told is
// not told again, whatever happens then. failed is for ways that did not work, which
// are tried again; err for an alarm that could not be kept, and for ctx.
func (t *telling) tell(ctx context.Context, errOut io.Writer, news []store.Alarm, keep func(store.Alarm) error) (failed, err error) {
	for _, a := range news {
		m := newMessage(a)
		var here error
		for _, way := range []struct {
			name string
			used bool
			tell func() error
		}{
			{"stderr", true, func() error { t.print(errOut, m); return nil }},
			{"notify", t.command != "", func() error { return t.run(ctx, errOut, m) }},
			{"webhook", t.webhook != "", func() error { return t.post(ctx, m) }},
		} {
			if !way.used || slices.Contains(a.Told, way.name) {
				continue
			}
			if ctx.Err() != nil {
				return failed, context.Cause(ctx)
			}
			if e := way.tell(); e != nil {
				here = errors.Join(here, e)
				continue
			}
			a.Told = append(slices.Clip(a.Told), way.name)
			if err := keep(a); err != nil {
				return failed, err
			}
		}
		if ctx.Err() != nil && here != nil {
			return failed, context.Cause(ctx) // it was not the way that failed
		}
		if here != nil {
			failed = errors.Join(failed, fmt.Errorf("tell of %s, %s: %w; it is tried again after the next crawl", a.Site, a.Name, here))
			continue
		}
		a.Pending, a.Told = false, nil
		if err := keep(a); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

func (t *telling) print(w io.Writer, m message) {
	if m.Event == "began" {
		tellAlarm(w, m.Alarm, m.Site+"  ")
	} else {
		fmt.Fprintf(w, "%s  ALARM over: %s: it was that %s\n", m.Site, m.Name, m.What)
	}
}

func (t *telling) run(ctx context.Context, errOut io.Writer, m message) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", t.command)
	cmd.Env = append(os.Environ(), "LUUTIN_EVENT="+m.Event, "LUUTIN_SITE="+m.Site, "LUUTIN_ALARM="+m.Name, "LUUTIN_WHAT="+m.What, "LUUTIN_PAGE="+m.Page)
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.Stdout, cmd.Stderr = errOut, errOut
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("--notify %q: %w", t.command, err)
	}
	return nil
}

func (t *telling) post(ctx context.Context, m message) error {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.webhook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", crawler.DefaultAgent)
	// A redirect would be followed without the alarm, and any page taken for an answer.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("--webhook: %w", err)
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); resp.StatusCode >= 300 && resp.StatusCode < 400 && to != "" {
		return fmt.Errorf("--webhook %s: %s to %s, which is not followed; name the address that takes alarms", t.webhook, resp.Status, to)
	}
	if resp.StatusCode >= 300 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("--webhook %s: %s %s", t.webhook, resp.Status, strings.TrimSpace(string(said)))
	}
	return nil
}
