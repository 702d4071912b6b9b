// Package proof says what the log of an archive holds of a visit, and checks
// what luutin prove has written, without the archive. The log is a Merkle tree
// as in RFC 6962, its checkpoints are those of https://c2sp.org/tlog-checkpoint,
// and a proof is a file as in https://c2sp.org/tlog-proof.
package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Leaf is what the log says of a visit. Its fields stand in the order of
// their names in JSON, as Text writes them.
type Leaf struct {
	Article   string    `json:"article,omitempty"`   // id of the article that was read from it
	Digest    string    `json:"digest,omitempty"`    // of the body that was sent: sha256: and 64 hexadecimal digits; missing when none is kept
	Fetched   time.Time `json:"fetched,omitzero"`    // when the request was sent
	FinalURL  string    `json:"final_url,omitempty"` // when it is not URL
	Host      string    `json:"host"`
	Length    int64     `json:"length"` // of the body in bytes
	Post      string    `json:"post,omitempty"`
	Result    string    `json:"result"` // fetched, unchanged, gone, …
	Status    int       `json:"status"` // of HTTP; 0 when there was no answer
	Time      time.Time `json:"time"`   // when the answer came
	Truncated string    `json:"truncated,omitempty"`
	URL       string    `json:"url"`
	Version   int       `json:"version,omitempty"` // of the article
	Visit     uint64    `json:"visit"`             // its number, from 1
}

