package markup

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// A tag is what is known of all elements of one name.
type tag struct {
	name string
	atom atom.Atom
	kind kind
	raw  bool // holds text and nothing else

	breaksOut bool // ends a picture that it begins in
	holdsHTML bool // in pictures

	special bool  // as the standard calls elements that formatting does not cross
	implied bool  // its end need not be written
	bounds  scope // the scopes in which nothing is looked for above it
}

// A kind stands for elements that the rules treat alike.
type kind uint8

const (
	kindOther kind = iota
	kindHTML
	kindHead
	kindBody
	kindMeta // and what else stands in a head and has no content
	kindTitle
	kindScript
	kindStyle
	kindNoframes
	kindNoscript
	kindBlock
	kindP
	kindHeading
	kindPre
	kindForm
	kindLi
	kindDd
	kindButton
	kindA
	kindFormat
	kindObject
	kindTable
	kindCaption
	kindCol
	kindColgroup
	kindTbody
	kindTr
	kindTd
	kindVoid
	kindBr
	kindInput
	kindParam
	kindHr
	kindImage
	kindTextarea
	kindXmp
	kindIframe
	kindNoembed
	kindSelect
	kindOption
	kindOptgroup
	kindSvg
	kindTemplate
	kindOdd // what is left to html.Parse
)

// A scope is a set of elements that end the search for an open one.
type scope uint8

const (
	inScope scope = 1 << iota
	inList
	inButton
	inTableScope
)

var names = []struct {
	kind  kind
	names string
}{
	{kindHTML, "html"}, {kindHead, "head"}, {kindBody, "body"},
	{kindMeta, "base basefont bgsound link meta"},
	{kindTitle, "title"}, {kindScript, "script"}, {kindStyle, "style"}, {kindNoframes, "noframes"}, {kindNoscript, "noscript"},
	{kindBlock, "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup main menu nav ol search section summary ul"},
	{kindP, "p"}, {kindHeading, "h1 h2 h3 h4 h5 h6"}, {kindPre, "pre listing"}, {kindForm, "form"}, {kindLi, "li"}, {kindDd, "dd dt"},
	{kindButton, "button"}, {kindA, "a"}, {kindFormat, "b big code em font i s small strike strong tt u"}, {kindObject, "applet marquee object"},
	{kindTable, "table"}, {kindCaption, "caption"}, {kindCol, "col"}, {kindColgroup, "colgroup"}, {kindTbody, "tbody tfoot thead"}, {kindTr, "tr"}, {kindTd, "td th"},
	{kindVoid, "area embed img keygen wbr"}, {kindBr, "br"}, {kindInput, "input"}, {kindParam, "param source track"}, {kindHr, "hr"}, {kindImage, "image"},
	{kindTextarea, "textarea"}, {kindXmp, "xmp"}, {kindIframe, "iframe"}, {kindNoembed, "noembed"},
	{kindSelect, "select"}, {kindOption, "option"}, {kindOptgroup, "optgroup"}, {kindSvg, "svg"}, {kindTemplate, "template"},
	{kindOdd, "frame frameset math nobr plaintext rb rp rt rtc"},
	{kindOther, "abbr audio canvas cite del dfn ins kbd label legend map mark picture q ruby samp span sub sup time var video"},
	{kindOther, "circle clippath defs desc ellipse filter foreignobject g line lineargradient mask path pattern polygon polyline rect stop symbol text tspan use"},
}

const (
	specials = "address applet area article aside base basefont bgsound blockquote body br button caption center col colgroup dd details dir div dl dt embed " +
		"fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input keygen li link listing main " +
		"marquee menu meta nav noembed noframes noscript object ol p param plaintext pre script section select source style summary table tbody td " +
		"template textarea tfoot th thead title tr track ul wbr xmp"
	raws     = "iframe noembed noframes noscript script style textarea title xmp" // with scripting, as html.Parse has it
	implieds = "dd dt li optgroup option p rb rp rt rtc"

	breakouts = "b big blockquote body br center code dd div dl dt em embed font h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta nobr ol p pre ruby " +
		"s small span strike strong sub sup table tt u ul var"
	htmlHolders = "desc foreignobject title"
)

var bounds = map[scope]string{
	inScope | inList | inButton: "applet caption html table td th marquee object template select",
	inList:                      "ol ul",
	inButton:                    "button",
	inTableScope:                "html table template",
}

// tags are the known ones by their names.
var tags = func() map[string]*tag {
	tags := map[string]*tag{}
	for _, group := range names {
		for _, name := range strings.Fields(group.names) {
			tags[name] = &tag{name: name, atom: atom.Lookup([]byte(name)), kind: group.kind}
		}
	}
	each := func(names string, set func(*tag)) {
		for _, name := range strings.Fields(names) {
			set(tags[name])
		}
	}
	each(specials, func(t *tag) { t.special = true })
	each(raws, func(t *tag) { t.raw = true })
	each(breakouts, func(t *tag) { t.breaksOut = true })
	each(htmlHolders, func(t *tag) { t.holdsHTML = true })
	each(implieds, func(t *tag) { t.implied = true })
	for s, names := range bounds {
		each(names, func(t *tag) { t.bounds |= s })
	}
	return tags
}()

var (
	unknown  = &tag{}
	tagHTML  = tags["html"]
	tagHead  = tags["head"]
	tagBody  = tags["body"]
	tagSvg   = tags["svg"]
	tagP     = tags["p"]
	tagA     = tags["a"]
	tagImg   = tags["img"]
	tagPick  = tags["select"]
	tagTr    = tags["tr"]
	tagTbody = tags["tbody"]
	tagGroup = tags["colgroup"]
)
