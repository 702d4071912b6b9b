package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"luutin/store"
)

// Where there is no shell nobody has to wait for an alarm to learn it.
func TestNotifyNeedsAShell(t *testing.T) {
	tell := telling{command: "true"}
	if err := tell.check(); err != nil {
		t.Errorf("with a shell: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := tell.check(); err == nil || err.Error() != "--notify needs the shell sh, which is not to be found here; --webhook needs none" {
		t.Errorf("without a shell: %v", err)
	}
}

// A webhook that leads elsewhere has told nobody, whatever stands there.
func TestWebhookIsNotFollowed(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		if r.URL.Path == "/alarms" {
			http.Redirect(w, r, "/login", http.StatusFound)
		}
	}))
	defer server.Close()
	told := func(webhook string) (kept []store.Alarm, failed error) {
		tell := telling{webhook: webhook}
		failed, err := tell.tell(t.Context(), io.Discard, []store.Alarm{{Site: "moj.gov.vn", Name: "slow", Pending: true, Told: []string{"stderr"}}}, func(a store.Alarm) error {
			kept = append(kept, a)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return kept, failed
	}
	kept, failed := told(server.URL + "/alarms")
	want := "tell of moj.gov.vn, slow: --webhook " + server.URL + "/alarms: 302 Found to /login, which is not followed; name the address that takes alarms; it is tried again after the next crawl"
	if len(kept) != 0 || failed == nil || failed.Error() != want {
		t.Errorf("kept %v as told, error %v, want none and %s", kept, failed, want)
	}
	if kept, failed = told(server.URL + "/other"); len(kept) != 2 || kept[1].Pending || failed != nil {
		t.Errorf("kept %v as told, error %v, want it told", kept, failed)
	}
	if len(asked) != 2 {
		t.Errorf("asked for %q, want each webhook once", asked)
	}
}