// Text is the leaf in canonical form: the JSON of RFC 8785, with times in UTC.
// Bytes that are no UTF-8 become U+FFFD, one each.
func (l *Leaf) Text() ([]byte, error) {
	c := *l
	for _, s := range []*string{&c.Article, &c.Digest, &c.FinalURL, &c.Host, &c.Post, &c.Result, &c.Truncated, &c.URL} {
		*s = strings.Map(func(r rune) rune { return r }, *s)
	}
	c.Fetched, c.Time = c.Fetched.UTC(), c.Time.UTC()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&c); err != nil {
		return nil, err
	}
	return unescapeSeparators(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// unescapeSeparators writes U+2028 and U+2029 as they are: encoding/json escapes
// them for JavaScript's sake, RFC 8785 does not.
func unescapeSeparators(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u202`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		switch {
		case bytes.HasPrefix(b, []byte(`\u2028`)), bytes.HasPrefix(b, []byte(`\u2029`)):
			out = append(out, "\u2028"...)
			out[len(out)-1] += b[5] - '8'
			b = b[6:]
		case b[0] == '\\':
			out = append(out, b[:2]...)
			b = b[2:]
		default:
			out = append(out, b[0])
			b = b[1:]
		}
	}
	return out
}

// A Checkpoint says how many visits a log holds, and the root of its tree.
type Checkpoint struct {
	Origin string // the log that it is of
	Size   int64
	Root   tlog.Hash

	// When the archive was damaged so that nobody knows how its log ended, it goes
	// on as another log, which says of each checkpoint which one it follows, and
	// how many of its first visits are those of that one. Follows is "" otherwise.
	Follows string
	Kept    int64
}

// Text is what is signed. What it follows stands in an extension line, as
// https://c2sp.org/tlog-checkpoint has them.
func (c *Checkpoint) Text() string {
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	if c.Follows != "" {
		text += fmt.Sprintf("%s%s %d\n", follows, c.Follows, c.Kept)
	}
	return text
}

const follows = "follows "

// A Former is a log that ended when its archive was damaged: another goes on
// with the visits that could be saved.
type Former struct {
	Origin    string    `json:"origin"`
	Kept      int64     `json:"kept"`           // how many of its first visits the log has that follows it
	Root      string    `json:"root"`           // of their tree, in base64
	Known     int64     `json:"known"`          // how many it had at least
	Last      string    `json:"last,omitempty"` // its last checkpoint that is known, which may be of more visits
	Ended     time.Time `json:"ended"`          // when that was found
	Why       string    `json:"why"`
	Statement string    `json:"statement,omitempty"` // a signed note that says so, by the keys of both logs where there were any
}

// ErrFormat is what a text is told by that is no proof or no checkpoint at all,
// true or not.
var ErrFormat = errors.New("it is not written as it should be")

// OpenCheckpoint reads a checkpoint and checks that one of keys, as luutin
// checkpoint --public-key prints them, has signed it. It returns ErrFormat for
// what is no signed checkpoint.
func OpenCheckpoint(signed []byte, keys ...string) (Checkpoint, error) {
	var verifiers []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(strings.TrimSpace(k))
		if err != nil {
			return Checkpoint{}, fmt.Errorf("public key %q: %w", k, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		var unverified *note.UnverifiedNoteError
		if errors.As(err, &unverified) {
			return Checkpoint{}, errors.New("checkpoint: no known key has signed it")
		}
		var wrong *note.InvalidSignatureError
		if errors.As(err, &wrong) {
			return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
		}
		return Checkpoint{}, fmt.Errorf("it is no checkpoint, which is three lines, an empty one and a signature: %w", ErrFormat)
	}
	for _, s := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("checkpoint: signature of %s: %w", s.Name, err)
		}
	}
	c, err := readCheckpoint(n.Text)
	if err == nil && n.Sigs[0].Name != c.Origin {
		err = fmt.Errorf("checkpoint: it is of log %s, but %s has signed it", c.Origin, n.Sigs[0].Name)
	}
	return c, err
}

func readCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return c, fmt.Errorf("checkpoint: it is not three lines, origin, size and root: %w", ErrFormat)
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("checkpoint: size %q is no number", lines[1])
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return c, fmt.Errorf("checkpoint: root %q is no hash", lines[2])
	}
	for line := range strings.Lines(lines[3]) {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), follows); ok {
			name, kept, _ := strings.Cut(rest, " ")
			if c.Kept, err = strconv.ParseInt(kept, 10, 64); err != nil || c.Kept < 0 || name == "" {
				return c, fmt.Errorf("checkpoint: %q does not say which log it follows", rest)
			}
			c.Follows = name
		}
	}
	return c, nil
}

// A Proof says that a log holds a leaf. It needs nothing else but the public
// key of the log.
type Proof struct {
	Leaf       []byte // Leaf.Text
	Index      int64  // from 0: the number of the visit, less one
	Hashes     []tlog.Hash
	Checkpoint []byte // signed
}

const heading = "c2sp.org/tlog-proof@v1\n"

// Text is the file: the leaf is its extra data.
func (p *Proof) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sextra %s\nindex %d\n", heading, base64.StdEncoding.EncodeToString(p.Leaf), p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", h)
	}
	fmt.Fprintf(&b, "\n%s", p.Checkpoint)
	return b.Bytes()
}

// Parse reads what Text wrote. Its errors are ErrFormat.
func Parse(text []byte) (p Proof, err error) {
	rest, ok := bytes.CutPrefix(text, []byte(heading))
	head, signed, parted := bytes.Cut(rest, []byte("\n\n"))
	if !ok || !parted {
		return p, fmt.Errorf("it is no proof, which begins with %s and ends with a checkpoint: %w", strings.TrimSpace(heading), ErrFormat)
	}
	p.Checkpoint = signed
	lines := strings.Split(string(head), "\n")
	extra, ok := strings.CutPrefix(lines[0], "extra ")
	if !ok || len(lines) < 2 {
		return p, fmt.Errorf("proof: the line extra, which says what is proven, is missing: %w", ErrFormat)
	}
	if p.Leaf, err = base64.StdEncoding.DecodeString(extra); err != nil {
		return p, fmt.Errorf("proof: extra: %w: %w", err, ErrFormat)
	}
	index, ok := strings.CutPrefix(lines[1], "index ")
	if p.Index, err = strconv.ParseInt(index, 10, 64); !ok || err != nil {
		return p, fmt.Errorf("proof: the line index is missing or no number: %w", ErrFormat)
	}
	for _, l := range lines[2:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			return p, fmt.Errorf("proof: %q is no hash: %w", l, ErrFormat)
		}
		p.Hashes = append(p.Hashes, h)
	}
	if !bytes.Equal(p.Text(), text) {
		return p, fmt.Errorf("proof: %w", ErrFormat)
	}
	return p, nil
}

// Check says whether the log that one of keys signs holds the leaf, and returns
// both.
func (p *Proof) Check(keys ...string) (l Leaf, c Checkpoint, err error) {
	if c, err = OpenCheckpoint(p.Checkpoint, keys...); err != nil {
		return l, c, err
	}
	if p.Index < 0 || p.Index >= c.Size {
		return l, c, fmt.Errorf("proof: index %d is not in a log of %d", p.Index, c.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, tlog.RecordHash(p.Leaf)); err != nil {
		return l, c, errors.New("proof: its hashes do not lead from what it says to the root of the checkpoint")
	}
	if err := json.Unmarshal(p.Leaf, &l); err != nil {
		return l, c, fmt.Errorf("proof: the leaf is no JSON: %w", err)
	}
	text, err := l.Text()
	if err != nil {
		return l, c, err
	}
	if !bytes.Equal(text, p.Leaf) || l.Visit != uint64(p.Index)+1 {
		return l, c, errors.New("proof: the leaf is not as luutin writes it; use a newer luutin")
	}
	return l, c, nil
}
