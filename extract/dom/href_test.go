package dom

import (
	"net/url"
	"testing"
)

func TestHref(t *testing.T) {
	base, err := url.Parse("http://moj.gov.vn/ds/1.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want, at string }{ // at: where it leads from base; "" means nowhere
		{"/tin/a-1.html", "/tin/a-1.html", "http://moj.gov.vn/tin/a-1.html"},
		{" \n/tin/a\n-1.html\t\x00", "/tin/a-1.html", "http://moj.gov.vn/tin/a-1.html"},
		{"/tin/giam-50%.html", "/tin/giam-50%25.html", "http://moj.gov.vn/tin/giam-50%25.html"},
		{"/tin/giam-50%25.html", "/tin/giam-50%25.html", "http://moj.gov.vn/tin/giam-50%25.html"},
		{"tang-8%-nam-%E1%ba%bf", "tang-8%25-nam-%E1%ba%bf", "http://moj.gov.vn/ds/tang-8%25-nam-%E1%ba%bf"},
		{"100%", "100%25", "http://moj.gov.vn/ds/100%25"},
		{"/a%%41", "/a%25%41", "http://moj.gov.vn/a%25%41"},
		{"/tin/%u1EBF", "/tin/%25u1EBF", "http://moj.gov.vn/tin/%25u1EBF"},
		{"/tim?q=%u1EBF&p=50%", "/tim?q=%u1EBF&p=50%", "http://moj.gov.vn/tim?q=%u1EBF&p=50%"},
		{"/a#50%", "/a#50%25", "http://moj.gov.vn/a#50%25"},
		{"/a b?c d", "/a%20b?c%20d", "http://moj.gov.vn/a%20b?c%20d"},
		{"/a\x7f\x01b", "/a%7F%01b", "http://moj.gov.vn/a%7F%01b"},
		{`\tin\a.html`, "/tin/a.html", "http://moj.gov.vn/tin/a.html"},
		{`http:\\mof.gov.vn\tin`, "http://mof.gov.vn/tin", "http://mof.gov.vn/tin"},
		{`\\mof.gov.vn\tin`, "//mof.gov.vn/tin", "http://mof.gov.vn/tin"},
		{`/a?b=\c#\d`, `/a?b=\c#\d`, `http://moj.gov.vn/a?b=\c#%5Cd`},
		{`javascript:f('\n 5%')`, `javascript:f('\n 5%')`, `javascript:f('\n 5%')`},
		{"mailto:a%b@moj.gov.vn", "mailto:a%b@moj.gov.vn", "mailto:a%b@moj.gov.vn"},
		{"http://m%f.gov.vn/50%", "http://m%f.gov.vn/50%25", ""},
		{"", "", "http://moj.gov.vn/ds/1.html"},
	} {
		got := Href(c.in)
		if got != c.want {
			t.Errorf("Href(%q) = %q, want %q", c.in, got, c.want)
		}
		at := ""
		if u, err := base.Parse(got); err == nil {
			at = u.String()
		}
		if at != c.at {
			t.Errorf("Href(%q) leads to %q, want %q", c.in, at, c.at)
		}
	}
}

func FuzzHref(f *testing.F) {
	f.Add("/tin/giam-50%.html?%u1#%")
	f.Add("HTTP:\\\\a\\%/ \x01")
	f.Fuzz(func(t *testing.T, raw string) {
		once := Href(raw)
		if twice := Href(once); twice != once {
			t.Errorf("Href(%q) = %q, and of that %q", raw, once, twice)
		}
		if u, err := url.Parse(raw); err == nil && u.Host != "" { // what was understood before still is
			if _, err := url.Parse(once); err != nil {
				t.Errorf("Href(%q) = %q: %v", raw, once, err)
			}
		}
	})
}
