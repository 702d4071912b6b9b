package extract

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestTerms(t *testing.T) {
	load := func(lines string) (*Sites, error) {
		return LoadSites(fstest.MapFS{"x.toml": &fstest.MapFile{Data: []byte("hosts = ['x.test']\nzone = 'Asia/Ho_Chi_Minh'\n" + lines)}})
	}
	sites, err := load("private = true\ntls = ['expired', 'legacy ciphers', 'expired']\nhours = '22:00-06:00'")
	if err != nil {
		t.Fatal(err)
	}
	terms := sites.Terms("x")
	if !terms.Private || !slices.Equal(terms.TLS, []string{"expired", "legacy ciphers"}) || terms.Hours.String() != "22:00-06:00" {
		t.Errorf("Terms = %+v", terms)
	}
	if terms := sites.Terms("moj.gov.vn"); terms.Private || terms.TLS != nil || terms.Hours != (Hours{}) {
		t.Errorf("Terms of a site that says nothing = %+v", terms)
	}
	for lines, want := range map[string]string{
		"\ntls = ['anything']":   `x.toml:4: tls allows no "anything"; what it may allow is 'legacy ciphers'`,
		"tls = 'expired'":        "x.toml:3: ",
		"private = 'yes'":        "x.toml:3: ",
		"hours = 'at night'":     `x.toml:3: hours "at night" are no span such as 22:00-06:00`,
		"hours = '22:00-25:00'":  "x.toml:3: hours",
		"hours = '06:00-06:00'":  "x.toml:3: hours",
		"hours = '22:00'":        "x.toml:3: hours",
		"allow_private = true\n": `x.toml:3: unknown key "allow_private"`,
	} {
		if _, err := load(lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", lines, err, want)
		}
	}
	noZone := fstest.MapFS{"x.toml": &fstest.MapFile{Data: []byte("hosts = ['x.test']\nhours = '22:00-06:00'")}}
	if _, err := LoadSites(noZone); err == nil || !strings.Contains(err.Error(), "x.toml:2: hours need the zone") {
		t.Errorf("hours without a zone: error %v", err)
	}
}

func TestHoursOpens(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		hours    string
		zone     *time.Location
		at, want string // in UTC
	}{
		{"22:00-06:00", zone, "2026-03-04T15:00:00Z", ""}, // 22:00 there
		{"22:00-06:00", zone, "2026-03-04T20:00:00Z", ""}, // 03:00
		{"22:00-06:00", zone, "2026-03-04T22:59:59Z", ""}, // 05:59:59
		{"22:00-06:00", zone, "2026-03-04T23:00:00Z", "2026-03-05T15:00:00Z"},
		{"22:00-06:00", zone, "2026-03-04T14:59:59Z", "2026-03-04T15:00:00Z"},
		{"09:30-11:00", zone, "2026-03-04T03:00:00Z", ""},
		{"09:30-11:00", zone, "2026-03-04T04:00:00Z", "2026-03-05T02:30:00Z"},
		{"00:00-06:00", zone, "2026-03-04T16:59:00Z", "2026-03-04T17:00:00Z"},
		{"22:00-00:00", zone, "2026-03-31T17:00:00Z", "2026-04-01T15:00:00Z"},
		{"22:00-06:00", berlin, "2026-03-29T03:30:00Z", ""}, // 05:30, after an hour that there was not
		{"22:00-06:00", berlin, "2026-03-29T04:00:00Z", "2026-03-29T20:00:00Z"},
	} {
		h, err := parseHours(tt.hours, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339, tt.at)
		want := at
		if tt.want != "" {
			want, _ = time.Parse(time.RFC3339, tt.want)
		}
		if got := h.Opens(at); !got.Equal(want) {
			t.Errorf("%s in %s: Opens(%s) = %s, want %s", tt.hours, tt.zone, tt.at, got.UTC(), want.UTC())
		}
	}
	now := time.Now()
	if got := (Hours{}).Opens(now); got != now {
		t.Errorf("Opens of the whole day = %v", got)
	}
}
