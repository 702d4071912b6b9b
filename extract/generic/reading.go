package generic

// memo is what was worked out already.
type memo struct {
	body  *Body
	title *[]Candidate
}

// Title ranks what may be the headline.
func (r *Reading) Title() []Candidate { return nil }

// Lead ranks what may be the lead.
func (r *Reading) Lead() []Candidate { return nil }

// Published ranks the dates of publication. None is plausible when the page
// does not say.
func (r *Reading) Published() []Candidate { return nil }

// Modified ranks the dates of the last change.
func (r *Reading) Modified() []Candidate { return nil }

// Authors ranks bylines; each candidate holds all names of one byline.
func (r *Reading) Authors() []Candidate { return nil }

// Source ranks the papers and agencies that the text is said to come from.
func (r *Reading) Source() []Candidate { return nil }

// Section ranks the names of the section.
func (r *Reading) Section() []Candidate { return nil }

// Tags returns the tags of the page.
func (r *Reading) Tags() []string { return nil }

// Language ranks the language of the page, as BCP 47 tags.
func (r *Reading) Language() []Candidate { return nil }

// Canonical ranks the URLs that the page gives for itself.
func (r *Reading) Canonical() []Candidate { return nil }

// SiteName ranks the name of the site.
func (r *Reading) SiteName() []Candidate { return nil }

// Image ranks the URLs of the picture that stands for the article.
func (r *Reading) Image() []Candidate { return nil }

// Kind says what the page is, and why.
func (r *Reading) Kind() (Kind, string) { return Article, "" }
