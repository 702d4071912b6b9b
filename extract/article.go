package extract

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"luutin/extract/dom"
)

// Version names the reader in Article.Extractor. It grows whenever the same
// bytes may be read differently than before.
const Version = "1"

// A Kind says what a URL leads to.
type Kind string

// The kinds of page that a crawl meets.
const (
	KindArticle    Kind = "article"
	KindList       Kind = "list" // links to articles; HTML or JSON
	KindFeed       Kind = "feed" // RSS, Atom, JSON Feed
	KindSitemap    Kind = "sitemap"
	KindAttachment Kind = "attachment" // kept as it came, never read
)

// A Page is one response as it was captured.
type Page struct {
	URL         string    // where it was found in the end, after redirects; "" when unknown
	Post        string    // the body of the request that got it; "" for a GET
	ContentType string    // the Content-Type header; "" when there was none
	Body        []byte    // without content coding, otherwise as it came; never modified
	Fetched     time.Time // dates after it are not believed; zero means no bound
}

// A Reading is what one page says: an article, links, or both.
type Reading struct {
	Kind    Kind        // what the page turned out to be
	Instead string      // what it is instead of an article: list, home, search, login, challenge, missing, shell, empty, refresh (it sends readers on to its one link); "" when it is one or nobody can tell
	Site    string      // the definition that read it; "" when none knows the host
	Article *Article    // nil unless Read returned no error
	Links   []Link      // in the order of the page, each canonical URL once
	Stuck   string      // why a list does not go on though its rule says how; "" when it does, or ends
	Explain []Candidate // what was considered for each field, winners first
}

// A Link is something that a page asks a crawl to visit.
type Link struct {
	URL       string     // absolute, as it must be asked for
	Post      string     // the body to send; "" means GET
	Canonical string     // what the URL is known by; see Sites.Key
	Kind      Kind       //
	Text      string     // the text of the link, the name of an attachment
	Onward    bool       // a further page of the list on which it stands
	Published *time.Time // as the list or the feed says; nil when it does not
	Modified  *time.Time // as the sitemap says: nothing behind the link is newer
}

// A Candidate is a value that was considered for a field.
type Candidate struct {
	Field  string  `json:"field"`
	Value  string  `json:"value"`
	Signal string  `json:"signal"` // the rule or the place that gave it
	Score  float64 `json:"score"`  // 0 … 1
	Won    bool    `json:"won"`
	Why    string  `json:"why,omitempty"` // why it won or lost, when it needs saying
}

// An Article is what a page was read as. Its JSON is the export format, and
// its keys only grow.
type Article struct {
	ID           string   `json:"id"`      // from the canonical URL alone; see ArticleID
	Version      int      `json:"version"` // counted from 1 by the archive; 0 before it is kept
	URL          string   `json:"url"`     // as fetched
	CanonicalURL string   `json:"canonical_url"`
	Aliases      []string `json:"aliases"` // other URLs that led here, sorted

	Site     string `json:"site"`
	Ministry Text   `json:"ministry"`

	Title  string  `json:"title"`
	Lead   Text    `json:"lead"`   // not repeated in the body
	Body   string  `json:"body"`   // paragraphs parted by a blank line
	Blocks []Block `json:"blocks"` // the same with its structure

	Published          *time.Time `json:"published"` // nil when the page does not say
	PublishedText      Text       `json:"published_text"`
	PublishedPrecision Text       `json:"published_precision"` // second, minute, day, month or year
	Modified           *time.Time `json:"modified"`
	Withdrawn          *time.Time `json:"withdrawn,omitempty"` // since when it is gone from its site; set by the archive, in versions that say so

	Authors  []string  `json:"authors"`
	Source   Text      `json:"source"`
	Section  Text      `json:"section"`
	Tags     []string  `json:"tags"`
	Language Text      `json:"language"` // BCP 47
	Variants []Variant `json:"variants"` // the same article in other languages

	Images      []Image      `json:"images"`
	Attachments []Attachment `json:"attachments"`
	Related     []Related    `json:"related"`

	Fetched     time.Time         `json:"fetched"`
	Capture     Text              `json:"capture"` // the capture it was read from; set by the archive
	ContentHash string            `json:"content_hash"`
	Extractor   string            `json:"extractor"`
	Provenance  map[string]string `json:"provenance"` // field to the rule or signal that gave it
}

// NotBelieved stands in Article.Provenance for the canonical URL of a page that
// calls itself another one, which tells another story: its own URL counts.
const NotBelieved = "its own URL: what it calls itself tells another story"

// ReadOf returns a as another reading of the capture that old was read from:
// with what the archive and the visit have given old, and as the same article.
func (a *Article) ReadOf(old *Article) *Article {
	n := *a
	n.ID, n.CanonicalURL, n.URL = old.ID, old.CanonicalURL, old.URL
	n.Version, n.Aliases, n.Withdrawn = old.Version, old.Aliases, old.Withdrawn
	n.Fetched, n.Capture = old.Fetched, old.Capture
	return &n
}

// A Block is one piece of a body. Its Kind is one of paragraph, heading, list,
// quote and table.
type Block = dom.Block

// An Image stands in an article; its caption is not part of the body.
type Image struct {
	URL     string `json:"url"`
	Caption Text   `json:"caption"`
	Credit  Text   `json:"credit"`
}

// An Attachment is a file that the article offers.
type Attachment struct {
	URL  string `json:"url"`
	Name string `json:"name"`
	Type string `json:"type"` // the extension in lower case without a dot: pdf, docx
}

// A Variant is the same article in another language.
type Variant struct {
	Language string `json:"language"` // BCP 47
	URL      string `json:"url"`
}

// A Related is a link that the page offers beside the article.
type Related struct {
	URL   string `json:"url"`
	Title string `json:"title"`
}

// ErrNotArticle is what Read wraps when a page holds no article. The error
// says why; the reading still has the page's kind and its links.
var ErrNotArticle = errors.New("not an article")

// ArticleID returns the identifier of the article at a canonical URL: the
// first 16 bytes of the URL's SHA-256 in lower-case base32 (RFC 4648) without
// padding, 26 characters.
func ArticleID(canonicalURL string) string {
	sum := sha256.Sum256([]byte(canonicalURL))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Hash returns the digest of what a reader sees: title, lead, body, date of
// publication, source and attachments. Two readings with one hash are the same
// version. It is "sha256:" and 64 hexadecimal digits.
func (a *Article) Hash() string {
	b := make([]byte, 0, len(a.Title)+len(a.Lead)+len(a.Body)+256)
	part := func(s string) {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(append(b, ':'), s...)
	}
	part(a.Title)
	part(string(a.Lead))
	part(a.Body)
	if a.Published != nil {
		part(a.Published.Format(time.RFC3339))
	} else {
		part("")
	}
	part(string(a.Source))
	for _, f := range a.Attachments {
		part(f.URL)
		part(f.Name)
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
